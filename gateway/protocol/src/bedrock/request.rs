//! A chat request as the body of Converse.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    Family, ToolNames,
    additional::{Additional, Field},
    body::{Body, GuardrailConfig, InferenceConfig, Kind, OutputConfig, ToolConfig},
    content::Blocks,
    format::Format,
    messages::{messages, system},
    reasoning::{Thinking, thinking},
    tools::tool_config,
};
use crate::chat::{ChatRequest, Conversation, ConvertError, Dropped, Target};

/// The most pairs of `requestMetadata`, and the most bytes of a name or value in it.
const METADATA: (usize, usize) = (16, 256);

/// A guardrail of Bedrock's that the operator wants applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guardrail {
    /// Its identifier or ARN.
    pub identifier: String,
    /// Its version, or `DRAFT`.
    pub version: String,
}

/// A request that is ready to be sent.
#[derive(Debug, Clone)]
pub struct Encoded {
    /// The body.
    pub body: Vec<u8>,
    /// What reading the answer needs.
    pub names: ToolNames,
}

/// Writes `request` as the body of Converse or ConverseStream, which are the same; the model stands in the path.
///
/// # Errors
/// [`ConvertError`], for what the model does not take.
pub fn encode_chat(
    request: &ChatRequest,
    target: &Target<'_>,
    guardrail: Option<&Guardrail>,
    dropped: &mut Dropped,
) -> Result<Encoded, ConvertError> {
    refuse(request)?;
    note_dropped(request, guardrail, target, dropped);
    let names = ToolNames::of(request);
    let conversation = Conversation::of(request);
    let mut blocks = Blocks { capabilities: target.capabilities, documents: 0 };
    let mut additional = Additional::of(request)?;
    let (text_format, answer_tool) = match Format::of(request, target)? {
        Format::Free => (None, None),
        Format::Native(format) => (Some(format), None),
        Format::Called(tool) => (None, Some(tool)),
    };
    let tool_config = tool_config(request, &names, target, conversation.uses_tools(), answer_tool)?;
    let must_call = tool_config.as_ref().is_some_and(ToolConfig::must_call);
    let thinking = thinking(request, target, must_call, &mut additional, dropped);
    let inference_config = inference_config(request, target, &thinking, &mut additional, dropped);
    let body = Body {
        system: system(&conversation)?,
        messages: messages(&conversation, &names, &mut blocks)?,
        inference_config,
        tool_config,
        guardrail_config: guardrail_config(request, guardrail),
        additional_model_request_fields: additional,
        output_config: OutputConfig { text_format, effort: thinking.effort },
        performance_config: request.extensions.get("performanceConfig").map(AsRef::as_ref),
        service_tier: service_tier(request, dropped),
        request_metadata: request_metadata(request, dropped),
    };
    let body = serde_json::to_vec(&body)
        .map_err(|error| ConvertError::invalid("messages", format!("The request cannot be written as JSON: {error}.")))?;
    Ok(Encoded { body, names })
}

/// What would make the answer wrong if it were left out.
fn refuse(request: &ChatRequest) -> Result<(), ConvertError> {
    if request.n.is_some_and(|n| n > 1) {
        return Err(ConvertError::unsupported("n", "`n`: Amazon Bedrock gives one answer a request; accepted: 1."));
    }
    if request.logprobs == Some(true) {
        return Err(ConvertError::unsupported("logprobs", "`logprobs`: Amazon Bedrock tells no probabilities; accepted: false."));
    }
    Ok(())
}

fn note_dropped(request: &ChatRequest, guardrail: Option<&Guardrail>, target: &Target<'_>, dropped: &mut Dropped) {
    dropped.note_if(&request.parallel_tool_calls, "parallel_tool_calls");
    dropped.note_if(&request.sampling.seed, "seed");
    dropped.note_if(&request.sampling.frequency_penalty, "frequency_penalty");
    dropped.note_if(&request.sampling.presence_penalty, "presence_penalty");
    dropped.note_if(&request.top_logprobs, "top_logprobs");
    dropped.note_if(&request.logit_bias, "logit_bias");
    dropped.note_if(&request.verbosity, "verbosity");
    dropped.note_if(&request.user, "user");
    for name in request.extensions.keys() {
        let is_honoured = match name.as_str() {
            "additionalModelRequestFields" | "performanceConfig" => true,
            "guardrailConfig" => guardrail.is_none(),
            "thinking" => Family::of(target.model) == Family::Claude,
            _ => false,
        };
        if !is_honoured {
            dropped.note_extension(name);
        }
    }
}

fn inference_config<'a>(
    request: &'a ChatRequest,
    target: &Target<'_>,
    thinking: &Thinking,
    additional: &mut Additional<'_>,
    dropped: &mut Dropped,
) -> InferenceConfig<'a> {
    let mut config = InferenceConfig {
        max_tokens: request.max_tokens.or(thinking.max_tokens),
        stop_sequences: &request.stop,
        ..InferenceConfig::default()
    };
    let sampling = &request.sampling;
    if thinking.fixes_sampling || !target.capabilities.sampling.is_yes() {
        dropped.note_if(&sampling.temperature, "temperature");
        dropped.note_if(&sampling.top_p, "top_p");
        dropped.note_if(&sampling.top_k, "top_k");
        return config;
    }
    config.temperature = sampling.temperature.map(|temperature| temperature.clamp(0.0, 1.0));
    config.top_p = sampling.top_p;
    if let Some(top_k) = sampling.top_k {
        match Family::of(target.model) {
            Family::Claude | Family::Mistral => additional.set("top_k", Field::Number(top_k)),
            Family::Cohere => additional.set("k", Field::Number(top_k)),
            Family::Nova => additional.set("inferenceConfig", Field::object([("topK", Field::Number(top_k))])),
            Family::Titan | Family::Llama | Family::OpenAi | Family::Unknown => dropped.note("top_k"),
        }
    }
    config
}

/// The operator's guardrail; the caller's own only where there is none, for it must not be possible to choose a weaker one.
fn guardrail_config<'a>(request: &'a ChatRequest, guardrail: Option<&'a Guardrail>) -> Option<GuardrailConfig<'a>> {
    match guardrail {
        Some(Guardrail { identifier, version }) => {
            Some(GuardrailConfig::Operators { guardrail_identifier: identifier, guardrail_version: version })
        }
        None => request.extensions.get("guardrailConfig").map(|own| GuardrailConfig::Callers(own)),
    }
}

fn service_tier<'a>(request: &'a ChatRequest, dropped: &mut Dropped) -> Option<Kind<'a>> {
    match request.service_tier.as_deref()? {
        "auto" => None,
        tier @ ("default" | "flex" | "priority" | "reserved") => Some(Kind { r#type: tier }),
        _ => {
            dropped.note("service_tier");
            None
        }
    }
}

/// The caller's metadata, where Bedrock takes all of it.
fn request_metadata<'a>(request: &'a ChatRequest, dropped: &mut Dropped) -> Option<BTreeMap<&'a str, Cow<'a, str>>> {
    let metadata = request.metadata.as_ref()?;
    let is_legal = |text: &str| {
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || b":_@$#=/+,-.".contains(&byte);
        text.len() <= METADATA.1 && text.bytes().all(is_legal)
    };
    let pairs: Option<BTreeMap<&str, Cow<'_, str>>> = serde_json::from_str(metadata.get()).ok();
    let pairs = pairs.filter(|pairs| {
        let are_legal = pairs.iter().all(|(name, value)| !name.is_empty() && is_legal(name) && is_legal(value));
        (1..=METADATA.0).contains(&pairs.len()) && are_legal
    });
    if pairs.is_none() {
        dropped.note("metadata");
    }
    pairs
}
