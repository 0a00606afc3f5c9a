//! Decisions of a run, written down as the gateway writes them, so that what is said of a log can be tried where the truth is known.

use std::collections::HashMap;
use std::time::Duration;

use super::arena::Arena;
use super::balancer::{AttemptId, End, Explained, Sent, Turn};
use super::run::{Fate, Run};
use super::scenario::{BackendId, Scenario};
use super::workload::{Drawn, RequestId};
use crate::decision::{
    Attempt, AttemptOutcome, Candidate, Decision, Expected, Kept, Moment, Needs, Outcome, Removal, Score, TokenNames, Tokens,
    VERSION,
};
use crate::select::{self, Monotonic};
use tradewind_protocol::Operation;

/// When virtual time begins: any moment would do, as long as it is always the same.
const BEGIN: u64 = 1_767_225_600_000_000;
/// The one model, route and tenant of a scenario.
pub(super) const MODEL: &str = "model";
pub(super) const ROUTE: &str = "all";
pub(super) const TENANT: &str = "everybody";

/// A run that was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The policy that the production router played by, as a file.
    pub policy: String,
    /// Its decisions, in the order of their arrival.
    pub decisions: Vec<Decision>,
    /// What became of the requests.
    pub run: Run,
}

/// What is written down while a run goes on.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    requests: HashMap<RequestId, Noted>,
    attempts: HashMap<AttemptId, (RequestId, usize)>,
}

/// What is known of one request.
#[derive(Debug, Default)]
struct Noted {
    candidates: Vec<Candidate>,
    expected_output: f64,
    attempts: Vec<(f64, Attempt)>,
    /// Seconds per token of the answer that was whole.
    pace: Option<f64>,
}

impl Recorder {
    pub(super) fn sent(&mut self, id: RequestId, sent: &Sent, turn: Turn, explained: Explained<'_>, scenario: &Scenario) {
        let noted = self.requests.entry(id).or_default();
        if turn == Turn::First {
            noted.candidates = candidates(explained, sent.at, scenario);
            noted.expected_output = explained.candidates.first().map_or(0.0, |candidate| candidate.outlook.output_tokens);
        }
        let choice = explained.choice;
        let attempt = Attempt {
            backend: scenario.backends[sent.backend].name.clone(),
            outgrown: None,
            turn: match turn {
                Turn::First => select::Turn::First,
                Turn::Again => select::Turn::Again,
                Turn::Hedge => select::Turn::Hedge,
            },
            continues: false,
            reason: choice.reason,
            probability: choice.probability,
            despite: choice.despite.map(Into::into),
            spilled: choice.spilled,
            predicted_s: choice.score.total(),
            begun_s: 0.0,
            first_token_s: None,
            total_s: 0.0,
            outcome: AttemptOutcome::CalledOff,
        };
        self.attempts.insert(sent.id, (id, noted.attempts.len()));
        noted.attempts.push((sent.at, attempt));
    }

    pub(super) fn ended(&mut self, now: f64, sent: &Sent, pace: f64, end: End) {
        let Some((request, place)) = self.attempts.get(&sent.id) else { return };
        let Some(noted) = self.requests.get_mut(request) else { return };
        let Some((_, attempt)) = noted.attempts.get_mut(*place) else { return };
        attempt.total_s = now - sent.at;
        attempt.first_token_s = sent.first_token.map(|at| at - sent.at);
        attempt.outcome = match end {
            End::Completed { .. } => AttemptOutcome::Answered,
            End::RateLimited { .. } => AttemptOutcome::RateLimited,
            End::Failed if sent.first_token.is_some() => AttemptOutcome::BrokenOff,
            End::Failed => AttemptOutcome::Failed,
            End::Cancelled => AttemptOutcome::CalledOff,
        };
        if attempt.outcome == AttemptOutcome::Answered {
            noted.pace = Some(pace);
        }
    }

    pub(super) fn decisions(
        mut self,
        scenario: &Scenario,
        fates: &[Fate],
        drawn: &Arena<RequestId, Drawn>,
        policy: &str,
    ) -> Vec<Decision> {
        let each = drawn.ids().zip(drawn.iter()).zip(fates);
        each.map(|((id, drawn), fate)| decision(id, self.requests.remove(&id).unwrap_or_default(), fate, drawn, scenario, policy))
            .collect()
    }
}

fn candidates(explained: Explained<'_>, now: f64, scenario: &Scenario) -> Vec<Candidate> {
    let now = Monotonic::since_epoch(Duration::from_secs_f64(now));
    let candidate = |(candidate, score): (&select::Candidate<BackendId>, select::Score)| Candidate {
        backend: scenario.backends[candidate.target].name.clone(),
        model: Some(MODEL.to_owned()),
        tier: 0,
        excluded: None,
        removed: candidate.outlook.removed.map(|removed| Removal::of(removed, now)),
        score: Some(Score::from(score)),
        expected: Some(Expected::of(&candidate.outlook, 0.0)),
        price_nano_usd: None,
    };
    select::scores(explained.candidates).map(candidate).collect()
}

fn decision(id: RequestId, noted: Noted, fate: &Fate, drawn: &Drawn, scenario: &Scenario, policy: &str) -> Decision {
    let attempts = noted.attempts.into_iter().map(|(at, attempt)| Attempt { begun_s: at - drawn.at, ..attempt });
    let attempts: Vec<Attempt> = attempts.collect();
    let answered = attempts.iter().find(|attempt| attempt.outcome == AttemptOutcome::Answered);
    let (outcome, status) = match (fate.completed, fate.first_token) {
        (Some(_), _) => (Outcome::Completed, 200),
        (None, Some(_)) => (Outcome::Interrupted, 200),
        (None, None) => (Outcome::Failed, 502),
    };
    let last = attempts.iter().map(|attempt| attempt.begun_s + attempt.total_s).fold(0.0, f64::max);
    let tokens = Tokens { prompt_tokens: drawn.prompt.into(), completion_tokens: drawn.output.into(), ..Tokens::default() };
    let price =
        answered.and_then(|own| scenario.backends.iter().find(|backend| backend.name == own.backend)).map(|own| own.price);
    let dollars = price.map(|price| price.of(f64::from(drawn.prompt), f64::from(drawn.output)));
    Decision {
        version: VERSION,
        id: format!("{id:?}"),
        at: moment(drawn.at),
        policy: policy.to_owned(),
        route: Some(ROUTE.to_owned()),
        tenant: TENANT.to_owned(),
        asked: MODEL.to_owned(),
        model: Some(MODEL.to_owned()),
        operation: Operation::Chat,
        streamed: true,
        prompt_tokens: drawn.prompt.into(),
        max_output_tokens: None,
        too_small: None,
        answers: None,
        expected_output_tokens: noted.expected_output,
        needs: Needs::default(),
        session: None,
        claims: Kept::default(),
        headers: Kept::default(),
        token_names: TokenNames::default(),
        arm: None,
        outgrown: Vec::new(),
        stays: None,
        candidates: noted.candidates,
        shadow: None,
        chosen: answered.map(|attempt| attempt.backend.clone()),
        usage: answered.map(|_| tokens),
        cost_nano_usd: dollars.map(nano),
        first_token_s: fate.first_token,
        per_token_s: noted.pace,
        total_s: fate.completed.unwrap_or(last),
        share: 1.0,
        status,
        outcome,
        error: None,
        attempts,
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "virtual time is never negative")]
fn moment(seconds: f64) -> Moment {
    Moment::from_micros(BEGIN + (seconds * 1e6) as u64)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a price is never negative")]
fn nano(dollars: f64) -> u64 {
    (dollars * 1e9).ceil() as u64
}

impl Scenario {
    /// What the scenario tells the production router, as a policy file: its backends, their prices and failure domains as they are at the
    /// beginning, and `[policy]`.
    pub fn as_policy(&self) -> String {
        use std::fmt::Write;

        let Self { policy, first_token_timeout, attempts, .. } = self;
        let mut text = String::from("version = 1\n");
        // Nothing can go wrong in writing to a text.
        let mut line = |line: std::fmt::Arguments<'_>| text.write_fmt(line).unwrap_or_default();
        for backend in self.backends.iter() {
            let name = &backend.name;
            line(format_args!("\n[backend.{name}]\nprovider = \"openai\"\nbase_url = \"http://{name}.invalid/v1\"\n"));
            if let Some(domain) = &backend.failure_domain {
                line(format_args!("failure_domain = \"{domain}\"\n"));
            }
            let (input, output) = (backend.price.input, backend.price.output);
            line(format_args!("models.{MODEL} = {{ price = {{ in = {input:?}, out = {output:?} }} }}\n"));
        }
        let names: Vec<_> = self.backends.iter().map(|backend| &backend.name).collect();
        line(format_args!("\n[[route]]\nname = \"{ROUTE}\"\nmatch = {{ model = \"{MODEL}\" }}\ntiers = [{names:?}]\n"));
        line(format_args!(
            "max_attempts = {attempts}\ntimeouts = {{ first_token = \"{}ms\" }}\n",
            (first_token_timeout * 1e3).round()
        ));
        if let Some(seconds) = policy.cheapest_within {
            let most = (seconds * 1e3).round();
            line(format_args!("objective = \"cheapest-within-slo\"\nslo = {{ ttft_p90 = \"{most}ms\" }}\n"));
        }
        if let Some(seconds) = policy.one_cent_buys {
            line(format_args!("one_cent_buys = \"{}ms\"\n", (seconds * 1e3).round()));
        }
        match policy.hedge {
            true => line(format_args!("hedge = {{ budget = \"{}%\" }}\n", (policy.hedge_budget * 1e4).round() / 1e2)),
            false => line(format_args!("hedge = false\n")),
        }
        text
    }
}
