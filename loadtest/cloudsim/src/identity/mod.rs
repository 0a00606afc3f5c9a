//! Identity services: where tokens are asked for, and keepers of secrets. What they issue, the clouds accept.

use http::Method;

use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Cloud, Document};
use crate::log::Received;
use crate::openai::{Shape, after};
use crate::refusal::Refusal;

mod entra;
mod iam;
mod key_vault;
mod managed;
mod oauth;
mod vault;

/// All identity services at one origin.
#[derive(Debug)]
pub(crate) struct Identity;

impl Cloud for Identity {
    fn answer(&self, behaviour: &Behaviour, request: &Received) -> Answered {
        match answer(behaviour, request) {
            Some(document) => Answered::Aside(document),
            None => Answered::of(Err(Refusal::unknown_url(&request.method, request.route())), &Shape::OpenAi),
        }
    }
}

/// What the identity service at that path says; nothing where there is none.
///
/// - `POST /TENANT/oauth2/v2.0/token`: Microsoft Entra ID.
/// - `GET /metadata/identity/oauth2/token`: the managed identity of a machine; `GET /msi/token`: that of an App Service.
/// - `POST /identity/token`: IBM Cloud IAM.
/// - `POST /oidc/v1/token`: Databricks; `POST /oauth/token`: any other OAuth 2 server.
/// - `GET /v1/MOUNT/data/PATH`: HashiCorp Vault; `GET /secrets/NAME`: Azure Key Vault.
pub(crate) fn answer(behaviour: &Behaviour, request: &Received) -> Option<Document> {
    let path = request.route();
    match (&request.method, path) {
        (&Method::POST, "/identity/token") => Some(iam::token(behaviour, request)),
        (&Method::POST, "/oidc/v1/token" | "/oauth/token") => Some(oauth::token(behaviour, request)),
        (&Method::GET, "/metadata/identity/oauth2/token") => Some(managed::machine(behaviour, request)),
        (&Method::GET, "/msi/token") => Some(managed::app_service(behaviour, request)),
        (&Method::POST, path) if after("/*/oauth2/v2.0/token", path) == Some("") => Some(entra::token(behaviour, request)),
        (&Method::GET, path) if after("/v1/*/data/*", path).is_some() => Some(vault::read(behaviour, request)),
        (&Method::GET, path) if after("/secrets/*", path).is_some() => Some(key_vault::read(behaviour, request)),
        _ => None,
    }
}

/// The seconds of the Unix epoch when a token that is issued now ends.
fn expiry(behaviour: &Behaviour) -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (now + behaviour.token_lifetime).as_secs()
}

/// Whether a form came, as token endpoints demand.
fn is_form(request: &Received) -> bool {
    request.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}
