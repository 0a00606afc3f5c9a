//! An OAuth 2 server: the client credentials grant, the client shown by HTTP Basic (RFC 6749, sections 2.3.1 and 4.4).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::is_form;
use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::Received;

pub(super) fn token(behaviour: &Behaviour, request: &Received) -> Document {
    if !is_form(request) || request.form("grant_type").as_deref() != Some("client_credentials") {
        return Document::json(400, &json!({ "error": "unsupported_grant_type" }));
    }
    let (id, secret) = &behaviour.client;
    let expected = format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    if request.header("authorization") != Some(expected.as_str()) {
        let refused = json!({ "error": "invalid_client", "error_description": "Client authentication failed" });
        return Document::json(401, &refused).with("www-authenticate", "Basic");
    }
    // Databricks knows no token without a scope.
    let scope = request.form("scope");
    if request.route() == "/oidc/v1/token" && scope.as_deref() != Some("all-apis") {
        return Document::json(400, &json!({ "error": "invalid_scope" }));
    }
    Document::json(
        200,
        &json!({
            "access_token": behaviour.tokens.issue(behaviour.token_lifetime), "token_type": "Bearer",
            "expires_in": behaviour.token_lifetime.as_secs(), "scope": scope,
        }),
    )
}
