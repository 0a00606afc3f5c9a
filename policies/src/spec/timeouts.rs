//! How long each phase of an attempt may take.

use std::time::Duration;

/// How long each phase of an attempt may take. All are positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From wanting a connection to having one, TLS included.
    pub connect: Duration,
    /// From sending the request to the first byte of the answer's body.
    pub first_token: Duration,
    /// Between two pieces of the answer.
    pub idle: Duration,
    /// From sending the request to the last byte of the answer.
    pub total: Duration,
}

impl Default for Timeouts {
    /// Generous enough for long answers of large models; a policy tightens them.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_token: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            total: Duration::from_mins(10),
        }
    }
}

/// The timeouts that one `timeouts` table sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeoutOverrides {
    pub(crate) connect: Option<Duration>,
    pub(crate) first_token: Option<Duration>,
    pub(crate) idle: Option<Duration>,
    pub(crate) total: Option<Duration>,
}

impl Timeouts {
    /// These, with what `overrides` sets in their place.
    pub(crate) fn with(self, overrides: TimeoutOverrides) -> Self {
        Self {
            connect: overrides.connect.unwrap_or(self.connect),
            first_token: overrides.first_token.unwrap_or(self.first_token),
            idle: overrides.idle.unwrap_or(self.idle),
            total: overrides.total.unwrap_or(self.total),
        }
    }
}
