//! Gemini: `generateContent`, `streamGenerateContent` and `countTokens`.

mod answer;
mod read;
mod rules;
mod shape;
mod surface;

use serde_json::json;

use self::answer::Answer;
use super::body::body;
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::log::Received;
use crate::refusal::Refusal;
use crate::scene::{perform, words};

pub(super) use shape::CONTENT;
pub(super) use surface::Surface;

/// How the answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Whole,
    Events,
    Array,
    /// Only how long the prompt is.
    Count,
}

/// What a model answers.
pub(super) fn generate(
    behaviour: &Behaviour,
    model: &str,
    surface: Surface,
    wanted: Wanted,
    received: &Received,
) -> Result<Content, Refusal> {
    let body = body(received, &shape::BODY)?;
    rules::check(&body, model, surface)?;
    let prompt = read::prompt(&body, model)?;
    let performance = perform(behaviour, &prompt);
    let answer = Answer { prompt: &prompt, performance: &performance, candidates: read::candidates(&body), surface };
    Ok(match wanted {
        Wanted::Whole => answer.whole(),
        Wanted::Events => answer.events(),
        Wanted::Array => answer.array(),
        Wanted::Count => Content::json(&json!({ "totalTokens": words(&prompt.text) })),
    })
}
