//! An attempt at a backend.

use serde::{Deserialize, Serialize};

use super::{RemovedReason, number};
use crate::select::{Reason, Turn};

/// An attempt: why it was made there, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Where, by its name in the policy.
    pub backend: String,
    /// The model, where it was made on a route that the request left because it is too long for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outgrown: Option<String>,
    /// Which attempt of the request it was.
    pub turn: Turn,
    /// Whether it went on with an answer that had broken off elsewhere.
    #[serde(default, skip_serializing_if = "super::is_not")]
    pub continues: bool,
    /// Why it was made there.
    pub reason: Reason,
    /// How likely that choice was, from 0 to 1: what makes estimates about other policies fair.
    pub probability: f64,
    /// Why the backend had been left out, where too little else remained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub despite: Option<RemovedReason>,
    /// Whether an earlier tier was passed over that had backends, but none in time.
    #[serde(default, skip_serializing_if = "super::is_not")]
    pub spilled: bool,
    /// The score that it was chosen by, summed up.
    #[serde(serialize_with = "number::rounded")]
    pub predicted_s: f64,
    /// When it began, after the request's head.
    #[serde(serialize_with = "number::rounded")]
    pub begun_s: f64,
    /// From its beginning to the beginning of its answer: of a stream, the first token, and of any other, all of it.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "number::rounded_if_any")]
    pub first_token_s: Option<f64>,
    /// From its beginning to its end.
    #[serde(serialize_with = "number::rounded")]
    pub total_s: f64,
    /// What came of it.
    pub outcome: AttemptOutcome,
}

/// What came of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// A whole answer.
    Answered,
    /// An answer that began and broke off.
    BrokenOff,
    /// It was called off: another was quicker, the caller left, or the deadline passed. If it had answered by then, it has a first token.
    CalledOff,
    /// The backend had enough for now.
    RateLimited,
    /// The backend failed.
    Failed,
    /// The backend did not accept the credential or did not know the model.
    Misconfigured,
    /// The request was refused for a fault of its own.
    Refused,
    /// The backend was not asked after all: it cannot do what the request asks for, or the request turned out to be faulty.
    Unsuited,
}

impl AttemptOutcome {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::BrokenOff => "broken_off",
            Self::CalledOff => "called_off",
            Self::RateLimited => "rate_limited",
            Self::Failed => "failed",
            Self::Misconfigured => "misconfigured",
            Self::Refused => "refused",
            Self::Unsuited => "unsuited",
        }
    }
}
