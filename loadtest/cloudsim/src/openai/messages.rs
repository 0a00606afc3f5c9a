//! What the messages of a chat must look like.

use std::collections::BTreeSet;

use serde_json::Value;

use super::content;
use super::host::{Host, Ids, Prefill, Speakers, Unknown};
use crate::json::Object;
use crate::refusal::Refusal;
use crate::scene::Prompt;

/// Reads the messages into the prompt.
pub(super) fn read(host: &Host, body: &Object<'_>, prompt: &mut Prompt) -> Result<(), Refusal> {
    let mut owed = BTreeSet::new();
    let places = body.filled_list("messages")?;
    let last = places.len() - 1;
    for (number, place) in places.into_iter().enumerate() {
        let message = place.object()?;
        let roles: &[&str] = &["developer", "system", "user", "assistant", "tool", "function"];
        let role = message.one_of("role", roles)?.ok_or_else(|| message.wrong("role", "is required"))?;
        if host.unknown == Unknown::Refused {
            message.only(members(role))?;
        }
        if host.speakers == Speakers::Nameless && role != "tool" && message.has("name") {
            return Err(message.wrong("name", "is not permitted"));
        }
        if role == "tool" {
            let id = message.required_text("tool_call_id")?;
            if !owed.remove(id) {
                return Err(message.wrong("tool_call_id", "answers no call of the message before"));
            }
            let result = content::read(host, &message, prompt)?;
            prompt.results.push(result);
            continue;
        }
        if !owed.is_empty() {
            return Err(message.wrong("role", "must be 'tool' until every call of the message before is answered"));
        }
        prompt.results.clear();
        if role == "assistant" {
            owed = calls(host, &message, prompt)?;
            let calls = !owed.is_empty() || message.get("function_call").is_some() || message.get("refusal").is_some();
            // What an assistant said by calling a tool has no content.
            if message.get("content").is_none() && calls {
                continue;
            }
        }
        let text = content::read(host, &message, prompt)?;
        if role == "assistant" && number == last && goes_on(host, body, &message)? {
            prompt.begun = Some(text);
        } else {
            prompt.say(&text);
        }
    }
    if owed.is_empty() { Ok(()) } else { Err(body.wrong("messages", "must answer every tool call")) }
}

/// Whether the last message, one of the assistant, is to be gone on with.
fn goes_on(host: &Host, body: &Object<'_>, message: &Object<'_>) -> Result<bool, Refusal> {
    match host.prefill {
        Prefill::Answered => Ok(false),
        Prefill::Flags => {
            let is_asked = body.flag("continue_final_message")?;
            let is_prompted = !body.has("add_generation_prompt") || body.flag("add_generation_prompt")?;
            if is_asked && is_prompted {
                return Err(body.wrong("continue_final_message", "cannot be set together with 'add_generation_prompt'"));
            }
            Ok(is_asked)
        }
        Prefill::EchoedPrefix if message.flag("prefix")? => Ok(true),
        Prefill::EchoedPrefix => Err(message.wrong("role", "must be 'user' or 'tool' at the end, or 'assistant' with 'prefix'")),
    }
}

fn members(role: &str) -> &'static [&'static str] {
    match role {
        "assistant" => &[
            "role",
            "content",
            "refusal",
            "name",
            "audio",
            "tool_calls",
            "function_call",
            "reasoning_content",
            "reasoning",
            "prefix",
        ],
        "tool" => &["role", "content", "tool_call_id", "name"],
        _ => &["role", "content", "name"],
    }
}

/// The ids of the calls in a message.
fn calls<'a>(host: &Host, message: &Object<'a>, prompt: &mut Prompt) -> Result<BTreeSet<&'a str>, Refusal> {
    let mut ids = BTreeSet::new();
    for place in message.list("tool_calls")? {
        let call = place.object()?;
        if host.unknown == Unknown::Refused {
            call.only(&["id", "type", "function", "index", "extra_content"])?;
        }
        let id = call.required_text("id")?;
        if host.ids == Ids::Nine && (id.len() != 9 || !id.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
            return Err(call.wrong("id", "must be nine letters and digits"));
        }
        call.one_of("type", &["function"])?;
        let function = call.required_object("function")?;
        function.only(&["name", "arguments"])?;
        function.required_text("name")?;
        let arguments = function.required_text("arguments")?;
        // A history that holds broken arguments is played back as it was.
        let _any_json: Option<Value> = serde_json::from_str(arguments).ok();
        if !ids.insert(id) {
            return Err(call.wrong("id", "must be unique"));
        }
        prompt.calls_before += 1;
    }
    Ok(ids)
}
