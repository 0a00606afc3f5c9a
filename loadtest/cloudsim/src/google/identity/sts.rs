//! The exchange of a foreign token for one of Google's (RFC 8693), `POST /v1/token`: workload identity federation.

use serde_json::json;

use super::CLOUD_PLATFORM;
use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::Received;
use crate::tokens::Standing;

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What it says to a form.
pub(in super::super) fn exchange(behaviour: &Behaviour, received: &Received) -> Document {
    match check(behaviour, received) {
        Ok(()) => {
            let lifetime = behaviour.token_lifetime;
            let answer = json!({
                "access_token": behaviour.tokens.issue(lifetime),
                "issued_token_type": ACCESS_TOKEN,
                "token_type": "Bearer",
                "expires_in": lifetime.as_secs(),
            });
            Document::json(200, &answer)
        }
        Err((error, description)) => Document::json(400, &json!({ "error": error, "error_description": description })),
    }
}

fn check(behaviour: &Behaviour, received: &Received) -> Result<(), (&'static str, String)> {
    let field = |name: &str| received.form(name).unwrap_or_default();
    let invalid = |what: &str| Err(("invalid_request", what.to_owned()));
    if field("grant_type") != "urn:ietf:params:oauth:grant-type:token-exchange" {
        return Err(("unsupported_grant_type", "grant_type must be that of a token exchange".into()));
    }
    let audience = field("audience");
    let pool = audience
        .strip_prefix("//iam.googleapis.com/projects/")
        .is_some_and(|pool| pool.contains("/locations/global/workloadIdentityPools/") && pool.contains("/providers/"));
    if !pool {
        return invalid("Invalid value for \"audience\". This value should be the full resource name of the Identity Provider.");
    }
    if field("requested_token_type") != ACCESS_TOKEN {
        return invalid("requested_token_type must be that of an access token");
    }
    let kinds = ["jwt", "id_token", "saml2"].map(|kind| format!("urn:ietf:params:oauth:token-type:{kind}"));
    if !kinds.contains(&field("subject_token_type")) {
        return invalid("Invalid subject token type");
    }
    if !field("scope").split(' ').any(|scope| scope == CLOUD_PLATFORM || scope == "https://www.googleapis.com/auth/iam") {
        return Err(("invalid_scope", "Invalid scope".into()));
    }
    match behaviour.tokens.standing(&field("subject_token")) {
        Standing::Valid => Ok(()),
        Standing::Expired => Err(("invalid_grant", "ID Token issued at is stale to sign-in.".into())),
        Standing::Unknown => Err(("invalid_grant", "The given credential is rejected by the attribute condition.".into())),
    }
}
