//! Makes a conversation's past acceptable to a host.
//!
//! An application sends back what it was told, by whichever backend: thoughts and their proofs, ids of tool calls in another provider's
//! form, with Gemini's proof behind them; and what its SDK made of it: OpenAI's write `parsed` and `annotations` into what they
//! send back. Hosts refuse what they do not know, so it is taken out; messages that hold none of it stay as they came.

use std::borrow::Cow;

use memchr::memmem;
use serde_json::value::RawValue;
use tradewind_protocol::{
    Payload,
    openai::{THOUGHT_MARK, split_thought},
};

use super::{
    host::{CachePoints, Ids, Past, Silence},
    object::Object,
};

/// What SDKs add to a message that they have parsed.
const PARSED: &str = "parsed";
/// Where an answer has its sources; a null in nearly every message that an SDK sends back.
const ANNOTATIONS: &str = "annotations";
/// What SDKs add to a call.
const PARSED_ARGUMENTS: &str = "parsed_arguments";

/// The messages as the host takes them. None where they can stay as they came.
pub(crate) fn acceptable(messages: &str, past: &Past) -> Result<Option<Box<RawValue>>, serde_json::Error> {
    let raw: Vec<&RawValue> = serde_json::from_str(messages)?;
    let mut changed = false;
    let mut kept = Vec::with_capacity(raw.len());
    for message in raw {
        match cleaned(message, past)? {
            Cleaned::AsItCame => kept.push(Cow::Borrowed(message)),
            Cleaned::LeftOut => changed = true,
            Cleaned::Changed(made) => {
                changed = true;
                kept.push(Cow::Owned(made));
            }
        }
    }
    if changed { serde_json::value::to_raw_value(&kept).map(Some) } else { Ok(None) }
}

/// Whether a request may hold anything that [`acceptable`] changes: a cheap look, which may say yes in vain.
pub(crate) fn may_need_care(payload: &Payload, past: &Past) -> bool {
    let within = payload.head().within;
    let holds = |name: &str| within.may_hold(name);
    let has_text = |text: &str| memmem::find(payload.body(), text.as_bytes()).is_some();
    [PARSED, PARSED_ARGUMENTS, ANNOTATIONS].into_iter().any(holds)
        || past.refused.iter().any(|name| holds(name))
        || (past.cache_points == CachePoints::Refused && holds("cache_control"))
        || (past.ids == Ids::NineAlphanumerics && holds("tool_call_id"))
        || (past.silence == Silence::LeftOut && has_text("assistant"))
        // A proof stands behind the id of a call, in the call or in its result.
        || ((holds("tool_calls") || holds("tool_call_id")) && has_text(THOUGHT_MARK))
}

enum Cleaned {
    AsItCame,
    LeftOut,
    Changed(Box<RawValue>),
}

fn cleaned(raw: &RawValue, past: &Past) -> Result<Cleaned, serde_json::Error> {
    let mut message = Object::read(raw.get().as_bytes())?;
    let role = message.text("role").unwrap_or_default();
    if past.silence == Silence::LeftOut && role == "assistant" && is_silent(&message) {
        return Ok(Cleaned::LeftOut);
    }
    let mut changed = message.remove(PARSED) | message.remove(ANNOTATIONS);
    for name in past.refused {
        // The name of a tool belongs to its result.
        if !(*name == "name" && matches!(role.as_str(), "tool" | "function")) {
            changed |= message.remove(name);
        }
    }
    if past.cache_points == CachePoints::Refused {
        changed |= message.remove("cache_control");
        if let Some(content) = without_cache_points(message.get("content").unwrap_or_default())? {
            message.set("content", &content)?;
            changed = true;
        }
    }
    if let Some(id) = message.text("tool_call_id") {
        let plain = plain_id(&id, past.ids);
        if plain != id {
            message.set("tool_call_id", &plain)?;
            changed = true;
        }
    }
    if let Some(calls) = plain_calls(message.get("tool_calls").unwrap_or_default(), past.ids)? {
        message.set("tool_calls", &calls)?;
        changed = true;
    }
    if changed { serde_json::value::to_raw_value(&message).map(Cleaned::Changed) } else { Ok(Cleaned::AsItCame) }
}

fn is_silent(message: &Object<'_>) -> bool {
    let has_calls = message.get("tool_calls").is_some_and(|calls| calls != "[]") || message.get("function_call").is_some();
    !has_calls && matches!(message.get("content"), None | Some("\"\"" | "[]"))
}

/// Parts without their cache points; none where there are no parts or no cache points.
fn without_cache_points(content: &str) -> Result<Option<Box<RawValue>>, serde_json::Error> {
    if !content.starts_with('[') || memmem::find(content.as_bytes(), b"cache_control").is_none() {
        return Ok(None);
    }
    let mut parts: Vec<Object<'_>> = serde_json::from_str(content)?;
    for part in &mut parts {
        part.remove("cache_control");
    }
    serde_json::value::to_raw_value(&parts).map(Some)
}

/// Calls with acceptable ids and without what an SDK parsed; none where they are so already.
fn plain_calls(calls: &str, ids: Ids) -> Result<Option<Box<RawValue>>, serde_json::Error> {
    if !calls.starts_with('[') {
        return Ok(None);
    }
    let mut changed = false;
    let mut calls: Vec<Object<'_>> = serde_json::from_str(calls)?;
    for call in &mut calls {
        if let Some(function) = call.get("function").filter(|function| function.contains(PARSED_ARGUMENTS)) {
            let function = function.to_owned();
            let mut function = Object::read(function.as_bytes())?;
            if function.remove(PARSED_ARGUMENTS) {
                call.set("function", &function)?;
                changed = true;
            }
        }
        let Some(id) = call.text("id") else { continue };
        let plain = plain_id(&id, ids);
        if plain != id {
            call.set("id", &plain)?;
            changed = true;
        }
    }
    if changed { serde_json::value::to_raw_value(&calls).map(Some) } else { Ok(None) }
}

/// An id without the proof behind it, in the form that the host wants. The same id gives the same, so that calls and results still meet.
fn plain_id(id: &str, ids: Ids) -> Cow<'_, str> {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let (id, _) = split_thought(id);
    let fits = id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if ids == Ids::Any || fits {
        return Cow::Borrowed(id);
    }
    // FNV-1a, 64 bits: ids of one conversation are few.
    let mut hash =
        id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    let digits = std::iter::from_fn(|| {
        let digit = usize::try_from(hash % 62).ok().and_then(|place| DIGITS.get(place));
        hash /= 62;
        digit.map(|digit| char::from(*digit))
    });
    Cow::Owned(digits.take(9).collect())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tradewind_protocol::openai::Head;

    use super::*;
    use crate::openai::Host;

    fn needs_care(host: Host, messages: &str) -> bool {
        let body = Bytes::from(format!(r#"{{"model":"m","messages":{messages}}}"#));
        may_need_care(&Payload::new(Head::read(&body).unwrap(), body), &host.habits().past)
    }

    fn past(host: Host, messages: &str) -> String {
        let past = host.habits().past;
        acceptable(messages, &past).unwrap().map_or_else(|| "as it came".to_owned(), |made| made.get().to_owned())
    }

    #[test]
    fn a_plain_past_stays_as_it_came() {
        let plain = r#"[ {"role":"user","content":"hi"},{"role":"assistant","content":"reasoning_content"} ]"#;
        for host in [Host::OpenAi, Host::Mistral, Host::Databricks] {
            assert_eq!(past(host, plain), "as it came");
        }
        assert!(!needs_care(Host::OpenAi, plain));
    }

    #[test]
    fn thoughts_and_proofs_are_taken_out() {
        let messages = r#"[{"role":"assistant","content":null,"reasoning_content":"hm","thinking_blocks":[{}],"tool_calls":[{"id":"a__thought__s","x":1}]},{"role":"tool","tool_call_id":"a__thought__s","content":"1"}]"#;
        let plain = r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"a","x":1}]},{"role":"tool","tool_call_id":"a","content":"1"}]"#;
        assert_eq!(past(Host::OpenAi, messages), plain);
        assert!(needs_care(Host::OpenAi, messages));
        assert!(needs_care(Host::Vllm, r#"[{"role":"tool","tool_call_id":"a__thought__s","content":"1"}]"#));
        assert!(!needs_care(Host::Vllm, r#"[{"role":"tool","tool_call_id":"a","content":"1"}]"#));
        assert!(past(Host::DeepSeek, messages).contains(r#""reasoning_content":"hm""#));
        assert!(!past(Host::DeepSeek, messages).contains("thinking_blocks"));
    }

    #[test]
    fn what_an_sdk_parsed_is_taken_out() {
        let messages = r#"[{"role":"assistant","content":null,"annotations":null,"parsed":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}","parsed_arguments":{}}}]}]"#;
        let plain = r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]}]"#;
        for host in [Host::OpenAi, Host::Vllm] {
            assert!(needs_care(host, messages));
            assert_eq!(past(host, messages), plain);
        }
    }

    #[test]
    fn cache_points_are_taken_out_where_they_are_not_known() {
        let messages = r#"[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]}]"#;
        assert_eq!(past(Host::OpenAi, messages), r#"[{"role":"user","content":[{"type":"text","text":"a"}]}]"#);
        assert_eq!(past(Host::OpenRouter, messages), "as it came");
    }

    #[test]
    fn calls_and_results_still_meet_under_mistrals_ids() {
        let messages = r#"[{"role":"assistant","tool_calls":[{"id":"toolu_01A"},{"id":"abcDEF123"}]},{"role":"tool","tool_call_id":"toolu_01A","name":"f"},{"role":"user","name":"n"}]"#;
        let made: serde_json::Value = serde_json::from_str(&past(Host::Mistral, messages)).unwrap();
        let id = made[0]["tool_calls"][0]["id"].as_str().unwrap();
        assert_eq!(id.len(), 9);
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(made[1]["tool_call_id"], id);
        assert_eq!(made[0]["tool_calls"][1]["id"], "abcDEF123");
        assert_eq!((made[1]["name"].as_str(), made[2].get("name")), (Some("f"), None));
    }

    #[test]
    fn a_silent_answer_is_left_out_for_databricks() {
        let messages = r#"[{"role":"assistant","content":""},{"role":"user","content":"hi"}]"#;
        assert_eq!(past(Host::Databricks, messages), r#"[{"role":"user","content":"hi"}]"#);
    }
}
