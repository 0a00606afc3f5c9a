//! Chat completions, whole and in events.

use bytes::Bytes;
use serde_json::{Value, json};

use super::CREATED;
use crate::behaviour::Behaviour;
use crate::check::{Chat, Framing};

const ID: &str = "chatcmpl-sim";

/// The pieces of the answer that the limit leaves, and why it ends there.
fn spoken<'b>(behaviour: &'b Behaviour, chat: &Chat) -> (&'b [String], &'static str) {
    match chat.limit.and_then(|limit| behaviour.answer.get(..limit)) {
        Some(cut) if cut.len() < behaviour.answer.len() => (cut, "length"),
        _ => (&behaviour.answer, "stop"),
    }
}

fn usage(chat: &Chat, completion_tokens: usize) -> Value {
    json!({
        "prompt_tokens": chat.prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": chat.prompt_tokens + completion_tokens,
    })
}

pub(super) fn whole(behaviour: &Behaviour, chat: &Chat) -> Value {
    let (pieces, finish_reason) = spoken(behaviour, chat);
    json!({
        "id": ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": chat.model,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": pieces.concat(), "refusal": null },
            "logprobs": null,
            "finish_reason": finish_reason,
        }],
        "usage": usage(chat, pieces.len()),
    })
}

pub(super) fn events(behaviour: &Behaviour, chat: &Chat) -> Vec<Bytes> {
    let (pieces, finish_reason) = spoken(behaviour, chat);
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({
            "id": ID,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": chat.model,
            "choices": choices,
        });
        // Where usage was asked for, every chunk has the key; but for the last its value is null.
        if let (Framing::EventsWithUsage, Some(fields)) = (chat.framing, chunk.as_object_mut()) {
            fields.insert("usage".into(), usage);
        }
        event(&chunk.to_string())
    };
    let delta = |delta: Value, finish_reason: Value| {
        let choices = json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason }]);
        chunk(choices, Value::Null)
    };
    let mut events = vec![delta(json!({ "role": "assistant", "content": "" }), Value::Null)];
    events.extend(pieces.iter().map(|piece| delta(json!({ "content": piece }), Value::Null)));
    events.push(delta(json!({}), json!(finish_reason)));
    if chat.framing == Framing::EventsWithUsage {
        events.push(chunk(json!([]), usage(chat, pieces.len())));
    }
    events.push(event("[DONE]"));
    events
}

fn event(data: &str) -> Bytes {
    format!("data: {data}\n\n").into()
}
