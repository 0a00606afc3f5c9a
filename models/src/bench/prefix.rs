//! How much sooner a request is answered that begins like one before it.

use std::time::Duration;

use serde::Serialize;

use super::BenchError;
use super::ask::{Asker, message};
use super::figures::{median, milliseconds};
use crate::chat::Role;

/// Tokens of what the requests have in common, where the model's context allows it.
const SHARED: usize = 1024;

/// Tokens of each question.
const QUESTION: usize = 24;

/// How often two of them are asked.
const ROUNDS: usize = 5;

/// Requests that begin alike.
#[derive(Debug, Clone, Serialize)]
pub struct SharedPrefix {
    /// Tokens of a prompt.
    pub prompt_tokens: usize,
    /// Of those, the ones that the second request found in the cache.
    pub cached_tokens: usize,
    /// Milliseconds to the first token of the first request: the median of several rounds, each with a prompt of its own.
    pub first_ms: f64,
    /// The same of the second.
    pub second_ms: f64,
    /// Tokens a second that were read of the first, in the quickest round.
    pub prefill_tokens_per_second: f64,
}

impl SharedPrefix {
    /// The part of the time to the first token that the second is spared.
    pub fn saving(&self) -> f64 {
        1.0 - self.second_ms / self.first_ms
    }
}

pub(super) async fn measure(asker: &Asker) -> Result<SharedPrefix, BenchError> {
    let shared = SHARED.min(asker.engine.context_length() / 2);
    let (mut first, mut second, mut paces) = (Vec::new(), Vec::new(), Vec::new());
    let (mut prompt_tokens, mut cached_tokens) = (0, 0);
    for number in 0..ROUNDS {
        let system = asker.text(shared, &format!("in round {number}"));
        let (tokens, _, time) = ask(asker, &system, "first").await?;
        first.push(milliseconds(time));
        paces.push(tokens as f64 / time.as_secs_f64());
        let (tokens, cached, time) = ask(asker, &system, "second").await?;
        second.push(milliseconds(time));
        (prompt_tokens, cached_tokens) = (tokens, cached);
    }
    let middle = |times| median(times).ok_or(BenchError::Nothing("shared prompt"));
    let quickest = paces.into_iter().fold(0.0, f64::max);
    Ok(SharedPrefix {
        prompt_tokens,
        cached_tokens,
        first_ms: middle(first)?,
        second_ms: middle(second)?,
        prefill_tokens_per_second: quickest,
    })
}

/// The tokens of the prompt, those of them that were cached, and the time to the first token.
async fn ask(asker: &Asker, system: &str, question: &str) -> Result<(usize, usize, Duration), BenchError> {
    let question = message(Role::User, asker.text(QUESTION, question));
    let heard = asker.ask(asker.request(vec![message(Role::System, system.to_owned()), question], 1)).await?;
    let cached = heard.usage.map_or(0, |usage| usage.cached_tokens);
    Ok((heard.prompt_tokens, cached, heard.first_token()?))
}
