//! How long each phase of an attempt may take.

use std::num::NonZeroU32;
use std::time::Duration;

/// How long each phase of an attempt may take. All durations are positive.
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
    /// The least that a stream must deliver to be let go on, if anything: a stream that trickles is never idle.
    pub tokens_per_second: Option<TokenRate>,
}

impl Default for Timeouts {
    /// Generous enough for long answers of large models; a policy tightens them.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_token: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            total: Duration::from_mins(10),
            tokens_per_second: None,
        }
    }
}

/// A speed of a stream, in thousandths of a token a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenRate(NonZeroU32);

impl TokenRate {
    /// Over how long the speed is averaged: longer than the pauses of a healthy server that is busy with somebody else's prompt.
    pub const WINDOW: Duration = Duration::from_secs(30);
    /// The digits that may be written after the point.
    pub(crate) const PLACES: usize = 3;
    /// The most that may be asked for: hardly a server is faster.
    pub(crate) const MOST: u32 = 1000;

    /// So many thousandths of a token a second, and `None` for zero, which asks for nothing.
    pub(crate) fn of_thousandths(thousandths: u32) -> Option<Self> {
        NonZeroU32::new(thousandths).map(Self)
    }

    /// Tokens a second.
    pub fn get(self) -> f64 {
        f64::from(self.0.get()) / 1000.0
    }
}

/// What one `timeouts` table asks of the speed of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RateOverride {
    /// Nothing, whatever is asked elsewhere.
    Any,
    /// No less than this.
    AtLeast(TokenRate),
}

/// The timeouts that one `timeouts` table sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TimeoutOverrides {
    pub(crate) connect: Option<Duration>,
    pub(crate) first_token: Option<Duration>,
    pub(crate) idle: Option<Duration>,
    pub(crate) total: Option<Duration>,
    pub(crate) rate: Option<RateOverride>,
}

impl Timeouts {
    /// These, with what `overrides` sets in their place.
    pub(crate) fn with(self, overrides: TimeoutOverrides) -> Self {
        Self {
            connect: overrides.connect.unwrap_or(self.connect),
            first_token: overrides.first_token.unwrap_or(self.first_token),
            idle: overrides.idle.unwrap_or(self.idle),
            total: overrides.total.unwrap_or(self.total),
            tokens_per_second: match overrides.rate {
                None => self.tokens_per_second,
                Some(RateOverride::Any) => None,
                Some(RateOverride::AtLeast(rate)) => Some(rate),
            },
        }
    }
}
