//! The strictness: what a request must look like to get an answer.

use http::{HeaderMap, Method, header};
use serde_json::{Map, Value};

use crate::behaviour::Behaviour;
use crate::log::Received;

/// The fields of a chat request, from OpenAI's API description.
const CHAT_FIELDS: &[&str] = &[
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
/// The fields of an embeddings request, from the same place.
const EMBEDDING_FIELDS: &[&str] = &["dimensions", "encoding_format", "input", "model", "user"];

/// What a request asks for.
#[derive(Debug)]
pub(crate) enum Ask {
    Chat(Chat),
    Embeddings(Embeddings),
    Models,
}

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

#[derive(Debug)]
pub(crate) struct Embeddings {
    pub(crate) model: String,
    /// Each text, or each list of token ids as JSON.
    pub(crate) inputs: Vec<String>,
    pub(crate) encoding: Encoding,
    pub(crate) dimensions: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Float,
    Base64,
}

/// A request that is refused, as OpenAI refuses it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: Option<&'static str>,
    pub(crate) param: Option<String>,
    pub(crate) message: String,
}

impl Refusal {
    fn new(status: u16, code: Option<&'static str>, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            param: None,
            message: message.into(),
        }
    }

    fn of(param: &str, message: impl Into<String>) -> Self {
        Self {
            param: Some(param.into()),
            ..Self::new(400, None, message)
        }
    }
}

/// What a request asks for, if it is well-formed and allowed.
pub(crate) fn check(behaviour: &Behaviour, received: &Received) -> Result<Ask, Refusal> {
    authenticate(behaviour, &received.headers)?;
    match (&received.method, received.path.as_str()) {
        (&Method::GET, "/v1/models") => Ok(Ask::Models),
        (&Method::POST, "/v1/chat/completions") => {
            chat(&fields(received, CHAT_FIELDS)?, &behaviour.chat_models).map(Ask::Chat)
        }
        (&Method::POST, "/v1/embeddings") => {
            embeddings(&fields(received, EMBEDDING_FIELDS)?, &behaviour.embedding_models).map(Ask::Embeddings)
        }
        (method, path) => Err(Refusal::new(
            404,
            Some("unknown_url"),
            format!("Unknown request URL: {method} {path}"),
        )),
    }
}

fn authenticate(behaviour: &Behaviour, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(token) = &behaviour.token else {
        return Ok(());
    };
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let expected = format!("Bearer {token}");
    match (given.next(), given.next()) {
        (Some(value), None) if value.as_bytes() == expected.as_bytes() => Ok(()),
        (None, _) => Err(Refusal::new(401, None, "You didn't provide an API key.")),
        _ => Err(Refusal::new(
            401,
            Some("invalid_api_key"),
            "Incorrect API key provided.",
        )),
    }
}

/// The fields of a JSON body, all of which are known.
fn fields(received: &Received, known: &[&str]) -> Result<Map<String, Value>, Refusal> {
    let content_type = received.header("content-type").unwrap_or_default();
    if content_type.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Refusal::new(
            415,
            None,
            format!("Unsupported content type: {content_type:?}"),
        ));
    }
    let fields: Map<String, Value> = serde_json::from_slice(&received.body)
        .map_err(|error| Refusal::new(400, None, format!("We could not parse the JSON body: {error}")))?;
    match fields.keys().find(|field| !known.contains(&field.as_str())) {
        Some(unknown) => Err(Refusal::of(
            unknown,
            format!("Unrecognized request argument supplied: {unknown}"),
        )),
        None => Ok(fields),
    }
}

fn model(fields: &Map<String, Value>, served: &[String]) -> Result<String, Refusal> {
    let model = fields.get("model").and_then(Value::as_str);
    let model = model.ok_or_else(|| Refusal::of("model", "you must provide a model parameter"))?;
    if served.iter().any(|known| known == model) {
        return Ok(model.into());
    }
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    Err(Refusal::new(404, Some("model_not_found"), message))
}

fn chat(fields: &Map<String, Value>, served: &[String]) -> Result<Chat, Refusal> {
    let model = model(fields, served)?;
    let messages = fields
        .get("messages")
        .and_then(Value::as_array)
        .filter(|messages| !messages.is_empty());
    let messages =
        messages.ok_or_else(|| Refusal::of("messages", "'messages' must be a list with a message"))?;
    let prompt_tokens = messages.iter().map(words).sum::<Result<_, _>>()?;
    let stream = flag(fields, "stream", "stream")?;
    let options = match fields.get("stream_options") {
        None | Some(Value::Null) => None,
        Some(Value::Object(_)) if !stream => {
            return Err(Refusal::of(
                "stream_options",
                "'stream_options' is only allowed when 'stream' is enabled",
            ));
        }
        Some(Value::Object(options)) => Some(options),
        Some(_) => {
            return Err(Refusal::of(
                "stream_options",
                "'stream_options' must be an object",
            ));
        }
    };
    let usage = options.map(|options| flag(options, "include_usage", "stream_options.include_usage"));
    let framing = match (stream, usage.transpose()?.unwrap_or(false)) {
        (false, _) => Framing::Whole,
        (true, false) => Framing::Events,
        (true, true) => Framing::EventsWithUsage,
    };
    let limit = count(fields, "max_completion_tokens")?.or(count(fields, "max_tokens")?);
    Ok(Chat {
        model,
        framing,
        limit,
        prompt_tokens,
    })
}

/// The words of a message, whose content is a text or a list of parts.
fn words(message: &Value) -> Result<usize, Refusal> {
    let roles = ["developer", "system", "user", "assistant", "tool", "function"];
    if !message
        .get("role")
        .and_then(Value::as_str)
        .is_some_and(|role| roles.contains(&role))
    {
        return Err(Refusal::of(
            "messages",
            format!("a message needs a role, one of {roles:?}"),
        ));
    }
    let count = |text: &str| text.split_whitespace().count();
    match message.get("content") {
        Some(Value::String(text)) => Ok(count(text)),
        Some(Value::Array(parts)) => {
            let texts = parts
                .iter()
                .filter_map(|part| part.get("text").and_then(Value::as_str));
            Ok(texts.map(count).sum())
        }
        // What an assistant said by calling a tool has no content.
        None | Some(Value::Null) if message.get("tool_calls").is_some() => Ok(0),
        _ => Err(Refusal::of(
            "messages",
            "a message needs content, a string or a list of parts",
        )),
    }
}

fn embeddings(fields: &Map<String, Value>, served: &[String]) -> Result<Embeddings, Refusal> {
    let model = model(fields, served)?;
    let invalid = || {
        Refusal::of(
            "input",
            "'input' must be a text, a list of texts, or lists of token ids",
        )
    };
    let inputs = match fields.get("input") {
        Some(Value::String(text)) => vec![text.clone()],
        Some(tokens @ Value::Array(ids)) if ids.iter().all(Value::is_u64) && !ids.is_empty() => {
            vec![tokens.to_string()]
        }
        Some(Value::Array(inputs)) if !inputs.is_empty() => {
            let input = |input: &Value| match input {
                Value::String(text) => Ok(text.clone()),
                Value::Array(ids) if ids.iter().all(Value::is_u64) => Ok(input.to_string()),
                _ => Err(invalid()),
            };
            inputs.iter().map(input).collect::<Result<_, _>>()?
        }
        _ => return Err(invalid()),
    };
    if inputs.iter().any(String::is_empty) {
        return Err(Refusal::of("input", "'input' cannot be an empty string"));
    }
    let encoding = match fields.get("encoding_format").map(Value::as_str) {
        None | Some(Some("float")) => Encoding::Float,
        Some(Some("base64")) => Encoding::Base64,
        Some(_) => {
            return Err(Refusal::of(
                "encoding_format",
                "'encoding_format' must be 'float' or 'base64'",
            ));
        }
    };
    Ok(Embeddings {
        model,
        inputs,
        encoding,
        dimensions: count(fields, "dimensions")?,
    })
}

/// A boolean that is false where it is missing.
fn flag(fields: &Map<String, Value>, name: &str, param: &str) -> Result<bool, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(Refusal::of(param, format!("'{param}' must be a boolean"))),
    }
}

/// A positive integer that may be missing.
fn count(fields: &Map<String, Value>, name: &str) -> Result<Option<usize>, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value
            .as_u64()
            .and_then(|value| usize::try_from(value).ok())
            .filter(|value| *value > 0)
        {
            Some(value) => Ok(Some(value)),
            None => Err(Refusal::of(name, format!("'{name}' must be a positive integer"))),
        },
    }
}
