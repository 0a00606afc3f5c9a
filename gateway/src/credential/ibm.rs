//! Tokens of IBM Cloud IAM, for an API key.

use futures_util::future::BoxFuture;
use http::Uri;
use tradewind_policies::spec::IbmCredential;

use super::{
    CredentialError, Fresh, Secret, Source, Surroundings, exchange::Patience, form, secrets::SecretSource, token::read_token,
};

const IAM: &str = "https://iam.cloud.ibm.com";
const GRANT: &str = "urn:ibm:params:oauth:grant-type:apikey";

/// An API key that is exchanged for tokens.
#[derive(Debug)]
pub(super) struct ApiKey {
    uri: Uri,
    key: SecretSource,
    surroundings: Surroundings,
}

impl ApiKey {
    pub(super) fn new(credential: &IbmCredential, surroundings: &Surroundings) -> Result<Self, CredentialError> {
        let base = credential.iam_url.as_ref().map_or_else(|| IAM.to_owned(), ToString::to_string);
        let uri = form::uri(format!("{base}/identity/token"))?;
        Ok(Self { uri, key: SecretSource::new(&credential.api_key, surroundings)?, surroundings: surroundings.clone() })
    }
}

impl Source<Secret> for ApiKey {
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<Secret>, CredentialError>> {
        Box::pin(async move {
            let key = self.key.read().await?;
            let request = form::post(self.uri.clone(), &[("grant_type", GRANT), ("apikey", key.expose())]);
            read_token(&self.surroundings.ask(request, Patience::REMOTE).await?)
        })
    }
}
