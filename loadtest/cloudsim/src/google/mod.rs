//! Google Cloud and Google AI Studio on one port: Vertex AI, the Gemini API, Secret Manager, and everybody who hands out tokens.
//!
//! `POST /console/service-account-keys` stands for the button in Google's console: it answers with a new key file.

mod body;
mod claude;
mod embed;
mod error;
mod gemini;
mod identity;
mod proto;
mod secrets;
mod studio;
mod vertex;

use std::time::SystemTime;

use http::Method;

use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Cloud, Document, Manner};
use crate::credential;
use crate::log::Received;
use crate::refusal::Refusal;

pub use identity::ServiceAccounts;

/// Google.
#[derive(Debug)]
pub(crate) struct Google;

impl Cloud for Google {
    fn answer(&self, behaviour: &Behaviour, request: &Received) -> Answered {
        let path = request.route();
        if let Some(target) = vertex::Target::of(path) {
            return vertex::answer(behaviour, &target, request);
        }
        if let Some(call) = path.strip_prefix("/v1beta/models/").or_else(|| path.strip_prefix("/v1/models/")) {
            return studio::answer(behaviour, call, request);
        }
        Answered::Aside(aside(behaviour, request).unwrap_or_else(|refusal| error::Vertex.refuse(&refusal)))
    }
}

/// What is no inference.
fn aside(behaviour: &Behaviour, request: &Received) -> Result<Document, Refusal> {
    let now = SystemTime::now();
    let path = request.route();
    match (&request.method, path.split('/').collect::<Vec<_>>().as_slice()) {
        (&Method::POST, ["", "token"]) => Ok(identity::token(behaviour, request, now)),
        (&Method::POST, ["", "v1", "token"]) => Ok(identity::exchange(behaviour, request)),
        (_, ["", "computeMetadata", ..] | ["", ""]) => Ok(identity::metadata(behaviour, request)),
        (&Method::POST, ["", "v1", "projects", "-", "serviceAccounts", account]) if account.ends_with(":generateAccessToken") => {
            credential::bearer(behaviour, request)?;
            identity::impersonate(behaviour, request, now)
        }
        (&Method::GET, ["", "v1", "projects", project, "secrets", secret, "versions", version]) => {
            credential::bearer(behaviour, request)?;
            let version = version.strip_suffix(":access").ok_or_else(|| Refusal::unknown_url(&request.method, path))?;
            secrets::access(behaviour, project, secret, version)
        }
        (&Method::POST, ["", "console", "service-account-keys"]) => {
            let token_uri = format!("http://{}/token", request.header("host").unwrap_or_default());
            let key = behaviour.service_accounts.create_key(&token_uri);
            Ok(key.map_or_else(|error| Document::of(500, "text/plain", error.to_string()), |key| Document::json(200, &key)))
        }
        (method, _) => Err(Refusal::unknown_url(method, path)),
    }
}
