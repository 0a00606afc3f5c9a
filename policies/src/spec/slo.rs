//! What a route promises of its answers.

use std::time::Duration;

/// What nine requests in ten are to keep to; at least one of them is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slo {
    /// The most time to the first token.
    pub ttft_p90: Option<Duration>,
    /// The most time from one token to the next.
    pub tpot_p90: Option<Duration>,
}

/// When a request goes to a later tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spill {
    /// Where no member of the earlier ones is available.
    #[default]
    Unavailable,
    /// Also where none of them is predicted to keep to the objective, and one of the later tier is.
    Slo,
}
