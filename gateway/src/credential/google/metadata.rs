//! The metadata server of Compute Engine, Cloud Run and GKE (workload identity).

use bytes::Bytes;
use http::{HeaderValue, Request};

use super::SCOPE;
use crate::credential::{CredentialError, Fresh, Secret, Surroundings, exchange::Patience, form, token::read_token};

/// A token of the default service account.
pub(super) async fn token(surroundings: &Surroundings) -> Result<Fresh<Secret>, CredentialError> {
    let host = surroundings.variables.get("GCE_METADATA_HOST").unwrap_or_else(|| "metadata.google.internal".to_owned());
    let scopes = form::encode(SCOPE);
    let address = form::uri(format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/token?scopes={scopes}"))?;
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = address;
    request.headers_mut().insert("metadata-flavor", HeaderValue::from_static("Google"));
    read_token(&surroundings.ask(request, Patience::NEAR).await?)
}
