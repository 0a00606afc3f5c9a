//! How often a backend fails: a decayed rate, for the troubles that are too soft for the breaker.

use std::time::Duration;

use super::level::fade;
use super::monotonic::Monotonic;

/// What to expect of a backend that nothing is known of.
const PRIOR: f64 = 0.01;
/// Attempts this far apart are news of their own.
const MEMORY: Duration = Duration::from_secs(5);
/// How much one attempt counts at least, and at most.
const WEIGHT: (f64, f64) = (0.02, 0.15);

/// A decayed share of attempts that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failures {
    rate: f64,
    updated: Monotonic,
}

impl Default for Failures {
    fn default() -> Self {
        Self { rate: PRIOR, updated: Monotonic::default() }
    }
}

impl Failures {
    /// An attempt failed, or did not.
    pub(super) fn observe(&mut self, now: Monotonic, failed: bool) {
        let share = now.seconds_since(self.updated) / MEMORY.as_secs_f64();
        let (least, most) = WEIGHT;
        let weight = (1.0 - (-share).exp()).clamp(least, most);
        let rate = self.rate(now);
        self.rate = rate + weight * (f64::from(u8::from(failed)) - rate);
        self.updated = self.updated.max(now);
    }

    /// The share of attempts to expect to fail, below one; fades without news.
    pub(super) fn rate(&self, now: Monotonic) -> f64 {
        self.rate * fade(now.seconds_since(self.updated))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_share_of_failures_and_fades() {
        let mut failures = Failures::default();
        let at = |second| Monotonic::since_epoch(Duration::from_secs(second));
        (0..100).for_each(|second| failures.observe(at(second), second % 10 < 3));
        let rate = failures.rate(at(100));
        assert!((0.1..0.5).contains(&rate), "{rate}");
        assert!(failures.rate(at(300)) < 0.05);
    }
}
