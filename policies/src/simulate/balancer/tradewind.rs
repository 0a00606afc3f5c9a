//! The production router: [`select`](crate::select), asked and told as the gateway asks and tells it. No rule is made here.

use std::collections::HashMap;
use std::time::Duration;

use rand_pcg::Pcg64;
use smallvec::SmallVec;

use super::{AttemptId, Balancer, End, Explained, Question, Sent, Turn};
use crate::select::{
    self, Aim, Ask, Candidate, Choice, ExpectedOutput, Health, HedgeBudget, Monotonic, Outcome, Outlook, Remaining, RetryBudget,
    Started, choose,
};
use crate::simulate::arena::Arena;
use crate::simulate::limiter::Left;
use crate::simulate::scenario::{BackendId, Scenario, Told};

/// Up to so many candidates nothing is allocated.
const INLINE: usize = 16;

type Candidates = SmallVec<[Candidate<BackendId>; INLINE]>;

/// The production router of one gateway.
#[derive(Debug)]
pub(super) struct Tradewind {
    told: Told,
    health: Arena<BackendId, Health>,
    expected: ExpectedOutput,
    retries: RetryBudget,
    hedges: HedgeBudget,
    under_way: HashMap<AttemptId, UnderWay>,
    /// What the latest attempt was chosen from, and how.
    latest: Option<(Candidates, Choice<BackendId>)>,
    rng: Pcg64,
}

#[derive(Debug)]
struct UnderWay {
    started: Started,
    /// What its target looked like when it was chosen.
    outlook: Outlook,
}

impl Tradewind {
    pub(super) fn new(scenario: &Scenario, told: Told, rng: Pcg64) -> Self {
        Self {
            told,
            health: scenario.backends.map(|_| Health::default()),
            expected: ExpectedOutput::default(),
            retries: RetryBudget::default(),
            hedges: HedgeBudget::new(told.hedge_budget),
            under_way: HashMap::new(),
            latest: None,
            rng,
        }
    }

    fn ask(&self, backend: BackendId, question: &Question<'_>) -> Ask {
        let (prompt_tokens, output_tokens) = (f64::from(question.prompt), self.expected.tokens(None));
        let price = question.scenario.backends[backend].conditions(question.now).price;
        let dollars = price.of(prompt_tokens, output_tokens);
        let aim = match self.told.cheapest_within {
            None => Aim::NONE,
            within => Aim { first_token_p90_s: within, cheapest_usd: Some(dollars), ..Aim::NONE },
        };
        Ask { prompt_tokens, output_tokens, cost: question.scenario.seconds_for(dollars), aim, ..Ask::default() }
    }

    fn candidates(&self, question: &Question<'_>) -> Candidates {
        let may = |backend: &&BackendId| question.turn != Turn::Hedge || is_elsewhere(**backend, question);
        let candidate = |backend: &BackendId| {
            let outlook = self.health[*backend].outlook(moment(question.now), &self.ask(*backend, question));
            Candidate { target: *backend, tier: 0, outlook }
        };
        question.candidates.iter().filter(may).map(candidate).collect()
    }

    /// Whether the budgets allow the attempt; if so, it is paid for.
    fn can_afford(&mut self, question: &Question<'_>) -> bool {
        match question.turn {
            Turn::First => {
                self.retries.request(moment(question.now));
                self.hedges.request();
                true
            }
            Turn::Again => self.retries.take(moment(question.now)),
            Turn::Hedge => self.hedges.take(),
        }
    }

    fn start(&mut self, attempt: AttemptId, mut candidates: Candidates, question: &Question<'_>) -> Option<BackendId> {
        let turn = match question.turn {
            Turn::First => select::Turn::First,
            Turn::Again => select::Turn::Again,
            Turn::Hedge => select::Turn::Hedge,
        };
        loop {
            let chosen = choose(&candidates, turn, &mut self.rng)?;
            let candidate = candidates.iter().find(|candidate| candidate.target == chosen.target)?;
            let ask = self.ask(chosen.target, question);
            match self.health[chosen.target].start(moment(question.now), &ask, chosen.despite) {
                Ok(started) => {
                    self.under_way.insert(attempt, UnderWay { started, outlook: candidate.outlook });
                    self.latest = Some((candidates, chosen));
                    return Some(chosen.target);
                }
                // Something changed between looking and starting; it is out for this attempt.
                Err(_) => candidates.retain(|candidate| candidate.target != chosen.target),
            }
        }
    }
}

impl Balancer for Tradewind {
    fn send(&mut self, attempt: AttemptId, question: &Question<'_>) -> Option<BackendId> {
        let candidates = self.candidates(question);
        if question.turn == Turn::Hedge && (candidates.is_empty() || select::is_overloaded(&candidates)) {
            return None;
        }
        if !self.can_afford(question) {
            return None;
        }
        self.start(attempt, candidates, question)
    }

    fn explain(&self) -> Option<Explained<'_>> {
        self.latest.as_ref().map(|(candidates, choice)| Explained { candidates, choice })
    }

    fn first_token(&mut self, now: f64, sent: &Sent) {
        if let Some(under_way) = self.under_way.get_mut(&sent.id) {
            self.health[sent.backend].first_token(moment(now), &mut under_way.started);
        }
    }

    fn remaining(&mut self, now: f64, sent: &Sent, left: [Option<Left>; 2]) {
        let remaining =
            |Left { left, full, full_in }| Remaining { left, limit: Some(full), resets_in: Duration::from_secs_f64(full_in) };
        let [requests, tokens] = left.map(|left| left.map(remaining));
        self.health[sent.backend].observe_remaining(moment(now), requests, tokens);
    }

    fn per_token(&mut self, now: f64, sent: &Sent, pace: f64) {
        if let Some(under_way) = self.under_way.get(&sent.id) {
            self.health[sent.backend].pace(moment(now), &under_way.started, pace);
        }
    }

    fn ended(&mut self, now: f64, sent: &Sent, end: End) {
        let Some(UnderWay { started, .. }) = self.under_way.remove(&sent.id) else { return };
        let outcome = match end {
            End::Completed { output } => {
                self.expected.observe(u64::from(output));
                Outcome::Success { output_tokens: u64::from(output) }
            }
            End::RateLimited { retry_after } => Outcome::RateLimited { retry_after: retry_after.map(Duration::from_secs_f64) },
            End::Failed => Outcome::Failure { retry_after: None },
            End::Cancelled => Outcome::Cancelled,
        };
        self.health[sent.backend].end(moment(now), started, outcome, &mut self.rng);
    }

    fn hedge_after(&mut self, question: &Question<'_>, sent: &Sent) -> Option<f64> {
        if !self.told.hedge {
            return None;
        }
        let outlook = &self.under_way.get(&sent.id)?.outlook;
        let others = self.candidates(question);
        select::hedge_after(outlook, f64::from(question.prompt), &others).map(|after| after.as_secs_f64())
    }
}

/// Whether the backend would not fail together with one that the request waits for.
fn is_elsewhere(backend: BackendId, question: &Question<'_>) -> bool {
    let domain = |backend: BackendId| question.scenario.backends[backend].failure_domain.as_deref();
    let own = domain(backend);
    own.is_none() || question.tried.iter().all(|tried| domain(*tried) != own)
}

fn moment(now: f64) -> Monotonic {
    Monotonic::since_epoch(Duration::from_secs_f64(now))
}
