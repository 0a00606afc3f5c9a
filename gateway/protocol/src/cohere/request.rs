//! A chat request in this dialect.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    extensions::Extensions,
    messages::{Message, Writer},
    sampling::Sampling,
    thinking::{self, Thinking},
    tools::Tools,
};
use crate::chat::{ChatRequest, ConvertError, Dropped, ResponseFormat, Target};

/// The body of `POST /v2/chat`.
#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    #[serde(flatten)]
    tools: Tools<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(flatten)]
    sampling: Sampling,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Format<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking<'a>>,
    #[serde(flatten)]
    extensions: Extensions<'a>,
}

#[derive(Serialize)]
struct Format<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<&'a RawValue>,
}

/// Writes the body.
///
/// # Errors
/// [`ConvertError`], for what Cohere does not take.
pub fn encode_chat(request: &ChatRequest, target: &Target<'_>, dropped: &mut Dropped) -> Result<Vec<u8>, ConvertError> {
    refuse(request)?;
    note_dropped(request, dropped);
    let extensions = Extensions::of(request, dropped);
    let messages = Writer { capabilities: target.capabilities, dropped }.write(&request.messages)?;
    let body = Body {
        model: target.model,
        messages,
        stream: request.stream,
        tools: Tools::of(request, target)?,
        max_tokens: request.max_tokens,
        stop_sequences: &request.stop,
        sampling: Sampling::of(request, target, dropped),
        response_format: format(request, target)?,
        thinking: thinking::of(request, &extensions, target, dropped),
        extensions,
    };
    serde_json::to_vec(&body).map_err(|error| ConvertError::invalid("body", format!("The request cannot be written: {error}.")))
}

/// What cannot be left out without a wrong answer.
fn refuse(request: &ChatRequest) -> Result<(), ConvertError> {
    if request.n.is_some_and(|n| n > 1) {
        return Err(ConvertError::unsupported("n", "`n` is above 1, and this model gives one answer a request. Accepted: 1."));
    }
    if request.logprobs == Some(true) {
        let message = "`logprobs` is true, and this model does not tell them by token. Accepted: false.";
        return Err(ConvertError::unsupported("logprobs", message));
    }
    Ok(())
}

/// What Cohere has no word for and what changes no answer for the worse.
fn note_dropped(request: &ChatRequest, dropped: &mut Dropped) {
    dropped.note_if(&request.user, "user");
    dropped.note_if(&request.logit_bias, "logit_bias");
    dropped.note_if(&request.parallel_tool_calls, "parallel_tool_calls");
    dropped.note_if(&request.service_tier, "service_tier");
    dropped.note_if(&request.metadata, "metadata");
    dropped.note_if(&request.verbosity, "verbosity");
    if request.tools.iter().any(|tool| tool.strict == Some(true)) {
        // `strict_tools` holds for all tools at once and refuses those without a required parameter, so it is the caller's to ask for.
        dropped.note("strict");
    }
}

fn format<'a>(request: &'a ChatRequest, target: &Target<'_>) -> Result<Option<Format<'a>>, ConvertError> {
    let json_schema = match &request.response_format {
        None | Some(ResponseFormat::Text) => return Ok(None),
        Some(ResponseFormat::JsonObject) => None,
        Some(ResponseFormat::JsonSchema { schema, .. }) if target.capabilities.json_schema.is_yes() => Some(&**schema),
        Some(ResponseFormat::JsonSchema { .. }) => {
            return Err(ConvertError::unsupported(
                "response_format",
                "This model does not keep to a JSON schema. Accepted for `response_format`: {\"type\": \"json_object\"}.",
            ));
        }
    };
    Ok(Some(Format { r#type: "json_object", json_schema }))
}
