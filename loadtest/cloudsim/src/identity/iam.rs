//! IBM Cloud IAM: a token for an API key, which is the behaviour's key.

use serde_json::json;

use super::{expiry, is_form};
use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::Received;

pub(super) fn token(behaviour: &Behaviour, request: &Received) -> Document {
    if !is_form(request) || request.form("grant_type").as_deref() != Some("urn:ibm:params:oauth:grant-type:apikey") {
        return refuse("BXNIM0120E", "Property missing or empty: grant_type");
    }
    let key = request.form("apikey");
    if key.is_none() || (behaviour.token.is_some() && key != behaviour.token) {
        return refuse("BXNIM0415E", "Provided API key could not be found.");
    }
    Document::json(
        200,
        &json!({
            "access_token": behaviour.tokens.issue(behaviour.token_lifetime), "refresh_token": "not_supported",
            "token_type": "Bearer", "expires_in": behaviour.token_lifetime.as_secs(), "expiration": expiry(behaviour),
            "scope": "ibm openid",
        }),
    )
}

fn refuse(code: &str, message: &str) -> Document {
    Document::json(400, &json!({ "errorCode": code, "errorMessage": message, "context": { "requestId": "sim" } }))
}
