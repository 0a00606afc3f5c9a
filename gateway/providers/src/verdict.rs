//! What a refusal says about the request and about the backend that gave it.

use std::time::Duration;

/// How to go on after an upstream answered with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The request is at fault. Any backend would say so: the answer goes to the caller, and the backend keeps its good name.
    RequestFault,
    /// The backend has had enough for now, for so long if it said so. Another may take the request.
    RateLimited(Option<Duration>),
    /// The backend failed, and asks to be left alone for so long if it said so. Another may take the request.
    Failed(Option<Duration>),
    /// This deployment cannot serve anybody until an operator acts: a credential is refused, a quota is spent, the model is not there.
    /// Another may take the request.
    Misconfigured,
}
