//! Secret Manager: access to a version of a secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::refusal::{Refusal, Why};

/// The secret of that name.
pub(super) fn access(behaviour: &Behaviour, project: &str, secret: &str, version: &str) -> Result<Document, Refusal> {
    let found = behaviour.secrets.get(secret).filter(|_| ["latest", "1"].contains(&version));
    let value = found.ok_or_else(|| {
        let message = format!("Secret [projects/{project}/secrets/{secret}] not found or has no versions.");
        Refusal::new(404, Why::UnknownModel, message)
    })?;
    let name = format!("projects/{project}/secrets/{secret}/versions/1");
    Ok(Document::json(200, &json!({ "name": name, "payload": { "data": STANDARD.encode(value) } })))
}
