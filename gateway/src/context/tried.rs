//! The attempts of one request.

use std::{fmt, sync::Arc};

use serde::Serialize;

use crate::route::Deployment;

/// An attempt at a backend.
#[derive(Clone)]
pub struct Tried {
    /// Where.
    pub deployment: Arc<Deployment>,
    /// Whether it was made beside one that was slow.
    pub is_hedge: bool,
    /// What came of it.
    pub turnout: Turnout,
    /// How many tokens the backend has read for nothing, about: it wants to be paid for them all the same.
    pub wasted_prompt_tokens: Option<u64>,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Turnout {
    /// An answer, or its beginning.
    Answered,
    /// It was called off: another was quicker, the client left, or the deadline passed.
    CalledOff,
    /// The backend had enough for now.
    RateLimited,
    /// The backend failed.
    Failed,
    /// The backend did not accept the credential or did not know the model.
    Misconfigured,
    /// The request was refused for a fault of its own.
    Refused,
}

impl fmt::Debug for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tried").field("backend", &self.deployment.backend_name()).field("turnout", &self.turnout).finish()
    }
}
