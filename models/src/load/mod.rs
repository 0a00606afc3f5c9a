//! How long an engine will take: what it tells a router that compares it with other backends.
//!
//! # What is told
//! A [`Forecast`] for one more request, and whether there is [room](Full) for it. Both are read without a lock: the
//! engine publishes a summary whenever a request comes, and before every step that it computes. Nothing in them says how an engine
//! works, so one that batches can tell the same.
//!
//! # How it is known
//! What is to be done is counted as `Work`: forward passes, and tokens in them. What a unit of it costs is learnt from
//! every step that is computed, beginning with a rehearsal at start, so that a busy or a throttled machine is noticed. How many tokens a
//! request that waits will have, and how long its answer will be, is estimated from those before it.

mod estimates;
mod evidence;
mod pace;
mod work;

use std::time::Duration;

pub(crate) use self::estimates::{Ended, Estimates, Texts};
pub(crate) use self::pace::{Costs, Pace};
pub(crate) use self::work::Work;

/// How long one more request would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// From handing it in to the first token of its answer, or to the whole answer of a model that does not generate.
    pub first_token: Duration,
    /// From each token to the next; zero for a model that does not generate.
    pub per_token: Duration,
}

/// There is no room for another request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the engine's queue is full: try again in {retry_after:?}")]
pub struct Full {
    /// When there should be.
    pub retry_after: Duration,
}
