//! The metadata service of an instance, version 2 only: a token must be fetched by `PUT` before anything can be read.

use std::time::{Duration, SystemTime};

use http::Method;
use serde_json::json;

use super::super::keys::AccessKeys;
use super::issue::issue;
use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::Received;
use crate::tokens::Standing;

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const ROLE: &str = "sim-role";

/// What it says to a request below `/latest/`.
pub(in super::super) fn instance(behaviour: &Behaviour, keys: &AccessKeys, received: &Received, now: SystemTime) -> Document {
    // A request that came through a proxy is an attack that version 2 was made against.
    if received.headers.contains_key("x-forwarded-for") {
        return Document::of(403, "text/plain", "Forbidden");
    }
    if received.path == "/latest/api/token" {
        let seconds = received.header("x-aws-ec2-metadata-token-ttl-seconds").and_then(|seconds| seconds.parse().ok());
        return match seconds {
            Some(seconds @ 1..=21_600) if received.method == Method::PUT => {
                Document::of(200, "text/plain", behaviour.tokens.issue(Duration::from_secs(seconds)))
            }
            _ => Document::of(400, "text/plain", "Bad Request"),
        };
    }
    let token = received.header("x-aws-ec2-metadata-token").unwrap_or_default();
    if received.method != Method::GET || behaviour.tokens.standing(token) != Standing::Valid {
        return Document::of(401, "text/plain", "Unauthorized");
    }
    match received.path.strip_prefix(ROLES) {
        Some("") => Document::of(200, "text/plain", ROLE),
        Some(ROLE) => {
            let issued = issue(keys, behaviour.token_lifetime, now);
            let credentials = json!({
                "Code": "Success",
                "Type": "AWS-HMAC",
                "LastUpdated": "2026-01-02T03:04:05Z",
                "AccessKeyId": issued.id,
                "SecretAccessKey": issued.secret,
                "Token": issued.token,
                "Expiration": issued.expiration,
            });
            Document::json(200, &credentials)
        }
        _ => Document::of(404, "text/plain", "Not Found"),
    }
}
