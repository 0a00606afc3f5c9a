//! What others have on a server of the operator's own: other gateways, other applications.

use std::time::Duration;

use super::monotonic::Monotonic;

/// How many requests of others a server has, for as long as what it told of them is fresh.
///
/// It tells of all requests together. Those of our own are known better and change sooner, so only the difference is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sharers {
    requests: f64,
    told: Option<Monotonic>,
    fresh: Duration,
}

impl Sharers {
    /// The server told that it has `all` requests, `own` of them ours. That is believed for `fresh`.
    pub(super) fn observe(&mut self, now: Monotonic, all: f64, own: usize, fresh: Duration) {
        let requests = if all.is_finite() { (all - own as f64).max(0.0) } else { 0.0 };
        *self = Self { requests, told: Some(now), fresh };
    }

    /// How many requests of others it has now, as far as is known.
    pub(super) fn requests(&self, now: Monotonic) -> f64 {
        if self.told.is_some_and(|told| now.since(told) <= self.fresh) { self.requests } else { 0.0 }
    }
}
