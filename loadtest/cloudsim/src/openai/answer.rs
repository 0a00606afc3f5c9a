//! A chat completion in one document.

use serde_json::{Map, Value, json};

use super::CREATED;
use super::chat::{Delivery, Logprobs};
use super::host::{Host, Ids, Noise, Thought};
use crate::scene::{Call, Ending, Performance, Prompt, Spent};

/// The id of every answer.
pub(super) const ID: &str = "chatcmpl-sim";

pub(super) fn whole(host: &Host, prompt: &Prompt, performance: &Performance, delivery: &Delivery) -> Value {
    let choice = |index: usize| {
        let mut choice = json!({
            "index": index,
            "message": message(host, performance),
            "logprobs": logprobs(delivery, &performance.pieces),
            "finish_reason": finish_reason(&performance.ending),
        });
        if host.noise == Noise::FilterResults {
            insert(&mut choice, "content_filter_results", filter_results());
        }
        choice
    };
    let mut answer = json!({
        "id": ID,
        "object": "chat.completion",
        "created": CREATED,
        "model": prompt.model,
        "choices": (0..delivery.choices).map(choice).collect::<Vec<_>>(),
        "usage": usage(&performance.spent),
    });
    if host.noise == Noise::FilterResults {
        insert(&mut answer, "prompt_filter_results", prompt_filter_results());
    }
    answer
}

fn message(host: &Host, performance: &Performance) -> Value {
    let text = performance.text();
    let content = if performance.calls.is_empty() { json!(text) } else { Value::Null };
    let mut message = json!({ "role": "assistant", "content": content, "refusal": null });
    if !performance.calls.is_empty() {
        let calls = performance.calls.iter().map(|call| {
            let function = json!({ "name": call.name, "arguments": call.arguments.to_string() });
            json!({ "id": id(host, call), "type": "function", "function": function })
        });
        insert(&mut message, "tool_calls", calls.collect());
    }
    match (host.thought, performance.thought()) {
        (Thought::Member(name), Some(thought)) => insert(&mut message, name, json!(thought)),
        (Thought::ThinkingPart | Thought::ReasoningPart, Some(thought)) => {
            let parts = [thought_part(host, &thought), json!({ "type": "text", "text": text })];
            insert(&mut message, "content", json!(parts));
        }
        (Thought::Counted, _) | (_, None) => {}
    }
    message
}

/// A thought as a part of the content.
pub(super) fn thought_part(host: &Host, thought: &str) -> Value {
    if host.thought == Thought::ReasoningPart {
        json!({ "type": "reasoning", "summary": [{ "type": "summary_text", "text": thought }] })
    } else {
        json!({ "type": "thinking", "thinking": [{ "type": "text", "text": thought }] })
    }
}

/// The id of a call.
pub(super) fn id(host: &Host, call: &Call) -> String {
    match host.ids {
        Ids::Prefixed => format!("call_sim{}", call.number),
        Ids::Nine => format!("call{:05}", call.number),
    }
}

pub(super) fn finish_reason(ending: &Ending) -> &'static str {
    match ending {
        Ending::Complete | Ending::Stopped(_) => "stop",
        Ending::Length => "length",
        Ending::Calls => "tool_calls",
        Ending::Filtered => "content_filter",
    }
}

pub(super) fn usage(spent: &Spent) -> Value {
    let mut usage = json!({
        "prompt_tokens": spent.prompt,
        "completion_tokens": spent.answer,
        "total_tokens": spent.prompt + spent.answer,
    });
    if spent.cached > 0 {
        insert(&mut usage, "prompt_tokens_details", json!({ "cached_tokens": spent.cached, "audio_tokens": 0 }));
    }
    if spent.thought > 0 {
        insert(&mut usage, "completion_tokens_details", json!({ "reasoning_tokens": spent.thought }));
    }
    usage
}

/// The likelihood of each token, where it was asked for.
pub(super) fn logprobs(delivery: &Delivery, pieces: &[String]) -> Value {
    match delivery.logprobs {
        Logprobs::Kept => Value::Null,
        Logprobs::Told => {
            let token =
                |piece: &String| json!({ "token": piece, "logprob": -0.5, "bytes": piece.as_bytes(), "top_logprobs": [] });
            json!({ "content": pieces.iter().map(token).collect::<Vec<_>>(), "refusal": null })
        }
    }
}

/// What Azure's filters say of a prompt.
pub(super) fn prompt_filter_results() -> Value {
    json!([{ "prompt_index": 0, "content_filter_results": filter_results() }])
}

/// What Azure's filters say of a text that passes.
pub(super) fn filter_results() -> Value {
    let safe = json!({ "filtered": false, "severity": "safe" });
    json!({ "hate": safe, "self_harm": safe, "sexual": safe, "violence": safe })
}

/// Adds a member to an object.
pub(super) fn insert(object: &mut Value, name: &str, value: Value) {
    object.as_object_mut().get_or_insert(&mut Map::new()).insert(name.to_owned(), value);
}
