//! agentgateway's rule: of two random backends, which may be the same one twice, the one with the better score. The score is
//! a health between 0 and 1 over one more than the seconds that an answer takes, the latter raised by a tenth for each
//! request under way.

use rand_pcg::Pcg64;

use super::loads::Loads;
use super::{AttemptId, Balancer, End, Question, Sent, each, pair};
use crate::simulate::arena::Arena;
use crate::simulate::scenario::{BackendId, Scenario};

/// How much a new answer counts, for the latency as for the health.
const NEWS: f64 = 0.3;
/// What each request under way adds to the latency.
const PENDING: f64 = 0.1;

/// The one of two with the better score.
#[derive(Debug)]
pub(super) struct Agentgateway {
    records: Arena<BackendId, Record>,
    loads: Loads,
    rng: Pcg64,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    /// Zero until there was an answer.
    latency: f64,
    health: f64,
}

impl Agentgateway {
    pub(super) fn new(scenario: &Scenario, rng: Pcg64) -> Self {
        Self { records: each(scenario, Record { latency: 0.0, health: 1.0 }), loads: Loads::new(scenario), rng }
    }

    fn score(&self, backend: BackendId) -> f64 {
        let Record { latency, health } = self.records[backend];
        health / (1.0 + latency * (1.0 + PENDING * f64::from(self.loads.of(backend).under_way)))
    }
}

impl Balancer for Agentgateway {
    fn send(&mut self, _: AttemptId, question: &Question<'_>) -> Option<BackendId> {
        let (one, other) = pair::any(question.candidates, &mut self.rng)?;
        let chosen = if self.score(one) >= self.score(other) { one } else { other };
        self.loads.sent(chosen);
        Some(chosen)
    }

    fn first_token(&mut self, _: f64, sent: &Sent) {
        self.loads.first_token(sent);
    }

    fn per_token(&mut self, _: f64, _: &Sent, _: f64) {}

    fn ended(&mut self, now: f64, sent: &Sent, end: End) {
        self.loads.ended(sent);
        let record = &mut self.records[sent.backend];
        match end {
            End::Completed { .. } => {
                let seconds = now - sent.at;
                record.latency = if record.latency == 0.0 { seconds } else { NEWS * seconds + (1.0 - NEWS) * record.latency };
                record.health = NEWS + (1.0 - NEWS) * record.health;
            }
            End::RateLimited { .. } | End::Failed => record.health *= 1.0 - NEWS,
            End::Cancelled => {}
        }
    }

    fn hedge_after(&mut self, _: &Question<'_>, _: &Sent) -> Option<f64> {
        None
    }
}
