//! The containers' own API: `{"inputs", "parameters"}` of TGI and LMI, `{"inputs": […]}` of TEI.

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::body::told;
use super::super::error::AwsError;
use super::{Transport, model_error};
use crate::behaviour::Behaviour;
use crate::cloud::{Content, Framing, event};
use crate::log::Received;
use crate::scene::{Ending, Form, Performance, Prompt, perform, vector};
use crate::shape::{Look, NON_EMPTY, Shape, TEXT, check, list, optional, required};

const GRAMMAR: Shape = Shape::Structure(&[required("type", &Shape::Choice(&["json", "regex"])), required("value", &Shape::Any)]);
/// Those of TGI.
const PARAMETERS: Shape = Shape::Structure(&[
    optional("best_of", &Shape::Whole(1, 128)),
    optional("decoder_input_details", &Shape::Flag),
    optional("details", &Shape::Flag),
    optional("do_sample", &Shape::Flag),
    optional("frequency_penalty", &Shape::Number(-2.0, 2.0)),
    optional("grammar", &GRAMMAR),
    optional("max_new_tokens", &Shape::Whole(1, i64::MAX)),
    optional("repetition_penalty", &Shape::Number(0.0, f64::MAX)),
    optional("return_full_text", &Shape::Flag),
    optional("seed", &Shape::Whole(0, i64::MAX)),
    optional("stop", &list(&TEXT)),
    // The servers refuse 0 although it is what greedy decoding suggests.
    optional("temperature", &Shape::Number(f64::MIN_POSITIVE, f64::MAX)),
    optional("top_k", &Shape::Whole(1, i64::MAX)),
    optional("top_n_tokens", &Shape::Whole(0, i64::MAX)),
    optional("top_p", &Shape::Number(f64::MIN_POSITIVE, 1.0 - f64::EPSILON)),
    optional("truncate", &Shape::Whole(1, i64::MAX)),
    optional("typical_p", &Shape::Number(f64::MIN_POSITIVE, 1.0 - f64::EPSILON)),
    optional("watermark", &Shape::Flag),
    optional("adapter_id", &TEXT),
]);
/// Those that every engine of LMI has.
const LMI_PARAMETERS: Shape = Shape::Structure(&[
    optional("decoder_input_details", &Shape::Flag),
    optional("details", &Shape::Flag),
    optional("do_sample", &Shape::Flag),
    optional("max_new_tokens", &Shape::Whole(1, i64::MAX)),
    optional("repetition_penalty", &Shape::Number(0.0, f64::MAX)),
    optional("return_full_text", &Shape::Flag),
    optional("seed", &Shape::Whole(0, i64::MAX)),
    optional("stop_sequences", &list(&TEXT)),
    optional("temperature", &Shape::Number(f64::MIN_POSITIVE, f64::MAX)),
    optional("top_k", &Shape::Whole(0, i64::MAX)),
    optional("top_p", &Shape::Number(f64::MIN_POSITIVE, 1.0)),
]);
const GENERATE: Shape =
    Shape::Structure(&[required("inputs", &NON_EMPTY), optional("parameters", &PARAMETERS), optional("stream", &Shape::Flag)]);
const LMI_GENERATE: Shape = Shape::Structure(&[
    required("inputs", &NON_EMPTY),
    optional("parameters", &LMI_PARAMETERS),
    optional("stream", &Shape::Flag),
]);
const EMBED: Shape = Shape::Structure(&[
    required("inputs", &Shape::List { of: &NON_EMPTY, min: 1, max: 32 }),
    optional("truncate", &Shape::Flag),
    optional("normalize", &Shape::Flag),
    optional("prompt_name", &TEXT),
    optional("dimensions", &Shape::Whole(1, 65_536)),
]);

/// How a container writes a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lines {
    /// Server-sent events: TGI.
    Events,
    /// A line of JSON each: LMI.
    Json,
}

/// Text that follows the input.
pub(super) fn generate(
    behaviour: &Behaviour,
    received: &Received,
    lines: Lines,
    transport: Transport,
) -> Result<Content, AwsError> {
    let (shape, stop) = match lines {
        Lines::Events => (&GENERATE, "stop"),
        Lines::Json => (&LMI_GENERATE, "stop_sequences"),
    };
    let body = read(received, shape)?;
    let streams = body.look("stream") == true;
    if streams != (transport == Transport::Frames) {
        return Err(model_error(422, "`stream` must be true for a stream of frames, and only for one"));
    }
    let parameters = body.look("parameters");
    let mut prompt = Prompt::default();
    prompt.say(body.look("inputs").as_str().unwrap_or_default());
    prompt.limit = parameters.look("max_new_tokens").as_u64().and_then(|limit| usize::try_from(limit).ok());
    prompt.stops = parameters.look(stop).as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if parameters.look("grammar.type") == "json" {
        prompt.form = Form::Schema(parameters.look("grammar.value").clone());
    }
    let performance = perform(behaviour, &prompt);
    if !streams {
        let details = parameters.look("details").as_bool().unwrap_or_default().then(|| details(&performance));
        let answer = json!({ "generated_text": performance.text(), "details": details });
        return Ok(Content::json(&match lines {
            Lines::Events => json!([answer]),
            Lines::Json => answer,
        }));
    }
    let parts = tokens(&performance).into_iter().map(|token| match lines {
        Lines::Events => event(token),
        Lines::Json => Bytes::from(format!("{token}\n")),
    });
    let content_type = if lines == Lines::Events { "text/event-stream" } else { "application/jsonlines" };
    Ok(Content { content_type, headers: Vec::new(), framing: Framing::Stream, parts: parts.collect() })
}

/// A token a piece; the last one is a special token if the model ended by itself, and has the whole text.
fn tokens(performance: &Performance) -> Vec<Value> {
    let token = |index: usize, text: &str, special: bool| {
        let token = json!({ "id": index, "text": text, "logprob": -0.1, "special": special });
        json!({ "index": index, "token": token, "generated_text": null, "details": null })
    };
    let mut tokens: Vec<_> = performance.pieces.iter().enumerate().map(|(index, text)| token(index + 1, text, false)).collect();
    if performance.ending == Ending::Complete {
        tokens.push(token(performance.pieces.len() + 1, "</s>", true));
    }
    if let Some(last) = tokens.last_mut() {
        last.put("generated_text", json!(performance.text()));
        last.put("details", details(performance));
    }
    tokens
}

fn details(performance: &Performance) -> Value {
    let reason = match performance.ending {
        Ending::Length => "length",
        Ending::Stopped(_) => "stop_sequence",
        Ending::Complete | Ending::Calls | Ending::Filtered => "eos_token",
    };
    json!({
        "finish_reason": reason,
        "generated_tokens": performance.spent.answer,
        "input_length": performance.spent.prompt,
        "seed": null,
        "prefill": [],
        "tokens": [],
    })
}

/// A vector for each input.
pub(super) fn embed(behaviour: &Behaviour, received: &Received) -> Result<Content, AwsError> {
    let body = read(received, &EMBED)?;
    let length = body.look("dimensions").as_u64().and_then(|value| usize::try_from(value).ok()).unwrap_or(behaviour.dimensions);
    let texts = body.look("inputs").as_array().into_iter().flatten().filter_map(Value::as_str);
    Ok(Content::json(&json!(texts.map(|text| vector(text, length)).collect::<Vec<_>>())))
}

fn read(received: &Received, shape: &Shape) -> Result<Value, AwsError> {
    if received.header("content-type") != Some("application/json") {
        return Err(model_error(415, "Expected request with `Content-Type: application/json`"));
    }
    let body: Value =
        serde_json::from_slice(&received.body).map_err(|error| model_error(422, &format!("Input validation error: {error}")))?;
    let faults = check(shape, &body);
    if faults.is_empty() { Ok(body) } else { Err(model_error(422, &told(&faults, &body))) }
}
