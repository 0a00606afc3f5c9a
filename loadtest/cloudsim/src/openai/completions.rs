//! The older completions of a text.

use serde_json::{Value, json};

use super::answer::{ID, finish_reason, usage};
use super::chat::{Framing, framing, stops};
use super::host::{Host, Unknown};
use super::{CREATED, Naming};
use crate::behaviour::Behaviour;
use crate::cloud::{Content, event};
use crate::json::Object;
use crate::refusal::Refusal;
use crate::scene::{Prompt, perform};

/// The fields of a completions request, from OpenAI's API description.
const FIELDS: &[&str] = &[
    "best_of",
    "echo",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "max_tokens",
    "model",
    "n",
    "presence_penalty",
    "prompt",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "suffix",
    "temperature",
    "top_p",
    "user",
];

pub(super) fn answer(host: &'static Host, behaviour: &Behaviour, body: &Object<'_>, naming: &Naming) -> Result<Content, Refusal> {
    if host.unknown == Unknown::Refused {
        body.only(FIELDS)?;
    }
    let mut prompt = Prompt { model: naming.model(body, &behaviour.chat_models)?, ..Prompt::default() };
    let text = body.required("prompt")?;
    match text.value.as_str() {
        Some(text) => prompt.say(text),
        None => text.list()?.iter().try_for_each(|one| one.text().map(|text| prompt.say(text)))?,
    }
    prompt.limit = body.count("max_tokens")?;
    prompt.stops = stops(host, body)?;
    let framing = framing(body)?;
    let performance = perform(behaviour, &prompt);
    let object = |choices: Value, usage: Value| {
        json!({
            "id": ID, "object": "text_completion", "created": CREATED, "model": prompt.model,
            "choices": choices, "usage": usage,
        })
    };
    let choice = |text: &str, finish: Value| json!([{ "index": 0, "text": text, "logprobs": null, "finish_reason": finish }]);
    let finish = json!(finish_reason(&performance.ending));
    let spent = usage(&performance.spent);
    if framing == Framing::Whole {
        return Ok(Content::json(&object(choice(&performance.text(), finish), spent)));
    }
    let mut events: Vec<_> =
        performance.pieces.iter().map(|piece| event(object(choice(piece, Value::Null), Value::Null))).collect();
    events.push(event(object(choice("", finish), Value::Null)));
    if framing == Framing::EventsWithUsage {
        events.push(event(object(json!([]), spent)));
    }
    events.push(event("[DONE]"));
    Ok(Content::events(events))
}
