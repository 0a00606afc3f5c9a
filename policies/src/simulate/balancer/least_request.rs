//! Least request: of two random backends, the one with fewer requests under way. Envoy's default.

use rand_pcg::Pcg64;

use super::loads::Loads;
use super::{AttemptId, Balancer, End, Question, Sent, pair};
use crate::simulate::scenario::{BackendId, Scenario};

/// The one of two with fewer requests under way.
#[derive(Debug)]
pub(super) struct LeastRequest {
    loads: Loads,
    rng: Pcg64,
}

impl LeastRequest {
    pub(super) fn new(scenario: &Scenario, rng: Pcg64) -> Self {
        Self { loads: Loads::new(scenario), rng }
    }
}

impl Balancer for LeastRequest {
    fn send(&mut self, _: AttemptId, question: &Question<'_>) -> Option<BackendId> {
        let (one, other) = pair::distinct(question.candidates, &mut self.rng)?;
        let load = |backend| self.loads.of(backend).under_way;
        let chosen = if load(one) <= load(other) { one } else { other };
        self.loads.sent(chosen);
        Some(chosen)
    }

    fn first_token(&mut self, _: f64, sent: &Sent) {
        self.loads.first_token(sent);
    }

    fn per_token(&mut self, _: f64, _: &Sent, _: f64) {}

    fn ended(&mut self, _: f64, sent: &Sent, _: End) {
        self.loads.ended(sent);
    }

    fn hedge_after(&mut self, _: &Question<'_>, _: &Sent) -> Option<f64> {
        None
    }
}
