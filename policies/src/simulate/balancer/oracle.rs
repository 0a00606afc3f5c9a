//! The oracle: sends each request where it would be done soonest, knowing all that can be known before it is sent.
//!
//! It sees every backend's true means, how many requests of *all* gateways are there, what is left of its limits and which
//! share of attempts it fails. It does not know the luck of the request, nor the length of its answer, and it is selfish:
//! it does not mind the requests that it slows down. So it can be beaten, by hedging and by chance.

use super::{AttemptId, Balancer, End, Question, Sent};
use crate::simulate::arena::Arena;
use crate::simulate::scenario::{BackendId, Conditions, Failing, Reach};
use crate::simulate::server::Server;

/// Worse than anything: an attempt that is sure to be refused.
const REFUSED: f64 = 1e9;
/// The most seconds that turning to another backend is taken to cost.
const MOST_TURNING: f64 = 60.0;
/// What the risk to fail altogether costs, in seconds for each failed attempt: 20 s times the one in a hundred whose second
/// attempt fails as well.
const RISK: f64 = 0.2;

/// What no gateway can know.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulate) struct Truth<'w> {
    pub(in crate::simulate) servers: &'w Arena<BackendId, Server>,
    pub(in crate::simulate) mean_output: f64,
}

/// Knows all that can be known.
#[derive(Debug)]
pub(super) struct Oracle;

/// What one backend would cost, in seconds.
struct Prospect<'w> {
    backend: BackendId,
    conditions: Conditions<'w>,
    /// If the attempt does not fail.
    seconds: f64,
}

impl Balancer for Oracle {
    fn send(&mut self, _: AttemptId, question: &Question<'_>) -> Option<BackendId> {
        let prospects: Vec<_> = question.candidates.iter().map(|backend| Prospect::new(*backend, question)).collect();
        let mut seconds: Vec<_> = prospects.iter().map(|prospect| prospect.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        let best = prospects.iter().min_by(|a, b| a.risked(&seconds, question).total_cmp(&b.risked(&seconds, question)));
        best.map(|prospect| prospect.backend)
    }

    fn first_token(&mut self, _: f64, _: &Sent) {}

    fn per_token(&mut self, _: f64, _: &Sent, _: f64) {}

    fn ended(&mut self, _: f64, _: &Sent, _: End) {}

    fn hedge_after(&mut self, _: &Question<'_>, _: &Sent) -> Option<f64> {
        None
    }
}

impl<'w> Prospect<'w> {
    fn new(backend: BackendId, question: &Question<'w>) -> Self {
        let Truth { servers, mean_output } = question.truth;
        let (described, server) = (&question.scenario.backends[backend], &servers[backend]);
        let conditions = described.conditions(question.now);
        let tokens = f64::from(question.prompt) + mean_output;
        let has_slot = server.has_slot(conditions.slots);
        let is_refused = conditions.reach != Reach::Open
            || !server.limiter.has_room(question.now, conditions.limit, tokens)
            || (!has_slot && server.waiting >= described.queue.bound);
        if is_refused {
            return Self { backend, conditions, seconds: REFUSED };
        }
        let busy = conditions.slots.map_or(server.busy + 1, |slots| (server.busy + 1).min(slots));
        let first_token = &described.first_token;
        let first_token =
            first_token.mean(question.prompt) * conditions.first_token * first_token.crowding.factor(busy, conditions.slots);
        let per_token = &described.per_token;
        let per_token =
            per_token.mean(question.prompt) * conditions.per_token * per_token.crowding.factor(busy, conditions.slots);
        let answer = first_token + mean_output * per_token;
        let wait = match conditions.slots {
            Some(slots) if !has_slot => f64::from(server.waiting + 1) * answer / f64::from(slots),
            _ => 0.0,
        };
        let money = question.scenario.seconds_for(conditions.price.of(f64::from(question.prompt), mean_output));
        Self { backend, conditions, seconds: described.round_trip + wait + answer + money }
    }

    /// The seconds, with what failing costs times how likely it is. `all` are the seconds of all prospects, best first.
    fn risked(&self, all: &[f64], question: &Question<'_>) -> f64 {
        let described = &question.scenario.backends[self.backend];
        let Failing { share, takes } = self.conditions.failing;
        let is_best = all.first().is_some_and(|best| *best == self.seconds);
        let other = if is_best { all.get(1).or(all.first()) } else { all.first() };
        let turning = other.map_or(MOST_TURNING, |seconds| seconds.min(MOST_TURNING));
        self.seconds * (1.0 - share) + share * (described.round_trip + takes + turning + RISK)
    }
}
