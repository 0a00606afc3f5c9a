//! What a backend has accepted lately.

use super::monotonic::Monotonic;

/// Over how many seconds it is counted.
const COUNTED: usize = 10;

/// How much of something: requests, and the tokens in them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amount {
    pub(super) requests: f64,
    pub(super) tokens: f64,
}

/// What was sent in the last ten seconds and not refused, by the second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Accepted {
    amounts: [Amount; COUNTED],
    second: u64,
}

impl Accepted {
    /// A request of so many tokens is sent.
    pub(super) fn add(&mut self, now: Monotonic, tokens: f64) {
        self.change(now, 1.0, tokens);
    }

    /// One was refused after all.
    pub(super) fn remove(&mut self, now: Monotonic, tokens: f64) {
        self.change(now, -1.0, -tokens);
    }

    /// All of it.
    pub(super) fn total(&mut self, now: Monotonic) -> Amount {
        self.roll(now);
        let sum = |of: fn(&Amount) -> f64| self.amounts.iter().map(of).sum::<f64>().max(0.0);
        Amount { requests: sum(|amount| amount.requests), tokens: sum(|amount| amount.tokens) }
    }

    /// In a second, on average.
    pub(super) fn rate(&mut self, now: Monotonic) -> Amount {
        let Amount { requests, tokens } = self.total(now);
        Amount { requests: requests / COUNTED as f64, tokens: tokens / COUNTED as f64 }
    }

    fn change(&mut self, now: Monotonic, requests: f64, tokens: f64) {
        self.roll(now);
        if let Some(amount) = self.slot(self.second) {
            amount.requests += requests;
            amount.tokens += tokens;
        }
    }

    /// Forgets what is too old.
    fn roll(&mut self, now: Monotonic) {
        let second = now.elapsed_since_epoch().as_secs().max(self.second);
        let passed = (second - self.second).min(COUNTED as u64);
        for stale in 0..passed {
            if let Some(amount) = self.slot(second - stale) {
                *amount = Amount::default();
            }
        }
        self.second = second;
    }

    fn slot(&mut self, second: u64) -> Option<&mut Amount> {
        self.amounts.get_mut((second % COUNTED as u64) as usize)
    }
}
