//! `generateAccessToken`: one account speaks for another.

use std::time::SystemTime;

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::body::body;
use super::CLOUD_PLATFORM;
use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::Received;
use crate::refusal::Refusal;
use crate::shape::{Look, Shape, TEXT, list, optional, required};

const TEXTS: Shape = list(&TEXT);
const BODY: Shape = Shape::Structure(&[required("scope", &TEXTS), optional("lifetime", &TEXT), optional("delegates", &TEXTS)]);

/// What it says to a caller whose token is good.
pub(in super::super) fn impersonate(behaviour: &Behaviour, received: &Received, now: SystemTime) -> Result<Document, Refusal> {
    let body = body(received, &BODY)?;
    if !body.look("scope").as_array().is_some_and(|scopes| scopes.iter().any(|scope| scope == CLOUD_PLATFORM)) {
        return Err(Refusal::invalid("scope", "Invalid scope"));
    }
    let lifetime =
        body.look("lifetime").as_str().unwrap_or("3600s").strip_suffix('s').and_then(|seconds| seconds.parse::<u64>().ok());
    if !lifetime.is_some_and(|seconds| (1..=3600).contains(&seconds)) {
        return Err(Refusal::invalid("lifetime", "The lifetime must be at most an hour, as in \"3600s\""));
    }
    let expires = OffsetDateTime::from(now + behaviour.token_lifetime).replace_nanosecond(0).ok();
    let expires = expires.and_then(|time| time.format(&Rfc3339).ok());
    let answer = json!({ "accessToken": behaviour.tokens.issue(behaviour.token_lifetime), "expireTime": expires });
    Ok(Document::json(200, &answer))
}
