//! How often a backend fails: a decayed rate, for the troubles that are too soft for the breaker.

use super::latency::fade;
use super::monotonic::Monotonic;

/// How much one attempt counts: the rate follows the last dozen or so.
const WEIGHT: f64 = 0.1;
/// The rate never reaches one: every answer may be the first good one.
const MOST: f64 = 0.9;

/// A decayed share of attempts that failed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Failures {
    rate: f64,
    updated: Option<Monotonic>,
}

impl Failures {
    pub(super) fn observe_success(&mut self, now: Monotonic) {
        self.observe(now, 0.0);
    }

    pub(super) fn observe_failure(&mut self, now: Monotonic) {
        self.observe(now, 1.0);
    }

    /// The share of attempts to expect to fail, from 0 to 0.9; fades without news.
    pub(super) fn rate(&self, now: Monotonic) -> f64 {
        self.rate * fade(self.updated.map(|updated| now.since(updated)))
    }

    fn observe(&mut self, now: Monotonic, failed: f64) {
        let rate = self.rate(now);
        self.rate = (rate + WEIGHT * (failed - rate)).clamp(0.0, MOST);
        self.updated = self.updated.max(Some(now));
    }
}
