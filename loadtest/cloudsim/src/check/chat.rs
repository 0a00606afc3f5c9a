//! What a chat request must look like.

use serde_json::{Map, Value};

use super::fields::{count, flag, model};
use super::refusal::Refusal;

/// The fields of a chat request, from OpenAI's API description.
pub(super) const FIELDS: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "moderation",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];
/// A chat request, as far as the answer depends on it.
#[derive(Debug)]
pub(crate) struct Chat {
    pub(crate) model: String,
    pub(crate) framing: Framing,
    /// The most tokens to answer with.
    pub(crate) limit: Option<usize>,
    /// The words of all messages.
    pub(crate) prompt_tokens: usize,
}

/// Whether the answer comes whole or in events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    Whole,
    Events,
    EventsWithUsage,
}

pub(super) fn check(fields: &Map<String, Value>, served: &[String]) -> Result<Chat, Refusal> {
    let model = model(fields, served)?;
    let messages = fields.get("messages").and_then(Value::as_array).filter(|messages| !messages.is_empty());
    let messages = messages.ok_or_else(|| Refusal::of("messages", "'messages' must be a list with a message"))?;
    let prompt_tokens = messages.iter().map(words).sum::<Result<_, _>>()?;
    let stream = flag(fields, "stream", "stream")?;
    let options = match fields.get("stream_options") {
        None | Some(Value::Null) => None,
        Some(Value::Object(_)) if !stream => {
            return Err(Refusal::of("stream_options", "'stream_options' is only allowed when 'stream' is enabled"));
        }
        Some(Value::Object(options)) => Some(options),
        Some(_) => {
            return Err(Refusal::of("stream_options", "'stream_options' must be an object"));
        }
    };
    let usage = options.map(|options| flag(options, "include_usage", "stream_options.include_usage"));
    let framing = match (stream, usage.transpose()?.unwrap_or(false)) {
        (false, _) => Framing::Whole,
        (true, false) => Framing::Events,
        (true, true) => Framing::EventsWithUsage,
    };
    let limit = count(fields, "max_completion_tokens")?.or(count(fields, "max_tokens")?);
    Ok(Chat { model, framing, limit, prompt_tokens })
}

/// The words of a message, whose content is a text or a list of parts.
fn words(message: &Value) -> Result<usize, Refusal> {
    let roles = ["developer", "system", "user", "assistant", "tool", "function"];
    if !message.get("role").and_then(Value::as_str).is_some_and(|role| roles.contains(&role)) {
        return Err(Refusal::of("messages", format!("a message needs a role, one of {roles:?}")));
    }
    let count = |text: &str| text.split_whitespace().count();
    match message.get("content") {
        Some(Value::String(text)) => Ok(count(text)),
        Some(Value::Array(parts)) => {
            let texts = parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
            Ok(texts.map(count).sum())
        }
        // What an assistant said by calling a tool has no content.
        None | Some(Value::Null) if message.get("tool_calls").is_some() => Ok(0),
        _ => Err(Refusal::of("messages", "a message needs content, a string or a list of parts")),
    }
}
