//! Temporary credentials as JSON: the answer of the container and instance endpoints, the output of a credential process.

use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tradewind_providers::aws::Credentials;

use crate::credential::{Clock, Fresh, Life};

/// Temporary credentials. It has no `Debug`: it holds secrets.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Issued {
    access_key_id: String,
    secret_access_key: String,
    #[serde(alias = "SessionToken")]
    token: Option<String>,
    expiration: Option<String>,
}

/// The end of their life is no time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`Expiration` is no time as RFC 3339 writes it")]
pub(super) struct NoTime;

impl Issued {
    /// The credentials; without an end they may be replaced at any time, and are asked for again after the shortest life that AWS grants.
    pub(super) fn into_fresh(self, clock: &Clock) -> Result<Fresh<Credentials>, NoTime> {
        let life = match &self.expiration {
            Some(text) => life(text, clock)?,
            None => Life::reread(std::time::Duration::from_secs(900)),
        };
        let Self { access_key_id, secret_access_key, token: session_token, .. } = self;
        Ok(Fresh { value: Credentials { access_key_id, secret_access_key, session_token }, life })
    }
}

/// The life of credentials that end then.
pub(super) fn life(expiration: &str, clock: &Clock) -> Result<Life, NoTime> {
    let end = OffsetDateTime::parse(expiration, &Rfc3339).map_err(|_| NoTime)?;
    Ok(Life::aws(clock.until(end.into())))
}
