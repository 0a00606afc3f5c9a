//! A user who once signed in: the refresh token grant.

use serde::Deserialize;

use crate::credential::{CredentialError, Fresh, Secret, Surroundings, exchange::Patience, form, token::read_token};

/// What is left of signing in.
#[derive(Deserialize)]
pub(super) struct AuthorizedUser {
    client_id: String,
    client_secret: String,
    refresh_token: String,
    #[serde(default = "google_tokens")]
    token_uri: String,
}

fn google_tokens() -> String {
    "https://oauth2.googleapis.com/token".to_owned()
}

impl AuthorizedUser {
    pub(super) async fn token(&self, surroundings: &Surroundings) -> Result<Fresh<Secret>, CredentialError> {
        let fields = [
            ("grant_type", "refresh_token"),
            ("client_id", &self.client_id),
            ("client_secret", &self.client_secret),
            ("refresh_token", &self.refresh_token),
        ];
        let request = form::post(form::uri(self.token_uri.clone())?, &fields);
        read_token(&surroundings.ask(request, Patience::REMOTE).await?)
    }
}
