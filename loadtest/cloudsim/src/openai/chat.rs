//! What a chat request must look like.

use super::host::{Filter, Host, Stop, Thought, Unknown};
use super::{Naming, answer, chunks, format, messages, tools, unsupported};
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::json::Object;
use crate::refusal::{Refusal, Why};
use crate::scene::{Cache, Ending, Parallel, Prompt, Thinks, perform};

/// The fields of a chat request, from OpenAI's API description.
const FIELDS: &[&str] = &[
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

/// How the answer is wanted.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) framing: Framing,
    /// How many answers.
    pub(super) choices: usize,
    pub(super) logprobs: Logprobs,
}

/// Whether the answer comes whole or in events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Whole,
    Events,
    EventsWithUsage,
}

/// Whether the likelihood of each token is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logprobs {
    Kept,
    Told,
}

pub(super) fn answer(host: &'static Host, behaviour: &Behaviour, body: &Object<'_>, naming: &Naming) -> Result<Content, Refusal> {
    let (prompt, delivery) = check(host, behaviour, body, naming)?;
    let performance = perform(behaviour, &prompt);
    if performance.ending == Ending::Filtered && host.filter == Filter::Refusal {
        let message = "The response was filtered due to the prompt triggering the content management policy.";
        return Err(Refusal::new(400, Why::Filtered, message));
    }
    Ok(match delivery.framing {
        Framing::Whole => Content::json(&answer::whole(host, &prompt, &performance, &delivery)),
        Framing::Events | Framing::EventsWithUsage => Content::events(chunks::events(host, &prompt, &performance, &delivery)),
    }
    .with("x-request-id", "req-sim"))
}

fn check(host: &Host, behaviour: &Behaviour, body: &Object<'_>, naming: &Naming) -> Result<(Prompt, Delivery), Refusal> {
    known_fields(host, body)?;
    let mut prompt = Prompt { model: naming.model(body, &behaviour.chat_models)?, ..Prompt::default() };
    messages::read(host, body, &mut prompt)?;
    tools::read(host, body, &mut prompt)?;
    prompt.form = format::read(host, body, &prompt)?;
    sampling(host, body)?;
    prompt.stops = stops(host, body)?;
    let knows = |field: &str| !host.lacks.contains(&field);
    for limit in ["max_completion_tokens", "max_tokens"].into_iter().filter(|field| knows(field)) {
        prompt.limit = prompt.limit.or(body.count(limit)?);
    }
    if knows("parallel_tool_calls") && body.has("parallel_tool_calls") && !body.flag("parallel_tool_calls")? {
        prompt.parallel = Parallel::Refused;
    }
    if body.get("prompt_cache_key").is_some() && knows("prompt_cache_key") {
        prompt.cache = Cache::Point;
    }
    prompt.thinks = thinks(host, body)?;
    let choices = if knows("n") { body.count("n")?.unwrap_or(1) } else { 1 };
    let logprobs = if knows("logprobs") && body.flag("logprobs")? { Logprobs::Told } else { Logprobs::Kept };
    if body.get("top_logprobs").is_some() && logprobs == Logprobs::Kept && host.unknown == Unknown::Refused {
        return Err(body.wrong("top_logprobs", "needs 'logprobs' to be true"));
    }
    Ok((prompt, Delivery { framing: framing(body)?, choices, logprobs }))
}

/// Whether a host that refuses what it does not know knows every field.
pub(super) fn known_fields(host: &Host, body: &Object<'_>) -> Result<(), Refusal> {
    if host.unknown == Unknown::Ignored {
        return Ok(());
    }
    let known: Vec<&str> = FIELDS.iter().filter(|field| !host.lacks.contains(field)).chain(host.extra).copied().collect();
    body.only(&known)
}

pub(super) fn framing(body: &Object<'_>) -> Result<Framing, Refusal> {
    let stream = body.flag("stream")?;
    let options = body.object("stream_options")?;
    if options.is_some() && !stream {
        return Err(body.wrong("stream_options", "is only allowed when 'stream' is enabled"));
    }
    let usage = match options {
        Some(options) => options.flag("include_usage")?,
        None => false,
    };
    Ok(match (stream, usage) {
        (false, _) => Framing::Whole,
        (true, false) => Framing::Events,
        (true, true) => Framing::EventsWithUsage,
    })
}

fn sampling(host: &Host, body: &Object<'_>) -> Result<(), Refusal> {
    body.number("temperature", 0.0, host.hottest)?;
    body.number("top_p", 0.0, 1.0)?;
    body.number("presence_penalty", -2.0, 2.0)?;
    body.number("frequency_penalty", -2.0, 2.0)?;
    body.number("top_logprobs", 0.0, 20.0)?;
    body.object("metadata")?;
    body.object("logit_bias")?;
    body.text("user")?;
    match body.get("seed") {
        Some(seed) if !seed.is_i64() => Err(body.wrong("seed", "must be an integer")),
        _ => Ok(()),
    }
}

pub(super) fn stops(host: &Host, body: &Object<'_>) -> Result<Vec<String>, Refusal> {
    let stops = match body.get("stop").and_then(|stop| stop.as_str()) {
        Some(stop) if host.stop == Stop::TextOrList => vec![stop.to_owned()],
        _ => body.texts("stop")?,
    };
    if stops.len() > 4 { Err(body.wrong("stop", "may hold no more than 4 texts")) } else { Ok(stops) }
}

/// Whether the model is to think, by any of the fields in which some host says so.
fn thinks(host: &Host, body: &Object<'_>) -> Result<Thinks, Refusal> {
    let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
    let effort = body.one_of("reasoning_effort", &efforts)?.is_some_and(|effort| effort != "none");
    let extra = |name: &str| host.extra.contains(&name) || host.unknown == Unknown::Ignored;
    let enabled = match body.get("thinking") {
        Some(_) if extra("thinking") => body.required_object("thinking")?.text("type")? == Some("enabled"),
        _ => false,
    };
    let mode = host.thought == Thought::ThinkingPart && body.text("prompt_mode")? == Some("reasoning");
    let router = extra("reasoning") && body.get("reasoning").is_some_and(serde_json::Value::is_object);
    if enabled && host.thought == Thought::Counted {
        return Err(unsupported(body, "thinking"));
    }
    Ok(if effort || enabled || mode || router { Thinks::Yes } else { Thinks::No })
}
