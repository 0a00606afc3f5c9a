//! Azure Key Vault.

use serde_json::json;

use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::credential;
use crate::log::Received;

pub(super) fn read(behaviour: &Behaviour, request: &Received) -> Document {
    let refuse = |status: u16, code: &str, message: &str| {
        Document::json(status, &json!({ "error": { "code": code, "message": message } }))
    };
    if let Err(refusal) = credential::issued(behaviour, request) {
        let challenge = "Bearer authorization=\"https://login.microsoftonline.com/sim\", resource=\"https://vault.azure.net\"";
        return refuse(401, "Unauthorized", &refusal.message).with("www-authenticate", challenge);
    }
    if request.query("api-version").is_none() {
        return refuse(400, "BadParameter", "api-version must be specified");
    }
    let name = request.route().split('/').nth(2).unwrap_or_default();
    match behaviour.secrets.get(name) {
        Some(secret) => {
            let id = format!("https://sim.vault.azure.net{}", request.route());
            Document::json(200, &json!({ "value": secret, "id": id, "attributes": { "enabled": true } }))
        }
        None => refuse(404, "SecretNotFound", "A secret with that name was not found in this key vault."),
    }
}
