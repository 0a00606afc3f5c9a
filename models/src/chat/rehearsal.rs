//! A conversation that nobody holds, computed at start, so that the engine knows how quick it is before anybody asks.

use std::time::Duration;

use super::sequence::append;
use super::{ChatModel, Message, Role, StartError, request};
use crate::load::{Estimates, Pace, Work};
use crate::queue::Clock;

/// What is said in it: prose, of which a tokenizer makes what it makes of most texts.
const PROSE: &str = "The wind that blows from the east carried ships across the ocean, and whoever knew when it would come could say on which \
    day a ship would be in port. Merchants wrote down what they had seen, year after year, and made tables of it. ";

/// How often it is said: three chunks of the usual size.
const REPEATED: usize = 5;

/// The steps: so many tokens of the conversation each. One at a time is how an answer is generated. The first finds nothing in the
/// machine's caches and is not counted.
const STEPS: [usize; 11] = [1, 16, 64, 1, 1, 1, 32, 64, 1, 1, 1];

/// Computes it `times` over.
///
/// # Errors
/// The model cannot be computed. It is better to know now than at the first request.
pub(super) fn rehearse(model: &mut ChatModel, times: usize, clock: &Clock) -> Result<(Pace, Estimates), StartError> {
    let mut estimates = Estimates::default();
    let mut steps = Vec::new();
    if times > 0 {
        let tokens = conversation(model, &mut estimates)?;
        for _ in 0..times {
            steps.extend(once(model, &tokens, clock)?);
        }
    }
    Ok((Pace::rehearsed(&steps), estimates))
}

/// The tokens of a conversation; and what it teaches of the length of prompts.
fn conversation(model: &ChatModel, estimates: &mut Estimates) -> Result<Vec<u32>, StartError> {
    let mut tokens = Vec::new();
    for content in [PROSE.to_owned(), PROSE.repeat(REPEATED)] {
        let messages = [Message { role: Role::User, content }];
        tokens = model.tokenizer.encode(&model.template.render(&messages)?)?;
        estimates.prompt.learn(request::bytes(&messages), tokens.len());
    }
    tokens.truncate(model.decoder.context_length());
    Ok(tokens)
}

fn once(model: &mut ChatModel, tokens: &[u32], clock: &Clock) -> Result<Vec<(Work, Duration)>, StartError> {
    let mut steps = Vec::new();
    let (mut position, mut rest) = (0, tokens);
    for length in STEPS {
        let Some((step, after)) = rest.split_at_checked(length) else { break };
        let start = clock.now();
        append(model.decoder.as_mut(), step, position)?;
        let took = clock.now().saturating_duration_since(start);
        let work = if length == 1 { Work::decode(position, 1.0) } else { Work::prefill(position, length, length) };
        steps.push((work, took));
        (position, rest) = (position + length, after);
    }
    steps.drain(..steps.len().min(1));
    Ok(steps)
}
