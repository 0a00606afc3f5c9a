//! Many clients, who ask at random or one after the other.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, sleep_until};

use super::ask::{Asker, Heard, Hearing, hear};
use super::{BenchError, Plan};
use crate::chat::{ChatRequest, SubmitError};
use crate::{Forecast, Full};

/// Tokens of an answer.
const ANSWER: usize = 32;

/// Tokens of the shortest and of the longest question.
const QUESTIONS: (f64, f64) = (16.0, 160.0);

/// How many clients ask without a pause where as much is to be done as can be: more than any engine computes at the same time.
const CLIENTS: u64 = 32;

/// The first so much of the time is not counted: until then the engine fills up.
const WARMING: f64 = 0.25;

/// Questions and their times.
#[derive(Debug)]
struct Questions {
    random: StdRng,
    /// Whose they are, and how many were asked.
    name: String,
    asked: usize,
}

impl Questions {
    fn new(seed: u64, name: String) -> Self {
        Self { random: StdRng::seed_from_u64(seed), name, asked: 0 }
    }

    /// The next, and about how many tokens it has.
    fn next(&mut self, asker: &Asker) -> (ChatRequest, usize) {
        self.asked += 1;
        let (shortest, longest) = QUESTIONS;
        let tokens = (shortest * (self.random.random::<f64>() * (longest / shortest).ln()).exp()) as usize;
        let text = format!("{} {}", self.asked, self.name);
        let request = asker.question(tokens, &text, ANSWER);
        let tokens = asker.engine.expected_tokens(&request);
        (request, tokens)
    }

    /// The time to the next of events that come at random, on average so far apart.
    fn pause(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.random.random::<f64>()).ln())
    }
}

/// What came of traffic.
#[derive(Debug)]
pub(super) struct Served {
    /// Tokens of answers, a second.
    pub(super) tokens_per_second: f64,
    pub(super) answered: Vec<(Forecast, Heard)>,
    pub(super) refused: Vec<Full>,
}

impl Served {
    pub(super) fn offered(&self) -> usize {
        self.answered.len() + self.refused.len()
    }
}

/// Tokens of answers that came, a second of the time that counts.
fn tokens_per_second<'h>(heard: impl IntoIterator<Item = &'h Heard>, begun: Instant, end: Instant) -> f64 {
    let from = begun + (end - begun).mul_f64(WARMING);
    let tokens: usize = heard.into_iter().map(|heard| heard.tokens_within(from, end)).sum();
    tokens as f64 / (end - from).as_secs_f64()
}

/// Requests a second that are answered at such a pace.
pub(super) fn requests_per_second(tokens_per_second: f64) -> f64 {
    tokens_per_second / ANSWER as f64
}

/// How many tokens a second can be had: with clients who ask again when they have been answered.
pub(super) async fn closed(asker: &Asker, plan: &Plan) -> Result<f64, BenchError> {
    let begun = Instant::now();
    let end = begun + plan.span;
    let client = |number: u64| {
        let (asker, mut questions) = (asker.clone(), Questions::new(plan.seed ^ number, format!("client {number}")));
        tokio::spawn(async move {
            let mut heard = Vec::new();
            while Instant::now() < end {
                let (request, _) = questions.next(&asker);
                heard.push(asker.hear(request, sleep_until(end)).await?);
            }
            Ok::<_, BenchError>(heard)
        })
    };
    let clients: Vec<_> = (0..CLIENTS).map(client).collect();
    let mut answered = Vec::new();
    for client in clients {
        answered.extend(client.await??);
    }
    Ok(tokens_per_second(&answered, begun, end))
}

/// Whether those who wait are still answered when the time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AtTheEnd {
    /// They are.
    Wait,
    /// They leave.
    Leave,
}

/// Clients who come at random, on average so many a second and at least one, whatever the engine makes of them.
pub(super) async fn open(asker: &Asker, plan: &Plan, per_second: f64, at_end: AtTheEnd) -> Result<Served, BenchError> {
    let mean = Duration::try_from_secs_f64(1.0 / per_second).map_err(|_| BenchError::Nothing("capacity"))?;
    // Questions of its own: those of an earlier traffic would be found in the cache.
    let mut questions = Questions::new(plan.seed, format!("{at_end:?}"));
    let (mut hearings, mut refused): (Vec<(Forecast, Hearing)>, _) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    let end = begun + plan.span;
    let mut next = begun;
    loop {
        next += questions.pause(mean);
        if next >= end && !hearings.is_empty() {
            break;
        }
        sleep_until(next).await;
        let (request, tokens) = questions.next(asker);
        let (forecast, asked) = (asker.engine.forecast(tokens, ANSWER), Instant::now());
        match asker.engine.submit(request) {
            Ok(generation) => {
                let leave = leave_at(end, at_end);
                hearings.push((forecast, tokio::spawn(hear(generation, asked, usize::MAX, leave))));
            }
            Err(SubmitError::Full(full)) => refused.push(full),
            Err(error) => return Err(error.into()),
        }
    }
    let mut answered = Vec::new();
    for (forecast, hearing) in hearings {
        answered.push((forecast, hearing.await??));
    }
    let tokens_per_second = tokens_per_second(answered.iter().map(|(_, heard)| heard), begun, end);
    Ok(Served { tokens_per_second, answered, refused })
}

async fn leave_at(end: Instant, at_end: AtTheEnd) {
    match at_end {
        AtTheEnd::Wait => std::future::pending().await,
        AtTheEnd::Leave => sleep_until(end).await,
    }
}
