//! New temporary keys.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::super::keys::{AccessKey, AccessKeys};

/// A temporary key that is good from now on.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) id: String,
    pub(super) secret: String,
    pub(super) token: String,
    /// As in `2026-01-02T03:04:05Z`.
    pub(super) expiration: String,
}

/// Issues a key and adds it to those that are known.
pub(super) fn issue(keys: &AccessKeys, lifetime: Duration, now: SystemTime) -> Issued {
    let expires = now + lifetime;
    let id = format!("ASIA{}", rand::random::<[u8; 8]>().iter().map(|byte| format!("{byte:02X}")).collect::<String>());
    let secret = STANDARD.encode(rand::random::<[u8; 30]>());
    let token = STANDARD.encode(rand::random::<[u8; 48]>());
    keys.add(AccessKey { id: id.clone(), secret: secret.clone(), session_token: Some(token.clone()), expires: Some(expires) });
    let seconds = OffsetDateTime::from(expires).replace_nanosecond(0);
    let expiration = seconds.ok().and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default();
    Issued { id, secret, token, expiration }
}
