//! Microsoft Entra ID: the client credentials grant, with a secret or with a federated token.

use serde_json::json;

use super::is_form;
use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::Received;

pub(super) fn token(behaviour: &Behaviour, request: &Received) -> Document {
    let form = |name: &str| request.form(name);
    if !is_form(request) || form("grant_type").as_deref() != Some("client_credentials") {
        return refuse(400, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.");
    }
    if !form("scope").is_some_and(|scope| scope.ends_with("/.default")) {
        return refuse(400, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid.");
    }
    if form("client_id").as_deref() != Some(behaviour.client.0.as_str()) {
        return refuse(400, "unauthorized_client", 700016, "Application with that identifier was not found in the directory.");
    }
    let proven = match (form("client_secret"), form("client_assertion")) {
        (Some(secret), None) => secret == behaviour.client.1,
        (None, Some(assertion)) => {
            let kind = form("client_assertion_type");
            kind.as_deref() == Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer") && assertion.split('.').count() == 3
        }
        _ => false,
    };
    if !proven {
        return refuse(401, "invalid_client", 7_000_215, "Invalid client secret provided.");
    }
    let lifetime = behaviour.token_lifetime.as_secs();
    Document::json(
        200,
        &json!({
            "token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime,
            "access_token": behaviour.tokens.issue(behaviour.token_lifetime),
        }),
    )
}

fn refuse(status: u16, error: &str, code: u32, message: &str) -> Document {
    Document::json(
        status,
        &json!({
            "error": error, "error_description": format!("AADSTS{code}: {message}"), "error_codes": [code],
            "timestamp": "2026-01-02 03:04:05Z", "trace_id": "sim", "correlation_id": "sim",
        }),
    )
}
