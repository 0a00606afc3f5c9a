//! Around which sizes of prompts and answers a ceiling decides who may serve a request.

use tradewind_protocol::Usage;

use crate::spec::{NanoUsd, Price};

/// The most answers that anybody asks for at once: what OpenAI accepts of `n`.
const MOST_ANSWERS: u64 = 128;

/// The most tokens of prompts that cost no more than the ceiling, each with an answer of so many tokens, and the sizes where other rates begin.
pub(super) fn of_prompts<const N: usize>(ceiling: NanoUsd, price: &Price, answers: [u64; N]) -> impl Iterator<Item = u64> {
    let begins: Vec<u64> = price.above.iter().map(|above| above.prompt_tokens).collect();
    let first = std::iter::once(0).chain(begins.iter().map(|begin| begin.saturating_add(1)));
    let last = begins.iter().copied().chain([u64::MAX]);
    let ranges: Vec<(u64, u64)> = first.zip(last).collect();
    let within = move |tokens, answered| price.is_within(ceiling, Usage::new(tokens, answered));
    let most = move |(first, last): (u64, u64), answered| last_of(first, last, |tokens| within(tokens, answered));
    let crossings = ranges.into_iter().flat_map(move |range| answers.map(|answered| most(range, answered)));
    crossings.flatten().chain(begins)
}

/// The most tokens of answers that cost no more than the ceiling, to a prompt of so many.
pub(super) fn of_answers(ceiling: NanoUsd, price: &Price, prompt: u64, max_output: Option<u64>) -> Option<u64> {
    last_of(0, max_output.unwrap_or(u64::MAX), |tokens| price.is_within(ceiling, Usage::new(prompt, tokens)))
}

/// The most answers of so many tokens that cost no more than the ceiling, to a prompt of so many.
pub(super) fn of_several(ceiling: NanoUsd, price: &Price, prompt: u64, each: u64) -> Option<u64> {
    last_of(1, MOST_ANSWERS, |answers| price.is_within(ceiling, Usage::new(prompt, each.saturating_mul(answers))))
}

/// The last from `first` to `last` that is within, where all before it are and it is not `last` itself.
pub(super) fn last_of(first: u64, last: u64, is_within: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut within, mut beyond) = (first, last);
    if !is_within(within) || is_within(beyond) {
        return None;
    }
    while beyond - within > 1 {
        let middle = within + (beyond - within) / 2;
        if is_within(middle) { within = middle } else { beyond = middle }
    }
    Some(within)
}
