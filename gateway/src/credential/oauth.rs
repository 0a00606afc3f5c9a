//! Tokens of any OAuth 2 token endpoint, by the client credentials grant (RFC 6749, section 4.4).

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use tradewind_policies::spec::OAuthCredential;

use super::{
    CredentialError, Fresh, Secret, Source, Surroundings, exchange::Patience, form, secrets::SecretSource, token::read_token,
};

/// A client with a secret, sent by HTTP Basic.
#[derive(Debug)]
pub(super) struct ClientCredentials {
    credential: OAuthCredential,
    secret: SecretSource,
    surroundings: Surroundings,
}

impl ClientCredentials {
    pub(super) fn new(credential: &OAuthCredential, surroundings: &Surroundings) -> Result<Self, CredentialError> {
        let secret = SecretSource::new(&credential.client_secret, surroundings)?;
        Ok(Self { credential: credential.clone(), secret, surroundings: surroundings.clone() })
    }
}

impl Source<Secret> for ClientCredentials {
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<Secret>, CredentialError>> {
        Box::pin(async move {
            let secret = self.secret.read().await?;
            let mut fields = vec![("grant_type", "client_credentials")];
            fields.extend(self.credential.scope.as_deref().map(|scope| ("scope", scope)));
            let mut request = form::post(self.credential.token_url.uri().clone(), &fields);
            // Section 2.3.1: both halves are form-encoded before they are joined.
            let pair = format!("{}:{}", form::encode(&self.credential.client_id), form::encode(secret.expose()));
            let pair = Secret::of(&BASE64_STANDARD.encode(pair), "the client's name and secret")?;
            request.headers_mut().insert(AUTHORIZATION, pair.header("Basic ", "the client's name and secret")?);
            read_token(&self.surroundings.ask(request, Patience::REMOTE).await?)
        })
    }
}
