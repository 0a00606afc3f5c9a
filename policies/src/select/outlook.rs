//! A request as routing sees it, and what to expect of a target that it might be sent to.

use std::time::Duration;

use super::aim::Aim;
use super::monotonic::Monotonic;

/// A request, as far as the choice of a target depends on it. Prices and cached prompts differ from target to target, so there is one for each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ask {
    /// The prompt's length.
    pub prompt_tokens: f64,
    /// How much of it the target is thought to hold in its prompt cache.
    pub cached_tokens: f64,
    /// How long an answer to expect; zero where only the time to the first token counts, or there is no other.
    pub output_tokens: f64,
    /// What it costs there, in seconds: its price by what a second is worth.
    pub cost: f64,
    /// What is wanted of it beside speed.
    pub aim: Aim,
    /// What the target itself forecasts, where it can.
    pub forecast: Option<Forecast>,
}

impl Ask {
    /// The tokens of the prompt that have to be worked through.
    pub(super) fn uncached(&self) -> f64 {
        (self.prompt_tokens - self.cached_tokens).max(0.0)
    }

    /// All tokens, as rate limits count them.
    pub(super) fn tokens(&self) -> f64 {
        self.prompt_tokens + self.output_tokens
    }
}

/// Means, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// From sending to the first token.
    pub first_token: f64,
    /// From one token to the next.
    pub per_token: f64,
}

/// The time to the first token, in seconds, by its causes: their sum, times the factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FirstToken {
    /// An idle target, an empty prompt.
    pub base: f64,
    /// The prompt.
    pub prompt: f64,
    /// The requests under way.
    pub load: f64,
    /// How much slower than usual it is just now, and the mean of a skewed distribution over its median.
    pub factor: f64,
}

impl FirstToken {
    /// The mean.
    pub fn seconds(&self) -> f64 {
        (self.base + self.prompt + self.load).max(1e-6) * self.factor
    }
}

/// What is known about a target at one moment; what [`choose`](super::choose) decides by, and what explains its choice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// The time to the first token.
    pub first_token: FirstToken,
    /// Seconds from one token to the next.
    pub per_token: f64,
    /// How many tokens are expected.
    pub output_tokens: f64,
    /// What this request would cost those that are under way there, in seconds.
    pub crowding: f64,
    /// What it costs in money, in seconds.
    pub cost: f64,
    /// The share of attempts that fail.
    pub failure_rate: f64,
    /// The variance of the logarithm of single first tokens.
    pub first_token_variance: f64,
    /// The variance of the logarithm of single paces.
    pub per_token_variance: f64,
    /// What is wanted of it beside speed.
    pub aim: Aim,
    /// Why the target is left out, if it is.
    pub removed: Option<Removed>,
    /// How long ago it last sent a first token; `None` if it never did.
    pub heard: Option<Duration>,
    /// How many requests are under way, those of others included as far as it tells.
    pub in_flight: f64,
    /// How many requests wait for their first token.
    pub waiting: usize,
    /// Whether one of them has waited several times as long as was predicted, and was not overtaken.
    pub is_stuck: bool,
    /// Whether the target forecasts itself.
    pub is_told: bool,
}

impl Outlook {
    /// The seconds until the last token is expected, without failures and money.
    pub fn completion(&self) -> f64 {
        self.first_token.seconds() + self.output_tokens * self.per_token
    }

    /// The same target, left out for a reason that [`Health`](super::Health) does not know.
    #[must_use]
    pub fn without(mut self, removed: Removed) -> Self {
        self.removed = Some(removed);
        self
    }
}

/// Why a target is left out for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Removed {
    /// It asked to be left alone: a rate limit, or an overload.
    #[error("cooling down because it asked to")]
    CoolingDown {
        /// When it may be asked again.
        until: Monotonic,
    },
    /// It would refuse: as many requests were sent as it accepts.
    #[error("sent as much as it accepts")]
    Paced {
        /// When the next may go.
        until: Monotonic,
    },
    /// It only failed, and is left alone or being probed.
    #[error("breaker open after failures")]
    BreakerOpen {
        /// When it may be probed, or probed again.
        until: Monotonic,
    },
    /// It does not know the credential or the model.
    #[error("does not accept the credential or the model")]
    Misconfigured {
        /// When it is probed again, unless the configuration changes before.
        until: Monotonic,
    },
    /// It has as many requests as it may have at once.
    #[error("has as many requests as it may have")]
    Full,
    /// It came back a while ago, and has as many requests as it has shown to bear.
    #[error("is back and being tried")]
    Returning,
    /// It has not been heard of for long, and few requests find out how it is.
    #[error("not heard of for long and being tried")]
    Unproven,
    /// The operator takes it out of service.
    #[error("drained")]
    Drained,
    /// An active check found it unhealthy.
    #[error("its health check fails")]
    Unhealthy,
}

impl Removed {
    /// When the target comes back, if that is known.
    pub const fn until(self) -> Option<Monotonic> {
        match self {
            Self::CoolingDown { until } | Self::Paced { until } | Self::BreakerOpen { until } | Self::Misconfigured { until } => {
                Some(until)
            }
            Self::Full | Self::Returning | Self::Unproven | Self::Drained | Self::Unhealthy => None,
        }
    }

    /// Whether it is our own caution, which is given up when too little is left to choose from.
    pub const fn is_soft(self) -> bool {
        match self {
            Self::Paced { .. } | Self::BreakerOpen { .. } | Self::Returning | Self::Unproven | Self::Unhealthy => true,
            Self::CoolingDown { .. } | Self::Misconfigured { .. } | Self::Full | Self::Drained => false,
        }
    }
}
