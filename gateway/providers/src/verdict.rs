//! What a refusal says about the request and about the backend that gave it.

use std::time::Duration;

/// What to make of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// How to go on.
    pub verdict: Verdict,
    /// The provider's own words, if it had any: shown to the caller where the request is at fault, else to the operator.
    pub message: Option<String>,
}

/// How to go on after an upstream answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The request is at fault. Any backend would say so: the answer goes to the caller, and the backend keeps its good name.
    RequestFault(RequestFault),
    /// The backend has had enough for now, for so long if it said so. Another may take the request.
    RateLimited(Option<Duration>),
    /// The backend failed, and asks to be left alone for so long if it said so. Another may take the request.
    Failed(Option<Duration>),
    /// The credential is not accepted: it may have expired. With a fresh one, the same backend may take the request.
    Unauthenticated,
    /// This deployment cannot serve anybody until an operator acts: a permission is missing, a quota is spent, the model is not there.
    /// Another may take the request.
    Misconfigured,
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestFault {
    /// It is not valid.
    Invalid,
    /// The conversation does not fit the model.
    ContextLength,
    /// Its content is not allowed by the provider's filter.
    ContentFilter,
    /// It has too many bytes.
    TooLarge,
}
