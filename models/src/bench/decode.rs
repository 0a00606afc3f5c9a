//! How much quicker several answers come together than one after the other.

use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::BenchError;
use super::ask::{Asker, Heard};
use super::figures::greatest;

/// How many answers are generated at the same time.
const COMPANIES: [usize; 4] = [1, 2, 4, 8];

/// Tokens of a question: short, since reading is not measured here.
const QUESTION: usize = 24;

/// Tokens of an answer.
const ANSWER: usize = 48;

/// Answers in company.
#[derive(Debug, Clone, Serialize)]
pub struct Batching {
    /// The smallest company first.
    pub paces: Vec<Pace>,
}

/// The pace of so many answers.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Pace {
    /// How many are generated at the same time.
    pub answers: usize,
    /// Tokens a second of all of them together, in the quickest of several rounds: what disturbs a round only makes it slower.
    pub tokens_per_second: f64,
}

impl Batching {
    /// How many times as many tokens a second the largest company gets as one answer alone.
    pub fn gain(&self) -> f64 {
        let pace = |pace: Option<&Pace>| pace.map_or(f64::NAN, |pace| pace.tokens_per_second);
        pace(self.paces.last()) / pace(self.paces.first())
    }
}

/// Rounds of all companies, in turn, so that a machine that is disturbed for a while is so for all of them.
pub(super) async fn measure(asker: &Asker, span: Duration) -> Result<Batching, BenchError> {
    let mut rounds = COMPANIES.map(|answers| (answers, Vec::new()));
    let end = Instant::now() + span;
    for number in 0.. {
        for (answers, paces) in &mut rounds {
            paces.push(round(asker, *answers, number).await?);
        }
        if Instant::now() >= end {
            break;
        }
    }
    let best = |(answers, paces): (usize, Vec<f64>)| Pace { answers, tokens_per_second: greatest(&paces).unwrap_or(f64::NAN) };
    Ok(Batching { paces: rounds.into_iter().map(best).collect() })
}

/// Tokens a second, from when all answers have begun until the first is complete.
async fn round(asker: &Asker, answers: usize, number: usize) -> Result<f64, BenchError> {
    let ask = |place: usize| {
        let request = asker.question(QUESTION, &format!("round {number} of {answers} at {place}"), ANSWER);
        asker.spawn(request, std::future::pending())
    };
    let hearings: Vec<_> = (0..answers).map(ask).collect();
    let mut heard: Vec<Heard> = Vec::new();
    for hearing in hearings {
        heard.push(hearing.await??);
    }
    let begun = heard.iter().filter_map(|heard| heard.tokens.first()).max();
    let ended = heard.iter().filter_map(|heard| heard.tokens.last()).min();
    let (Some(begun), Some(ended)) = (begun, ended) else { return Err(BenchError::Nothing("pace")) };
    let tokens: usize = heard.iter().map(|heard| heard.tokens_within(*begun, *ended)).sum();
    Ok(tokens as f64 / (*ended - *begun).as_secs_f64())
}
