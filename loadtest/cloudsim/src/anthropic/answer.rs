//! A message in one document.

use serde_json::{Value, json};

use crate::scene::{Call, Ending, Performance, Prompt, Spent, seal};

/// A whole message.
pub(super) fn whole(prompt: &Prompt, performance: &Performance) -> Value {
    let mut content = Vec::new();
    if let Some(thought) = performance.thought() {
        content.push(json!({ "type": "thinking", "thinking": thought, "signature": seal(&thought) }));
    }
    if !performance.pieces.is_empty() {
        content.push(json!({ "type": "text", "text": performance.text() }));
    }
    content.extend(performance.calls.iter().map(|call| tool_use(call, call.arguments.clone())));
    let mut message = begun(prompt);
    if let Some(members) = message.as_object_mut() {
        members.insert("content".into(), content.into());
        members.insert("stop_reason".into(), json!(stop_reason(&performance.ending)));
        members.insert("stop_sequence".into(), stop_sequence(&performance.ending));
        members.insert("usage".into(), usage(&performance.spent, performance.spent.answer));
    }
    message
}

/// A message of which nothing has been said.
pub(super) fn begun(prompt: &Prompt) -> Value {
    json!({
        "id": "msg_sim", "type": "message", "role": "assistant", "model": prompt.model, "content": [],
        "stop_reason": null, "stop_sequence": null, "usage": null,
    })
}

/// A call with that input.
pub(super) fn tool_use(call: &Call, input: Value) -> Value {
    json!({ "type": "tool_use", "id": format!("toolu_sim{}", call.number), "name": call.name, "input": input })
}

/// The usage; cached tokens are not among the input's.
pub(super) fn usage(spent: &Spent, output: usize) -> Value {
    json!({
        "input_tokens": spent.prompt - spent.cached - spent.written,
        "cache_creation_input_tokens": spent.written,
        "cache_read_input_tokens": spent.cached,
        "output_tokens": output,
        "service_tier": "standard",
    })
}

pub(super) fn stop_reason(ending: &Ending) -> &'static str {
    match ending {
        Ending::Complete => "end_turn",
        Ending::Stopped(_) => "stop_sequence",
        Ending::Length => "max_tokens",
        Ending::Calls => "tool_use",
        Ending::Filtered => "refusal",
    }
}

pub(super) fn stop_sequence(ending: &Ending) -> Value {
    match ending {
        Ending::Stopped(stop) => json!(stop),
        _ => Value::Null,
    }
}
