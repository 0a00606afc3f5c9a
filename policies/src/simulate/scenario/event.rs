//! What happens to a backend for a while.

use super::backend::{Failing, Limit, Price, Stall};

/// What happens to a backend for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When it begins.
    pub from: f64,
    /// When it is over.
    pub to: f64,
    /// What it does; at least one thing.
    pub changes: Vec<Change>,
}

/// One thing that an event does.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It answers more slowly, or faster. Several at a time multiply.
    Slow(Slowdown),
    /// Attempts fail.
    Fail(Failing),
    /// Attempts hang.
    Stall(Stall),
    /// The share of answers that break off.
    Break(f64),
    /// Connections are refused.
    Down,
    /// Nothing ever comes back.
    Blackhole,
    /// What is under way when the event begins is cut off.
    Cut,
    /// Another rate limit.
    Limit(Limit),
    /// Another number of slots.
    Slots(u32),
    /// Another price.
    Price(Price),
}

/// How much slower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slowdown {
    /// The factor on the time to the first token.
    pub first_token: f64,
    /// The factor on the time per token.
    pub per_token: f64,
    /// How long the factors take to build up, and at the end to go away again.
    pub ramp: f64,
}

impl Event {
    /// Whether it is going on.
    pub fn is_on(&self, time: f64) -> bool {
        self.from <= time && time < self.to
    }

    /// How much of its slowdown is felt, from 0 to 1.
    pub(super) fn strength(&self, ramp: f64, time: f64) -> f64 {
        if ramp <= 0.0 {
            return 1.0;
        }
        ((time - self.from) / ramp).min((self.to - time) / ramp).clamp(0.0, 1.0)
    }
}
