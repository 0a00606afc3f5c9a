//! Round robin: each backend in turn, whatever it does.

use super::{AttemptId, Balancer, End, Question, Sent};
use crate::simulate::arena::Id;
use crate::simulate::scenario::{BackendId, Scenario};

/// Each backend in turn.
#[derive(Debug)]
pub(super) struct RoundRobin {
    backends: usize,
    next: usize,
}

impl RoundRobin {
    pub(super) fn new(scenario: &Scenario) -> Self {
        Self { backends: scenario.backends.len(), next: 0 }
    }
}

impl Balancer for RoundRobin {
    fn send(&mut self, _: AttemptId, question: &Question<'_>) -> Option<BackendId> {
        let from_next = |backend: &&BackendId| (backend.place() + self.backends - self.next) % self.backends;
        let chosen = *question.candidates.iter().min_by_key(from_next)?;
        self.next = (chosen.place() + 1) % self.backends;
        Some(chosen)
    }

    fn first_token(&mut self, _: f64, _: &Sent) {}

    fn per_token(&mut self, _: f64, _: &Sent, _: f64) {}

    fn ended(&mut self, _: f64, _: &Sent, _: End) {}

    fn hedge_after(&mut self, _: &Question<'_>, _: &Sent) -> Option<f64> {
        None
    }
}
