//! A backend that a decision looked at.

use serde::{Deserialize, Serialize};

use super::number;
use crate::select::{self, Aim, Monotonic, Outlook};

/// A backend of the route, and what was thought of it.
///
/// One that a static stage of the policy [excluded](Self::excluded) was never asked how it was, and has neither a score nor a price.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name in the policy.
    pub backend: String,
    /// What it calls the model; none where it does not serve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its tier for this request, from 0: a later tier is for when the earlier ones cannot. Where the session draws a backend, that is the first by itself.
    pub tier: u32,
    /// Why the policy did not let the request go there, whatever happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded: Option<Excluded>,
    /// Why it was left out at the moment of the choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Removal>,
    /// What was expected of it. The one that was chosen has the score by which it was, next to those that could be used beside it; the others
    /// have theirs as if all could be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// What the score was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// What the request was expected to cost there; none where the policy gives no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_nano_usd: Option<u64>,
}

/// Why a backend was left out for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// The stage of the policy that did it, such as `residency`.
    pub stage: String,
    /// What it found, for people.
    pub why: String,
    /// Where the policy says so, as `FILE:LINE:COLUMN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// Why a backend was left out for the moment.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Removal {
    /// What was wrong.
    pub reason: RemovedReason,
    /// After how many seconds it was to come back, if that was known.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "number::rounded_if_any")]
    pub back_in_s: Option<f64>,
}

impl Removal {
    /// What `removed` says at `now`.
    pub fn of(removed: select::Removed, now: Monotonic) -> Self {
        Self { reason: removed.into(), back_in_s: removed.until().map(|until| until.since(now).as_secs_f64()) }
    }
}

/// What was wrong with a backend: [`select::Removed`] as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovedReason {
    /// It asked to be left alone: a rate limit, or an overload.
    CoolingDown,
    /// As many requests were sent as it accepts.
    Paced,
    /// It only failed.
    BreakerOpen,
    /// It did not know the credential or the model.
    Misconfigured,
    /// It had as many requests as it may have at once.
    Full,
    /// It had come back a while ago, and had as many requests as it had shown to bear.
    Returning,
    /// It had not been heard of for long, and others were finding out how it is.
    Unproven,
    /// The operator had taken it out of service.
    Drained,
    /// An active check found it unhealthy.
    Unhealthy,
}

impl RemovedReason {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CoolingDown => "cooling_down",
            Self::Paced => "paced",
            Self::BreakerOpen => "breaker_open",
            Self::Misconfigured => "misconfigured",
            Self::Full => "full",
            Self::Returning => "returning",
            Self::Unproven => "unproven",
            Self::Drained => "drained",
            Self::Unhealthy => "unhealthy",
        }
    }
}

impl From<select::Removed> for RemovedReason {
    fn from(removed: select::Removed) -> Self {
        match removed {
            select::Removed::CoolingDown { .. } => Self::CoolingDown,
            select::Removed::Paced { .. } => Self::Paced,
            select::Removed::BreakerOpen { .. } => Self::BreakerOpen,
            select::Removed::Misconfigured { .. } => Self::Misconfigured,
            select::Removed::Full => Self::Full,
            select::Removed::Returning => Self::Returning,
            select::Removed::Unproven => Self::Unproven,
            select::Removed::Drained => Self::Drained,
            select::Removed::Unhealthy => Self::Unhealthy,
        }
    }
}

/// The seconds that the request was expected to take, by their causes; their sum is what was compared, and less was better.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// To the first token.
    #[serde(serialize_with = "number::rounded")]
    pub first_token: f64,
    /// From the first to the last.
    #[serde(serialize_with = "number::rounded")]
    pub generation: f64,
    /// What the request costs the others there.
    #[serde(serialize_with = "number::rounded")]
    pub crowding: f64,
    /// What failing and turning elsewhere adds, weighed by how often that happens.
    #[serde(serialize_with = "number::rounded")]
    pub failure: f64,
    /// Its price, in seconds: by what the route says that a second is worth.
    #[serde(serialize_with = "number::rounded")]
    pub cost: f64,
}

impl Score {
    /// The sum.
    pub fn total(&self) -> f64 {
        self.first_token + self.generation + self.crowding + self.failure + self.cost
    }
}

impl From<select::Score> for Score {
    fn from(score: select::Score) -> Self {
        let select::Score { first_token, generation, crowding, failure, cost } = score;
        Self { first_token, generation, crowding, failure, cost }
    }
}

/// What a score is made from: the time to the first token is `(base_s + prompt_s + load_s) × factor`, that of generation `output_tokens × per_token_s`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// An idle backend, an empty prompt.
    #[serde(serialize_with = "number::rounded")]
    pub base_s: f64,
    /// The prompt, as far as it was not thought to be cached.
    #[serde(serialize_with = "number::rounded")]
    pub prompt_s: f64,
    /// The requests under way.
    #[serde(serialize_with = "number::rounded")]
    pub load_s: f64,
    /// How much slower than usual it was just then.
    #[serde(serialize_with = "number::rounded")]
    pub factor: f64,
    /// From one token to the next.
    #[serde(serialize_with = "number::rounded")]
    pub per_token_s: f64,
    /// The tokens that were expected of it; zero where only the first counts.
    #[serde(serialize_with = "number::rounded")]
    pub output_tokens: f64,
    /// How many of the prompt's tokens it was thought to have in its cache.
    #[serde(default, serialize_with = "number::rounded")]
    pub cached_tokens: f64,
    /// How many requests were under way there, others' included as far as it tells.
    #[serde(default, serialize_with = "number::rounded")]
    pub in_flight: f64,
    /// The share of attempts that failed.
    #[serde(serialize_with = "number::rounded")]
    pub failure_rate: f64,
    /// The variance of the logarithm of single first tokens.
    #[serde(default, serialize_with = "number::rounded")]
    pub first_token_variance: f64,
    /// The variance of the logarithm of single paces.
    #[serde(default, skip_serializing_if = "number::is_zero", serialize_with = "number::rounded")]
    pub per_token_variance: f64,
    /// What the route wanted of it beside speed.
    #[serde(default, skip_serializing_if = "Aim::is_none")]
    pub aim: Aim,
    /// What was expected as a multiple of what was wanted: up to one, it was in time.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "number::rounded_if_any")]
    pub strain: Option<f64>,
    /// How long it had been silent; none if it was never heard of.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "number::rounded_if_any")]
    pub silent_s: Option<f64>,
}

impl Expected {
    /// What `outlook` says of a prompt of which so many tokens are thought to be cached.
    pub fn of(outlook: &Outlook, cached_tokens: f64) -> Self {
        Self {
            base_s: outlook.first_token.base,
            prompt_s: outlook.first_token.prompt,
            load_s: outlook.first_token.load,
            factor: outlook.first_token.factor,
            per_token_s: outlook.per_token,
            output_tokens: outlook.output_tokens,
            cached_tokens,
            in_flight: outlook.in_flight,
            failure_rate: outlook.failure_rate,
            first_token_variance: outlook.first_token_variance,
            per_token_variance: outlook.per_token_variance,
            aim: outlook.aim,
            strain: outlook.strain(),
            silent_s: outlook.heard.map(|heard| heard.as_secs_f64()),
        }
    }
}
