//! A rate that follows refusals: what was accepted just before one, and then a little more all the time.

use std::time::Duration;

use super::monotonic::Monotonic;

/// How much the rate grows in the first seconds after a refusal, and in their square: slowly near the limit, so that it is seldom met, and
/// fast where nothing was refused for long.
const GROWTH: f64 = 0.002;
const ACCELERATION: f64 = 0.0001;
/// So many seconds' worth may gather while nothing is sent.
const GATHERED: f64 = 1.0;
/// So many seconds' worth, at most, is taken to be owed where more was sent than the rate allows.
const OWED: f64 = 10.0;

/// A rate of requests, or of tokens, and what may be sent at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paced {
    /// In a second, right after the refusal.
    base: f64,
    refused: Monotonic,
    /// What one request usually takes.
    usual: f64,
    /// How much may be sent at once, as of `updated`; below zero if more was.
    ready: f64,
    updated: Monotonic,
}

impl Paced {
    /// Refused just now, after so much had been accepted in a second.
    pub(super) fn new(now: Monotonic, base: f64, usual: f64) -> Self {
        Self { base, refused: now, usual, ready: 0.0, updated: now }
    }

    /// When it was refused.
    pub(super) const fn refused(&self) -> Monotonic {
        self.refused
    }

    /// How much may be sent in a second now.
    pub(super) fn rate(&self, now: Monotonic) -> f64 {
        let quiet = now.seconds_since(self.refused);
        self.base * (1.0 + quiet * (GROWTH + ACCELERATION * quiet))
    }

    /// So much is sent.
    pub(super) fn take(&mut self, now: Monotonic, wanted: f64) {
        self.ready = (self.ready(now) - wanted).max(-OWED * self.rate(now));
        self.updated = self.updated.max(now);
    }

    /// When so much may be sent, if that is not now.
    pub(super) fn until(&self, now: Monotonic, wanted: f64) -> Option<Monotonic> {
        // More than can gather would never go.
        let missing = wanted.min(self.most(now)) - self.ready(now);
        (missing > 0.0).then(|| now + Duration::from_secs_f64(missing / self.rate(now)))
    }

    fn ready(&self, now: Monotonic) -> f64 {
        (self.ready + now.seconds_since(self.updated) * self.rate(now)).min(self.most(now))
    }

    fn most(&self, now: Monotonic) -> f64 {
        (GATHERED * self.rate(now)).max(self.usual)
    }
}
