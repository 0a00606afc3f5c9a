//! A request to continue a text.

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Flavor, prompt::prompt};
use crate::chat::{ChatRequest, ConvertError, Dropped, ResponseFormat};

#[derive(Serialize)]
struct Body<'a> {
    inputs: &'a str,
    parameters: Parameters<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Default, Serialize)]
struct Parameters<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_new_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    do_sample: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    /// TGI's name.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    /// LMI's name.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    return_full_text: bool,
    /// Why it ended is told only here.
    details: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    grammar: Option<Grammar<'a>>,
}

#[derive(Serialize)]
struct Grammar<'a> {
    r#type: &'static str,
    value: Schema<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Schema<'a> {
    Given(&'a RawValue),
    Object { r#type: &'static str },
}

/// Writes `request` as the body of `/invocations` (or `/generate`, which ignores `stream`).
///
/// # Errors
/// [`ConvertError`], for a conversation, tools, or anything else that a bare prompt cannot say.
pub fn encode_generate(request: &ChatRequest, flavor: Flavor, dropped: &mut Dropped) -> Result<Vec<u8>, ConvertError> {
    refuse(request)?;
    note_dropped(request, flavor, dropped);
    let inputs = prompt(request)?;
    let sampling = request.sampling;
    // Zero is refused, though it is what these servers call not sampling.
    let is_greedy = sampling.temperature == Some(0.0);
    let (stop, stop_sequences): (&[String], &[String]) = match flavor {
        Flavor::Tgi => (&request.stop, &[]),
        Flavor::Lmi => (&[], &request.stop),
    };
    let parameters = Parameters {
        max_new_tokens: request.max_tokens,
        temperature: sampling.temperature.filter(|_| !is_greedy),
        // The whole mass is the default, and refused.
        top_p: sampling.top_p.filter(|top_p| *top_p < 1.0),
        top_k: sampling.top_k,
        frequency_penalty: sampling.frequency_penalty.filter(|_| flavor == Flavor::Tgi),
        do_sample: sampling.temperature.map(|_| !is_greedy),
        seed: sampling.seed,
        stop,
        stop_sequences,
        return_full_text: false,
        details: true,
        grammar: grammar(request, flavor)?,
    };
    serde_json::to_vec(&Body { inputs: &inputs, parameters, stream: request.stream })
        .map_err(|error| ConvertError::invalid("messages", format!("The request cannot be written as JSON: {error}.")))
}

fn refuse(request: &ChatRequest) -> Result<(), ConvertError> {
    if !request.tools.is_empty() {
        return Err(ConvertError::unsupported("tools", "`tools`: this container continues a text and calls no tools."));
    }
    if request.n.is_some_and(|n| n > 1) {
        return Err(ConvertError::unsupported("n", "`n`: this container gives one answer a request; accepted: 1."));
    }
    if request.logprobs == Some(true) {
        let message = "`logprobs`: not offered for this container; accepted: false.";
        return Err(ConvertError::unsupported("logprobs", message));
    }
    Ok(())
}

fn note_dropped(request: &ChatRequest, flavor: Flavor, dropped: &mut Dropped) {
    dropped.note_if(&request.tool_choice, "tool_choice");
    dropped.note_if(&request.parallel_tool_calls, "parallel_tool_calls");
    dropped.note_if(&request.sampling.presence_penalty, "presence_penalty");
    dropped.note_if(&request.sampling.frequency_penalty.filter(|_| flavor == Flavor::Lmi), "frequency_penalty");
    dropped.note_if(&request.top_logprobs, "top_logprobs");
    dropped.note_if(&request.logit_bias, "logit_bias");
    dropped.note_if(&request.reasoning_effort, "reasoning_effort");
    dropped.note_if(&request.verbosity, "verbosity");
    dropped.note_if(&request.user, "user");
    dropped.note_if(&request.service_tier, "service_tier");
    dropped.note_if(&request.metadata, "metadata");
    for name in request.extensions.keys() {
        dropped.note_extension(name);
    }
}

fn grammar(request: &ChatRequest, flavor: Flavor) -> Result<Option<Grammar<'_>>, ConvertError> {
    let value = match &request.response_format {
        None | Some(ResponseFormat::Text) => return Ok(None),
        Some(_) if flavor == Flavor::Lmi => {
            let message = "`response_format`: this container keeps to no JSON schema; accepted: `{\"type\": \"text\"}`.";
            return Err(ConvertError::unsupported("response_format", message));
        }
        Some(ResponseFormat::JsonObject) => Schema::Object { r#type: "object" },
        Some(ResponseFormat::JsonSchema { schema, .. }) => Schema::Given(schema),
    };
    Ok(Some(Grammar { r#type: "json", value }))
}
