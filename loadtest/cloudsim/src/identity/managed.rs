//! Managed identities of Azure: of a machine (IMDS) and of an App Service.

use serde_json::json;

use super::expiry;
use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::{Received, percent_decoded};

/// The instance metadata service.
pub(super) fn machine(behaviour: &Behaviour, request: &Received) -> Document {
    if request.header("metadata") != Some("true") {
        return refuse("bad_request_102", "Required metadata header not specified");
    }
    if request.query("api-version") != Some("2018-02-01") {
        return refuse("bad_request_104", "The api-version is not supported");
    }
    give(behaviour, request)
}

/// The endpoint that App Service names in `IDENTITY_ENDPOINT`. Its `X-IDENTITY-HEADER` is the client's secret.
pub(super) fn app_service(behaviour: &Behaviour, request: &Received) -> Document {
    if request.header("x-identity-header") != Some(behaviour.client.1.as_str()) {
        return refuse("invalid_request", "X-IDENTITY-HEADER is missing or wrong");
    }
    if request.query("api-version") != Some("2019-08-01") {
        return refuse("invalid_request", "The api-version is not supported");
    }
    give(behaviour, request)
}

fn give(behaviour: &Behaviour, request: &Received) -> Document {
    let resource = request.query("resource").map(percent_decoded).unwrap_or_default();
    if !resource.starts_with("https://") || resource.ends_with("/.default") {
        return refuse("invalid_resource", "AADSTS500011: The resource principal was not found");
    }
    if request.query("client_id").is_some_and(|client| client != behaviour.client.0) {
        return refuse("invalid_request", "Identity not found");
    }
    Document::json(
        200,
        &json!({
            "access_token": behaviour.tokens.issue(behaviour.token_lifetime),
            "client_id": behaviour.client.0,
            "expires_in": behaviour.token_lifetime.as_secs().to_string(),
            "expires_on": expiry(behaviour).to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }),
    )
}

fn refuse(error: &str, message: &str) -> Document {
    Document::json(400, &json!({ "error": error, "error_description": message }))
}
