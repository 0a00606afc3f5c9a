//! A chat request in this dialect.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    contents::Writer,
    extensions::Extensions,
    generation::GenerationConfig,
    options::Options,
    part::{Content, Kind, Part, Role},
    tools::{ToolConfig, ToolGroup},
};
use crate::chat::{self, ChatRequest, Conversation, ConvertError, Dropped, Target};

/// The body of `generateContent` and of `streamGenerateContent`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<SystemInstruction<'a>>,
    contents: Vec<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<[ToolGroup<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
    generation_config: GenerationConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_settings: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_content: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct SystemInstruction<'a> {
    parts: Vec<Part<'a>>,
}

/// Writes the body. The model's name and whether to stream stand in the address, not in the body.
///
/// # Errors
/// [`ConvertError`], for what Gemini does not take and for results of tools that nobody called.
pub fn encode_chat(
    request: &ChatRequest,
    target: &Target<'_>,
    options: Options,
    dropped: &mut Dropped,
) -> Result<Vec<u8>, ConvertError> {
    let extensions = Extensions::of(request, options.service, dropped)?;
    note_dropped(request, dropped);
    let conversation = Conversation::of(request);
    let system = system(&conversation, dropped)?;
    let contents = Writer::new(target.capabilities, options, dropped).write(&conversation)?;
    let (system_instruction, contents) = match (system.is_empty(), contents.is_empty()) {
        (true, _) => (None, contents),
        // There must be a turn. Instructions alone are a question, as they are for OpenAI.
        (false, true) => (None, vec![Content { role: Role::User, parts: system }]),
        (false, false) => (Some(SystemInstruction { parts: system }), contents),
    };
    let body = Body {
        system_instruction,
        contents,
        tools: ToolGroup::of(request, target.capabilities, options.schema)?.map(|group| [group]),
        tool_config: ToolConfig::of(request)?,
        generation_config: GenerationConfig::of(request, &extensions, target, options.schema, dropped)?,
        safety_settings: extensions.safety_settings,
        cached_content: extensions.cached_content,
        labels: extensions.labels,
    };
    serde_json::to_vec(&body).map_err(|error| ConvertError::invalid("body", format!("The request cannot be written: {error}.")))
}

/// What Gemini has no word for and what changes no answer for the worse.
fn note_dropped(request: &ChatRequest, dropped: &mut Dropped) {
    dropped.note_if(&request.user, "user");
    dropped.note_if(&request.logit_bias, "logit_bias");
    dropped.note_if(&request.parallel_tool_calls, "parallel_tool_calls");
    dropped.note_if(&request.service_tier, "service_tier");
    dropped.note_if(&request.metadata, "metadata");
    dropped.note_if(&request.verbosity, "verbosity");
    if request.tools.iter().any(|tool| tool.strict == Some(true)) {
        dropped.note("strict");
    }
}

fn system<'a>(conversation: &Conversation<'a>, dropped: &mut Dropped) -> Result<Vec<Part<'a>>, ConvertError> {
    let mut parts = Vec::new();
    for part in &conversation.system {
        match part {
            chat::Part::Text(text) => parts.push(Kind::Text(text).into()),
            chat::Part::CachePoint(_) => dropped.note("cache_control"),
            chat::Part::Image(_) | chat::Part::Audio { .. } | chat::Part::File { .. } => {
                return Err(ConvertError::unsupported("messages", "A system message for this model may hold only text."));
            }
        }
    }
    Ok(parts)
}
