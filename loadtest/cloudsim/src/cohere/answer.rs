//! The answer to a chat, whole and in events.

use bytes::Bytes;
use serde_json::{Value, json};

use super::check;
use crate::behaviour::Behaviour;
use crate::cloud::{Content, named_event};
use crate::json::Object;
use crate::refusal::{Refusal, Why};
use crate::scene::{Call, Ending, Performance, Spent, perform};

const ID: &str = "cohere-sim";

/// What is told before tools are called.
const PLAN: &str = "I will ask the tools.";

pub(super) fn chat(behaviour: &Behaviour, body: &Object<'_>) -> Result<Content, Refusal> {
    let prompt = check::read(behaviour, body)?;
    let performance = perform(behaviour, &prompt);
    if performance.ending == Ending::Filtered {
        return Err(Refusal::new(422, Why::Filtered, "the message was blocked by the safety mode"));
    }
    Ok(if body.flag("stream")? { Content::events(events(&performance)) } else { Content::json(&whole(&performance)) })
}

fn whole(performance: &Performance) -> Value {
    let mut content = Vec::new();
    content.extend(performance.thought().map(|thought| json!({ "type": "thinking", "thinking": thought })));
    if performance.calls.is_empty() {
        content.push(json!({ "type": "text", "text": performance.text() }));
    }
    let mut message = json!({ "role": "assistant" });
    if let Some(members) = message.as_object_mut() {
        if !content.is_empty() {
            members.insert("content".into(), content.into());
        }
        if !performance.calls.is_empty() {
            members.insert("tool_plan".into(), PLAN.into());
            let calls = performance.calls.iter().map(|call| tool_call(call, &call.arguments.to_string()));
            members.insert("tool_calls".into(), calls.collect());
        }
    }
    json!({
        "id": ID, "finish_reason": finish_reason(&performance.ending), "message": message, "usage": usage(&performance.spent),
    })
}

fn tool_call(call: &Call, arguments: &str) -> Value {
    let function = json!({ "name": call.name, "arguments": arguments });
    json!({ "id": format!("{}_sim{}", call.name, call.number), "type": "function", "function": function })
}

fn finish_reason(ending: &Ending) -> &'static str {
    match ending {
        Ending::Complete => "COMPLETE",
        Ending::Stopped(_) => "STOP_SEQUENCE",
        Ending::Length => "MAX_TOKENS",
        Ending::Calls => "TOOL_CALL",
        Ending::Filtered => "ERROR",
    }
}

fn usage(spent: &Spent) -> Value {
    json!({
        "billed_units": { "input_tokens": spent.prompt, "output_tokens": spent.answer },
        "tokens": { "input_tokens": spent.prompt + 64, "output_tokens": spent.answer },
        "cached_tokens": spent.cached,
    })
}

fn events(performance: &Performance) -> Vec<Bytes> {
    let mut events = vec![
        json!({ "type": "message-start", "id": ID, "delta": { "message": { "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [] } } }),
    ];
    let mut index = 0;
    for (kind, pieces) in [("thinking", &performance.thought), ("text", &performance.pieces)] {
        if pieces.is_empty() {
            continue;
        }
        let of = |content: Value| json!({ "message": { "content": content } });
        events.push(json!({ "type": "content-start", "index": index, "delta": of(json!({ "type": kind, kind: "" })) }));
        events.extend(
            pieces.iter().map(|piece| json!({ "type": "content-delta", "index": index, "delta": of(json!({ kind: piece })) })),
        );
        events.push(json!({ "type": "content-end", "index": index }));
        index += 1;
    }
    if !performance.calls.is_empty() {
        let plan = PLAN.split_inclusive(' ');
        events.extend(plan.map(|piece| json!({ "type": "tool-plan-delta", "delta": { "message": { "tool_plan": piece } } })));
    }
    for (index, call) in performance.calls.iter().enumerate() {
        let of = |calls: Value| json!({ "message": { "tool_calls": calls } });
        events.push(json!({ "type": "tool-call-start", "index": index, "delta": of(tool_call(call, "")) }));
        let arguments = call.arguments.to_string();
        events.extend(arguments.split_inclusive(':').map(|piece| {
            json!({ "type": "tool-call-delta", "index": index, "delta": of(json!({ "function": { "arguments": piece } })) })
        }));
        events.push(json!({ "type": "tool-call-end", "index": index }));
    }
    let delta = json!({ "finish_reason": finish_reason(&performance.ending), "usage": usage(&performance.spent) });
    events.push(json!({ "type": "message-end", "id": ID, "delta": delta }));
    let name = |event: &Value| event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    events.iter().map(|event| named_event(&name(event), event)).collect()
}
