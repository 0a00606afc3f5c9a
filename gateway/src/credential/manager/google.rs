//! Google Secret Manager: `AccessSecretVersion`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Request, header::AUTHORIZATION};
use serde::Deserialize;
use tradewind_policies::spec::GoogleSource;

use crate::credential::{CredentialError, Surroundings, exchange::Patience, form, google};

/// A version of a secret.
pub(in crate::credential) struct GoogleSecret<'a> {
    pub(in crate::credential) project: &'a str,
    pub(in crate::credential) name: &'a str,
    /// Without one, the latest.
    pub(in crate::credential) version: Option<&'a str>,
}

#[derive(Deserialize)]
struct Answer {
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    data: String,
}

impl GoogleSecret<'_> {
    pub(in crate::credential) async fn read(&self, surroundings: &Surroundings) -> Result<String, CredentialError> {
        let token = google::source(&GoogleSource::Default, surroundings)?.obtain().await?.value;
        // The variable by which `gcloud` is told of another address.
        let base = surroundings.variables.get("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER");
        let base = base.unwrap_or_else(|| "https://secretmanager.googleapis.com".to_owned());
        let (project, name, version) = (self.project, self.name, self.version.unwrap_or("latest"));
        let base = base.trim_end_matches('/');
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = form::uri(format!("{base}/v1/projects/{project}/secrets/{name}/versions/{version}:access"))?;
        request.headers_mut().insert(AUTHORIZATION, token.header("Bearer ", "the token")?);
        let reply = surroundings.ask(request, Patience::REMOTE).await?;
        let answer: Answer = reply.json()?;
        let bytes = BASE64_STANDARD.decode(answer.payload.data).map_err(|_| reply.malformed("`payload.data` is not base64"))?;
        String::from_utf8(bytes).map_err(|_| reply.malformed("the secret is binary; accepted: text"))
    }
}
