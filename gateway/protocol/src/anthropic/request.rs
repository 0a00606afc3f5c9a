//! Requests: from the canonical form to the body of `POST /v1/messages`, or of what other hosts have in its place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    Flavor, Options, Version,
    block::{Content, Message},
    extensions,
    format::{Format, OutputConfig},
    messages,
    sampling::{Chooser, Sampling},
    thinking::{Member, Room, Thinking},
    tools::{Choice, Tool, Tools},
};
use crate::chat::{ChatRequest, Conversation, ConvertError, Dropped, Target};

/// The body, in the order in which the API reference shows it.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    anthropic_version: Option<&'static str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    anthropic_beta: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<Content<'a>>,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(flatten)]
    sampling: Sampling,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Member<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(flatten)]
    extensions: BTreeMap<&'a str, &'a RawValue>,
}

#[derive(Serialize)]
struct Metadata {
    user_id: String,
}

/// Writes `request` for `target`. What was left out is noted in `dropped`, by OpenAI's names.
///
/// # Errors
/// [`ConvertError::Unsupported`] for what this model or host does not take and what would change the answer if it were left out;
/// [`ConvertError::Invalid`] for what nobody takes.
pub fn encode(
    request: &ChatRequest,
    target: &Target<'_>,
    options: &Options<'_>,
    dropped: &mut Dropped,
) -> Result<Vec<u8>, ConvertError> {
    check(request)?;
    let history = Conversation::of(request);
    let messages = messages::messages(&history, request, target, options, dropped)?;
    let format = Format::of(request, target);
    let tools = Tools::of(request, &history, format, target, dropped)?;
    let room = Room::left(tools.must_call(), messages.last().map(|message| message.role));
    let thinking = Thinking::of(request, &history, room, target, dropped)?;
    let takes_sampling = target.capabilities.sampling.is_yes() && options.flavor != Flavor::Direct(Version::V2026_10_21);
    let chooser = if takes_sampling && !thinking.is_on() { Chooser::Caller } else { Chooser::Model };
    note_hints(request, dropped);
    let body = Body {
        anthropic_version: match options.flavor {
            Flavor::Direct(_) => None,
            Flavor::Bedrock => Some("bedrock-2023-05-31"),
            Flavor::Vertex => Some("vertex-2023-10-16"),
        },
        anthropic_beta: if options.flavor == Flavor::Bedrock { options.betas } else { &[] },
        model: matches!(options.flavor, Flavor::Direct(_)).then_some(target.model),
        system: messages::system(&history, dropped)?,
        messages,
        tools: tools.tools,
        tool_choice: tools.choice,
        stop_sequences: &request.stop,
        sampling: Sampling::of(request, chooser, dropped),
        max_tokens: thinking.max_tokens,
        output_config: OutputConfig::of(request, thinking.effort, format)?,
        thinking: thinking.member,
        metadata: user(request, dropped).map(|user_id| Metadata { user_id }),
        service_tier: service_tier(request, options.flavor, dropped),
        stream: (request.stream && options.flavor != Flavor::Bedrock).then_some(true),
        extensions: extensions::passed(request, options.flavor, dropped)?,
    };
    serde_json::to_vec(&body)
        .map_err(|error| ConvertError::invalid("messages", format!("The request cannot be written: {error}.")))
}

/// Refuses what would change the answer if it were left out.
fn check(request: &ChatRequest) -> Result<(), ConvertError> {
    if request.n.is_some_and(|n| n != 1) {
        return Err(ConvertError::unsupported("n", "This provider gives one answer to a request; accepted: 1."));
    }
    if request.logprobs == Some(true) {
        return Err(ConvertError::unsupported("logprobs", "This provider does not tell probabilities; accepted: false."));
    }
    if let Some(number) = request.stop.iter().position(|text| text.trim().is_empty()) {
        let message = "This provider does not stop at white space; accepted: a text with something else in it.";
        return Err(ConvertError::unsupported(format!("stop[{number}]"), message));
    }
    Ok(())
}

/// Notes the hints that this API has no place for.
fn note_hints(request: &ChatRequest, dropped: &mut Dropped) {
    let bias = request.logit_bias.as_ref().filter(|bias| !matches!(bias.get().trim(), "{}" | "null"));
    dropped.note_if(&bias, "logit_bias");
    dropped.note_if(&request.verbosity, "verbosity");
}

/// Who asks: OpenAI's `safety_identifier` or `user`, else the `user_id` of `metadata`. The rest of `metadata` has no place here.
fn user(request: &ChatRequest, dropped: &mut Dropped) -> Option<String> {
    #[derive(Deserialize)]
    struct Pairs {
        user_id: Option<String>,
        #[serde(flatten)]
        rest: BTreeMap<String, serde::de::IgnoredAny>,
    }
    let pairs = request.metadata.as_ref().map(|raw| serde_json::from_str::<Pairs>(raw.get()));
    let (user_id, is_whole) = match pairs {
        None => (None, true),
        Some(Ok(pairs)) => (pairs.user_id, pairs.rest.is_empty()),
        Some(Err(_)) => (None, false),
    };
    if !is_whole {
        dropped.note("metadata");
    }
    request.user.clone().or(user_id)
}

/// Anthropic has two classes of service: the best that is there, which is its default, and the standard one.
fn service_tier(request: &ChatRequest, flavor: Flavor, dropped: &mut Dropped) -> Option<&'static str> {
    match request.service_tier.as_deref() {
        None | Some("auto") => None,
        Some("default" | "standard_only") if matches!(flavor, Flavor::Direct(_)) => Some("standard_only"),
        Some(_) => {
            dropped.note("service_tier");
            None
        }
    }
}
