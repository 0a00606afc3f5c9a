//! The JWT grant of a service account (RFC 7523).

use serde::{Deserialize, Serialize};

use super::SCOPE;
use crate::credential::{
    CredentialError, Fresh, Secret, Surroundings,
    exchange::Patience,
    form,
    jwt::{Header, RsaKey},
    token::read_token,
};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// In seconds: the longest that Google accepts.
const LIFETIME: u64 = 3600;

/// A key of a service account.
#[derive(Deserialize)]
pub(super) struct ServiceAccount {
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    #[serde(default = "google_tokens")]
    token_uri: String,
}

fn google_tokens() -> String {
    "https://oauth2.googleapis.com/token".to_owned()
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
}

impl ServiceAccount {
    pub(super) async fn token(&self, surroundings: &Surroundings) -> Result<Fresh<Secret>, CredentialError> {
        let key = RsaKey::of_pem(&self.private_key, "`private_key` of the Google credentials file")?;
        let now = surroundings.clock.unix_seconds();
        let claims = Claims { iss: &self.client_email, scope: SCOPE, aud: &self.token_uri, iat: now, exp: now + LIFETIME };
        let assertion = key.sign(&Header::rs256(self.private_key_id.as_deref()), &claims)?;
        let fields = [("grant_type", GRANT), ("assertion", assertion.expose())];
        let request = form::post(form::uri(self.token_uri.clone())?, &fields);
        read_token(&surroundings.ask(request, Patience::REMOTE).await?)
    }
}
