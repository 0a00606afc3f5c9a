//! Peak-EWMA with the power of two choices: the rule of tower, and with other numbers of linkerd and of Helicone.
//!
//! A backend's estimate jumps to any time to the first token that is worse, decays towards those that are better, and
//! towards zero while nobody looks. It is multiplied by one more than the attempts that wait for a first token.

use rand_pcg::Pcg64;

use super::loads::Loads;
use super::{AttemptId, Balancer, End, Question, Sent, each, pair};
use crate::simulate::arena::Arena;
use crate::simulate::scenario::{BackendId, Scenario};

/// What sets one product's rule apart from another's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constants {
    /// The time constant of the decay.
    pub(super) decay: f64,
    /// The estimate of a backend that has not answered yet.
    pub(super) initial: f64,
    /// What a failure counts as.
    pub(super) failure: Failure,
    /// What becomes of a backend that answered 429.
    pub(super) limited: Limited,
}

/// What a failure counts as.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failure {
    /// An answer that took as long as the failure did.
    Answer,
    /// An answer that took that long, or as long as a 429 said to wait.
    Penalty(f64),
}

/// What becomes of a backend that answered 429.
#[derive(Clone, Copy, Debug)]
pub(super) enum Limited {
    /// Nothing special.
    Kept,
    /// It is left out for as long as it said.
    Removed {
        /// For how long where it did not say.
        usual: f64,
        /// What is added to either.
        margin: f64,
    },
}

/// Of two random backends, the one with the lower estimate times waiting attempts.
#[derive(Debug)]
pub(super) struct PeakEwma {
    constants: Constants,
    estimates: Arena<BackendId, Estimate>,
    loads: Loads,
    rng: Pcg64,
}

#[derive(Clone, Copy, Debug)]
struct Estimate {
    value: f64,
    at: f64,
    /// Until when it is left out.
    out_until: f64,
}

impl PeakEwma {
    pub(super) fn new(constants: Constants, scenario: &Scenario, rng: Pcg64) -> Self {
        let estimate = Estimate { value: constants.initial, at: 0.0, out_until: 0.0 };
        Self { constants, estimates: each(scenario, estimate), loads: Loads::new(scenario), rng }
    }

    fn load(&mut self, backend: BackendId, now: f64) -> f64 {
        let estimate = &mut self.estimates[backend];
        // It fades with every look, not only with every answer.
        estimate.value *= (-(now - estimate.at) / self.constants.decay).exp();
        estimate.at = now;
        estimate.value * f64::from(self.loads.of(backend).waiting + 1)
    }

    fn observe(&mut self, backend: BackendId, now: f64, seconds: f64) {
        let estimate = &mut self.estimates[backend];
        let kept = (-(now - estimate.at) / self.constants.decay).exp();
        estimate.value = if seconds > estimate.value { seconds } else { estimate.value * kept + seconds * (1.0 - kept) };
        estimate.at = now;
    }

    fn observe_failure(&mut self, now: f64, sent: &Sent, retry_after: Option<f64>) {
        let seconds = match self.constants.failure {
            Failure::Answer => now - sent.at,
            Failure::Penalty(penalty) => penalty.max(retry_after.unwrap_or(0.0)),
        };
        self.observe(sent.backend, now, seconds);
    }

    fn choose(&mut self, candidates: &[BackendId], now: f64) -> Option<BackendId> {
        let (one, other) = pair::distinct(candidates, &mut self.rng)?;
        Some(if self.load(one, now) <= self.load(other, now) { one } else { other })
    }
}

impl Balancer for PeakEwma {
    fn send(&mut self, _: AttemptId, question: &Question<'_>) -> Option<BackendId> {
        let is_in = |backend: &BackendId| self.estimates[*backend].out_until <= question.now;
        let remaining: Vec<_> = question.candidates.iter().copied().filter(is_in).collect();
        let candidates = if remaining.is_empty() { question.candidates } else { &remaining };
        let chosen = self.choose(candidates, question.now)?;
        self.loads.sent(chosen);
        Some(chosen)
    }

    fn first_token(&mut self, now: f64, sent: &Sent) {
        self.loads.first_token(sent);
        self.observe(sent.backend, now, now - sent.at);
    }

    fn per_token(&mut self, _: f64, _: &Sent, _: f64) {}

    fn ended(&mut self, now: f64, sent: &Sent, end: End) {
        self.loads.ended(sent);
        match end {
            End::Completed { .. } | End::Cancelled => {}
            End::Failed => self.observe_failure(now, sent, None),
            End::RateLimited { retry_after } => {
                self.observe_failure(now, sent, retry_after);
                if let Limited::Removed { usual, margin } = self.constants.limited {
                    self.estimates[sent.backend].out_until = now + retry_after.unwrap_or(usual) + margin;
                }
            }
        }
    }

    fn hedge_after(&mut self, _: &Question<'_>, _: &Sent) -> Option<f64> {
        None
    }
}
