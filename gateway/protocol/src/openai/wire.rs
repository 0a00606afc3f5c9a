//! The pieces that whole and streamed answers of OpenAI-shaped upstreams share.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::string_or::{Expecting, StringOr};
use crate::{
    chat::FinishReason,
    text::{Loose, Text},
};

/// The content of an answer: a string, or Mistral's and Databricks' list of parts.
pub(super) type Said<'a> = StringOr<'a, Vec<SaidPart<'a>>>;

impl Expecting for Vec<SaidPart<'_>> {
    const EXPECTED: &'static str = "a string or a list of content parts";
}

/// A part of an answer: `text`, Mistral's `thinking`, Databricks' `reasoning` with its `summary`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SaidPart<'a> {
    #[serde(borrow, default)]
    text: Loose<'a>,
    #[serde(borrow)]
    thinking: Option<StringOr<'a, Vec<SaidPart<'a>>>>,
    #[serde(borrow)]
    summary: Option<StringOr<'a, Vec<SaidPart<'a>>>>,
    #[serde(borrow, default)]
    signature: Loose<'a>,
}

/// What a part of an answer turns out to be.
pub(super) enum Heard<'p> {
    Text(&'p str),
    Thought(&'p str),
    Signature(&'p str),
}

/// Tells the parts of an answer apart, in order.
pub(super) fn hear(said: &Said<'_>, tell: &mut dyn FnMut(Heard<'_>)) {
    match said {
        StringOr::String(text) => tell(Heard::Text(text)),
        StringOr::Other(parts) => {
            for part in parts {
                for thought in part.thinking.iter().chain(&part.summary) {
                    hear_thought(thought, tell);
                }
                if let Some(signature) = part.signature.text() {
                    tell(Heard::Signature(signature));
                }
                if let Some(text) = part.text.text() {
                    tell(Heard::Text(text));
                }
            }
        }
    }
}

fn hear_thought(thought: &StringOr<'_, Vec<SaidPart<'_>>>, tell: &mut dyn FnMut(Heard<'_>)) {
    match thought {
        StringOr::String(text) => tell(Heard::Thought(text)),
        StringOr::Other(parts) => {
            for part in parts {
                let heard = [part.text.text().map(Heard::Thought), part.signature.text().map(Heard::Signature)];
                heard.into_iter().flatten().for_each(&mut *tell);
            }
        }
    }
}

/// The arguments of a call: a string of JSON, or the JSON itself, as some servers send it.
pub(super) fn arguments_text(raw: &RawValue) -> Cow<'_, str> {
    match serde_json::from_str::<Text<'_>>(raw.get()) {
        Ok(text) => text.0,
        Err(_) => Cow::Borrowed(raw.get()),
    }
}

/// Why an answer ended, in the words of the many hosts; none for an error. What nobody knows counts as a plain end.
pub(super) fn finish_reason(word: &str) -> Option<FinishReason> {
    match word {
        "length" | "model_length" | "max_tokens" => Some(FinishReason::Length),
        "tool_calls" | "function_call" | "tool_use" => Some(FinishReason::ToolCalls),
        "content_filter" => Some(FinishReason::ContentFilter),
        "error" => None,
        _ => Some(FinishReason::Stop),
    }
}
