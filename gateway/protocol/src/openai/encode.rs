//! Chat requests in OpenAI's form, written from the canonical form.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    media::url_of,
    write_answer::{WireMessage, joined, texts},
};
use crate::{
    MaxTokensField,
    chat::{ChatRequest, ConvertError, Dropped, Media, Message, Part, ResponseFormat, Target, Tool, ToolChoice},
};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<WireMessageOf<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<WireToolChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logit_bias: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<WireFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(flatten)]
    extensions: &'a BTreeMap<String, Box<RawValue>>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireMessageOf<'a> {
    Assistant(WireMessage<'a>),
    Other {
        role: &'static str,
        content: WireContent<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_call_id: Option<&'a str>,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireContent<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<WirePart<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WirePart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: WireImage<'a> },
    InputAudio { input_audio: WireAudio<'a> },
    File { file: WireFile<'a> },
}

#[derive(Serialize)]
struct WireImage<'a> {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Serialize)]
struct WireAudio<'a> {
    data: &'a str,
    format: &'a str,
}

#[derive(Serialize)]
struct WireFile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
}

#[derive(Serialize)]
struct WireTool<'a> {
    r#type: &'static str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum WireToolChoice<'a> {
    Word(&'static str),
    Function { r#type: &'static str, function: Named<'a> },
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireFormat<'a> {
    Text,
    JsonObject,
    JsonSchema { json_schema: WireSchema<'a> },
}

#[derive(Serialize)]
struct WireSchema<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// Writes a chat request as the body of `POST /v1/chat/completions`, for OpenAI-shaped targets whose client spoke another dialect or asked
/// for another operation. A streamed answer is always asked to end with its token counts.
///
/// # Errors
/// [`ConvertError`], for what the target does not take.
pub fn encode_chat(request: &ChatRequest, target: &Target<'_>, dropped: &mut Dropped) -> Result<Vec<u8>, ConvertError> {
    let capabilities = target.capabilities;
    let messages = request.messages.iter().enumerate().map(|(number, message)| wire_message(message, number, target, dropped));
    let messages = messages.collect::<Result<_, _>>()?;
    if !request.tools.is_empty() && !capabilities.tools.is_yes() {
        return Err(ConvertError::unsupported("tools", "`tools` are not offered by this model: send none."));
    }
    if matches!(request.response_format, Some(ResponseFormat::JsonSchema { .. })) && !capabilities.json_schema.is_yes() {
        let message = "`response_format` of the type \"json_schema\" is not offered by this model: accepted are \"text\" and \"json_object\".";
        return Err(ConvertError::unsupported("response_format", message));
    }
    let mut sampling = request.sampling;
    if !capabilities.sampling.is_yes() {
        dropped.note_if(&sampling.temperature.take(), "temperature");
        dropped.note_if(&sampling.top_p.take(), "top_p");
        dropped.note_if(&sampling.top_k.take(), "top_k");
    }
    let is_new = capabilities.max_tokens_field == MaxTokensField::MaxCompletionTokens;
    let body = Body {
        model: target.model,
        messages,
        tools: request.tools.iter().map(WireTool::of).collect(),
        tool_choice: request.tool_choice.as_ref().map(WireToolChoice::of),
        parallel_tool_calls: request.parallel_tool_calls,
        max_tokens: request.max_tokens.filter(|_| !is_new),
        max_completion_tokens: request.max_tokens.filter(|_| is_new),
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        top_k: sampling.top_k,
        seed: sampling.seed,
        frequency_penalty: sampling.frequency_penalty,
        presence_penalty: sampling.presence_penalty,
        stop: &request.stop,
        n: request.n,
        logprobs: request.logprobs,
        top_logprobs: request.top_logprobs,
        logit_bias: request.logit_bias.as_deref(),
        response_format: request.response_format.as_ref().map(WireFormat::of),
        reasoning_effort: request.reasoning_effort.map(crate::chat::Effort::as_str),
        verbosity: request.verbosity.as_deref(),
        user: request.user.as_deref(),
        service_tier: request.service_tier.as_deref(),
        metadata: request.metadata.as_deref(),
        stream: request.stream.then_some(true),
        stream_options: request.stream.then_some(StreamOptions { include_usage: true }),
        extensions: &request.extensions,
    };
    serde_json::to_vec(&body).map_err(|error| ConvertError::invalid("body", format!("The request cannot be written: {error}.")))
}

fn wire_message<'a>(
    message: &'a Message,
    number: usize,
    target: &Target<'_>,
    dropped: &mut Dropped,
) -> Result<WireMessageOf<'a>, ConvertError> {
    let mut content = |parts: &'a [Part]| wire_content(parts, number, target, dropped);
    Ok(match message {
        Message::System(parts) => WireMessageOf::Other { role: "system", content: content(parts)?, tool_call_id: None },
        Message::User(parts) => WireMessageOf::Other { role: "user", content: content(parts)?, tool_call_id: None },
        Message::Tool { call_id, content: parts } => {
            WireMessageOf::Other { role: "tool", content: content(parts)?, tool_call_id: Some(call_id) }
        }
        Message::Assistant(message) => {
            if !message.reasoning.is_empty() {
                dropped.note("reasoning_content");
            }
            WireMessageOf::Assistant(WireMessage::plain(message))
        }
    })
}

fn wire_content<'a>(
    parts: &'a [Part],
    number: usize,
    target: &Target<'_>,
    dropped: &mut Dropped,
) -> Result<WireContent<'a>, ConvertError> {
    if parts.iter().any(|part| matches!(part, Part::CachePoint(_))) {
        dropped.note("cache_control");
    }
    if parts.iter().all(|part| matches!(part, Part::Text(_) | Part::CachePoint(_))) {
        return Ok(WireContent::Text(joined(texts(parts)).unwrap_or_default()));
    }
    let parts = parts.iter().enumerate().filter_map(|(place, part)| match part {
        Part::Text(text) => Some(Ok(WirePart::Text { text })),
        Part::CachePoint(_) => None,
        Part::Audio { data, format } => Some(Ok(WirePart::InputAudio { input_audio: WireAudio { data, format } })),
        Part::File { filename, media } => {
            let file_id = if let Media::FileId(id) = media { Some(id.as_str()) } else { None };
            let file = WireFile { file_id, file_data: url_of(media), filename: filename.as_deref() };
            Some(Ok(WirePart::File { file }))
        }
        Part::Image(image) => {
            let param = format!("messages[{number}].content[{place}].image_url");
            Some(match url_of(&image.media) {
                _ if !target.capabilities.vision.is_yes() => {
                    let message = format!("`{param}` is an image, which this model does not take: send texts only.");
                    Err(ConvertError::unsupported(param, message))
                }
                None => {
                    let message =
                        format!("`{param}` names an uploaded file, which this model does not take: send a data: address.");
                    Err(ConvertError::unsupported(param, message))
                }
                Some(url) => Ok(WirePart::ImageUrl { image_url: WireImage { url, detail: image.detail.as_deref() } }),
            })
        }
    });
    Ok(WireContent::Parts(parts.collect::<Result<_, _>>()?))
}

impl<'a> WireTool<'a> {
    fn of(tool: &'a Tool) -> Self {
        let function = WireFunction {
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters: tool.parameters.as_deref(),
            strict: tool.strict,
        };
        Self { r#type: "function", function }
    }
}

impl<'a> WireToolChoice<'a> {
    fn of(choice: &'a ToolChoice) -> Self {
        match choice {
            ToolChoice::Auto => Self::Word("auto"),
            ToolChoice::None => Self::Word("none"),
            ToolChoice::Required => Self::Word("required"),
            ToolChoice::Function(name) => Self::Function { r#type: "function", function: Named { name } },
        }
    }
}

impl<'a> WireFormat<'a> {
    fn of(format: &'a ResponseFormat) -> Self {
        match format {
            ResponseFormat::Text => Self::Text,
            ResponseFormat::JsonObject => Self::JsonObject,
            ResponseFormat::JsonSchema { name, description, schema, strict } => {
                let description = description.as_deref();
                Self::JsonSchema { json_schema: WireSchema { name, description, schema, strict: *strict } }
            }
        }
    }
}
