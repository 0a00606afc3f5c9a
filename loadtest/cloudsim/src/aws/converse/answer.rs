//! What Converse answers: whole, and as events in frames.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use super::super::frame;
use crate::cloud::{Content, Framing};
use crate::scene::{Call, Ending, Performance, Spent, seal};
use crate::shape::Look;

/// The whole answer.
pub(super) fn whole(performance: &Performance) -> Content {
    let mut content = Vec::new();
    if let Some(thought) = performance.thought() {
        let signature = seal(&thought);
        content.push(json!({ "reasoningContent": { "reasoningText": { "text": thought, "signature": signature } } }));
    }
    let text = performance.text();
    if !text.is_empty() {
        content.push(json!({ "text": text }));
    }
    let call = |call: &Call| json!({ "toolUse": { "toolUseId": id(call), "name": call.name, "input": call.arguments } });
    content.extend(performance.calls.iter().map(call));
    Content::json(&json!({
        "output": { "message": { "role": "assistant", "content": content } },
        "stopReason": stop_reason(&performance.ending),
        "usage": usage(&performance.spent),
        "metrics": { "latencyMs": 12 },
    }))
}

/// The answer in events.
pub(super) fn events(performance: &Performance) -> Content {
    let mut events = Events { index: 0, parts: vec![event("messageStart", json!({ "role": "assistant" }))] };
    if let Some(thought) = performance.thought() {
        for piece in &performance.thought {
            events.delta(json!({ "reasoningContent": { "text": piece } }));
        }
        events.delta(json!({ "reasoningContent": { "signature": seal(&thought) } }));
        events.stop();
    }
    if !performance.pieces.is_empty() {
        for piece in &performance.pieces {
            events.delta(json!({ "text": piece }));
        }
        events.stop();
    }
    for call in &performance.calls {
        events.start(json!({ "toolUse": { "toolUseId": id(call), "name": call.name } }));
        let arguments = call.arguments.to_string();
        // In two fragments, because readers that take the first for the whole must be found out.
        let middle = arguments.char_indices().nth(arguments.chars().count() / 2).map_or(0, |(index, _)| index);
        let (first, second) = arguments.split_at(middle);
        for fragment in [first, second] {
            events.delta(json!({ "toolUse": { "input": fragment } }));
        }
        events.stop();
    }
    let mut parts = events.parts;
    parts.push(event("messageStop", json!({ "stopReason": stop_reason(&performance.ending) })));
    parts.push(event("metadata", json!({ "usage": usage(&performance.spent), "metrics": { "latencyMs": 12 } })));
    Content { content_type: frame::CONTENT_TYPE, headers: Vec::new(), framing: Framing::Stream, parts }
}

struct Events {
    index: usize,
    parts: Vec<Bytes>,
}

impl Events {
    /// Only calls have a start.
    fn start(&mut self, start: Value) {
        self.parts.push(event("contentBlockStart", json!({ "contentBlockIndex": self.index, "start": start })));
    }

    fn delta(&mut self, delta: Value) {
        self.parts.push(event("contentBlockDelta", json!({ "contentBlockIndex": self.index, "delta": delta })));
    }

    fn stop(&mut self) {
        self.parts.push(event("contentBlockStop", json!({ "contentBlockIndex": self.index })));
        self.index += 1;
    }
}

/// An event with the padding that hides its length, as Bedrock adds it.
fn event(kind: &str, mut payload: Value) -> Bytes {
    let padding = "abcdefghijklmnopqrstuvwxyz";
    let length = payload.to_string().len() % padding.len();
    payload.put("p", json!(padding.get(..=length).unwrap_or(padding)));
    frame::event(kind, &payload)
}

fn id(call: &Call) -> String {
    format!("tooluse_{}", STANDARD.encode(format!("call-{}", call.number)).replace(['+', '/', '='], "_"))
}

fn stop_reason(ending: &Ending) -> &'static str {
    match ending {
        Ending::Complete => "end_turn",
        Ending::Stopped(_) => "stop_sequence",
        Ending::Length => "max_tokens",
        Ending::Calls => "tool_use",
        Ending::Filtered => "content_filtered",
    }
}

/// What came from a cache or went into one is not counted among the input.
fn usage(spent: &Spent) -> Value {
    json!({
        "inputTokens": spent.prompt - spent.cached - spent.written,
        "outputTokens": spent.answer,
        "totalTokens": spent.prompt + spent.answer,
        "cacheReadInputTokens": spent.cached,
        "cacheWriteInputTokens": spent.written,
    })
}
