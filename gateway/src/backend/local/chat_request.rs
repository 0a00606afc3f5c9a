//! OpenAI's chat request as the engine's.

use std::num::NonZeroUsize;

use serde::Deserialize;
use serde_json::Value;
use tradewind_models::{chat, tools::ToolCall};
use tradewind_protocol::openai::{ChatRequest, Content, Message, StopSequences};

use super::{
    chat_form,
    sampling::{SamplingFields, sampling},
};
use crate::{
    error::{Error, Kind},
    inference::Failure,
};

/// How many stop sequences OpenAI's API takes.
const MOST_STOPS: usize = 4;

/// How many of the likeliest tokens it tells.
pub(super) const MOST_LOGPROBS: u64 = 20;

/// How many answers one request may ask for: as many as an engine generates at once.
pub(super) const MOST_CHOICES: usize = 16;

/// The engine's request, but for whose it is and when it must be done.
pub(super) fn translate(mut request: ChatRequest) -> Result<chat::ChatRequest, Failure> {
    request.rest.retain(|field, _| !chat_form::is_known(field));
    if let Some(unsupported) = request.unsupported() {
        return Err(unsupported_field(unsupported.param, unsupported.accepted));
    }
    if request.messages.is_empty() {
        return Err(out_of_range("messages", "send at least one message"));
    }
    let max_tokens = at_least_one("max_tokens", request.token_limit())?;
    let sampling = sampling(&SamplingFields {
        temperature: request.temperature,
        top_p: request.top_p,
        top_k: request.top_k,
        min_p: request.min_p,
        repetition_penalty: request.repetition_penalty,
        frequency_penalty: request.frequency_penalty,
        presence_penalty: request.presence_penalty,
        logit_bias: request.logit_bias.as_ref(),
        seed: request.seed,
    })?;
    let (choices, logprobs) = (choices(request.n)?, logprobs(&request)?);
    let stop = stops(request.stop.map(StopSequences::into_vec))?;
    let messages = request.messages.into_iter().enumerate().map(|(place, message)| translate_message(place, message));
    let request = chat::ChatRequest::new(messages.collect::<Result<_, _>>()?);
    Ok(chat::ChatRequest { sampling, choices, logprobs, stop, max_tokens, ..request })
}

/// The most tokens to generate, if the caller says.
pub(super) fn at_least_one(field: &'static str, limit: Option<u64>) -> Result<Option<usize>, Failure> {
    match limit {
        Some(0) => Err(out_of_range(field, "use 1 or more")),
        limit => Ok(limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))),
    }
}

pub(super) fn stops(asked: Option<Vec<String>>) -> Result<Vec<String>, Failure> {
    let stops = asked.unwrap_or_default();
    if stops.len() > MOST_STOPS { Err(out_of_range("stop", "use at most 4 sequences")) } else { Ok(stops) }
}

/// How many answers to make.
pub(super) fn choices(n: Option<u64>) -> Result<NonZeroUsize, Failure> {
    let asked = usize::try_from(n.unwrap_or(1)).unwrap_or(usize::MAX);
    match NonZeroUsize::new(asked) {
        None => Err(out_of_range("n", "use 1 or more")),
        Some(choices) if choices.get() > MOST_CHOICES => Err(unsupported_field("n".to_owned(), "1 to 16")),
        Some(choices) => Ok(choices),
    }
}

/// How many of the likeliest tokens to tell with each, if anything.
fn logprobs(request: &ChatRequest) -> Result<Option<usize>, Failure> {
    match (request.logprobs.unwrap_or(false), request.top_logprobs) {
        (false, None | Some(0)) => Ok(None),
        (false, Some(_)) => Err(out_of_range("top_logprobs", "set `logprobs` to true as well")),
        (true, top) if top > Some(MOST_LOGPROBS) => Err(out_of_range("top_logprobs", "use 0 to 20")),
        (true, top) => Ok(Some(usize::try_from(top.unwrap_or(0)).unwrap_or(0))),
    }
}

fn translate_message(place: usize, message: Message) -> Result<chat::Message, Failure> {
    let path = format!("messages[{place}]");
    let role = match message.role.as_str() {
        "system" | "developer" => chat::Role::System,
        "user" => chat::Role::User,
        "assistant" => chat::Role::Assistant,
        "tool" => chat::Role::Tool,
        _ => {
            let accepted = "\"system\", \"developer\", \"user\", \"assistant\" or \"tool\"";
            return Err(unsupported_field(format!("{path}.role"), accepted));
        }
    };
    let mut rest = message.rest;
    let calls = match rest.remove("tool_calls").filter(|_| role == chat::Role::Assistant) {
        Some(calls) => past_calls(&path, calls)?,
        None => Vec::new(),
    };
    let call_id = rest.remove("tool_call_id").filter(|_| role == chat::Role::Tool);
    let call_id = call_id.and_then(|id| id.as_str().map(str::to_owned));
    if role == chat::Role::Tool && call_id.is_none() {
        return Err(missing(format!("{path}.tool_call_id")));
    }
    // A name is a hint, and a refusal an answer that was not given; everything else that is set asks for speech.
    let is_asked = |(name, value): &(&String, &Value)| !matches!(name.as_str(), "name" | "refusal") && !value.is_null();
    if let Some((name, _)) = rest.iter().find(is_asked) {
        return Err(unsupported_field(format!("{path}.{name}"), "nothing"));
    }
    let content = match message.content {
        Some(Content::Text(text)) => text,
        Some(Content::Parts(parts)) => {
            let mut content = String::new();
            for (part_place, part) in parts.into_iter().enumerate() {
                match (part.r#type.as_str(), part.text) {
                    ("text", Some(text)) => content.push_str(&text),
                    _ => return Err(unsupported_field(format!("{path}.content[{part_place}]"), "only parts of type \"text\"")),
                }
            }
            content
        }
        None if !calls.is_empty() => String::new(),
        None => return Err(missing(format!("{path}.content"))),
    };
    Ok(chat::Message { role, content, calls, call_id })
}

/// A call in the conversation so far.
#[derive(Deserialize)]
struct PastCall {
    id: String,
    function: PastFunction,
}

#[derive(Deserialize)]
struct PastFunction {
    name: String,
    arguments: String,
}

fn past_calls(path: &str, calls: Value) -> Result<Vec<ToolCall>, Failure> {
    let path = format!("{path}.tool_calls");
    let calls: Option<Vec<PastCall>> = serde_json::from_value(calls).map_err(|error| {
        Failure::request(Error::new(Kind::InvalidRequest, format!("`{path}` is not valid: {error}.")).with_param(path))
    })?;
    let call = |PastCall { id, function }| ToolCall { id, name: function.name, arguments: function.arguments };
    Ok(calls.into_iter().flatten().map(call).collect())
}

fn missing(param: String) -> Failure {
    Failure::request(Error::new(Kind::InvalidRequest, format!("`{param}` is missing.")).with_param(param))
}

pub(super) fn unsupported_field(param: String, accepted: &str) -> Failure {
    let message = format!("This model does not support this value of `{param}`; accepted: {accepted}.");
    Failure::unsuited(Error::new(Kind::UnsupportedParameter, message).with_param(param))
}

pub(super) fn out_of_range(param: &'static str, accepted: &str) -> Failure {
    Failure::request(Error::new(Kind::InvalidRequest, format!("`{param}` is out of range: {accepted}.")).with_param(param))
}

#[cfg(test)]
mod tests {
    use tradewind_models::sample::{Sampling, SamplingOptions};

    use super::*;
    use crate::inference::Blame;

    fn translated(json: &str) -> Result<chat::ChatRequest, (Blame, String)> {
        let request = serde_json::from_str(json).unwrap();
        translate(request).map_err(|failure| (failure.blame, failure.error.to_string()))
    }

    fn with(fields: &str) -> Result<chat::ChatRequest, (Blame, String)> {
        translated(&format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{fields}}}"#))
    }

    fn first_message(request: chat::ChatRequest) -> chat::Message {
        let chat::Prompt::Conversation(mut messages) = request.prompt else { panic!("no conversation: {request:?}") };
        messages.remove(0)
    }

    fn of(message: &str) -> Result<chat::ChatRequest, (Blame, String)> {
        translated(&format!(r#"{{"model":"m","messages":[{message}]}}"#))
    }

    #[test]
    fn a_plain_request_is_translated_field_by_field() {
        let request = with(r#""temperature":0,"seed":-1,"stop":"x","max_tokens":3,"max_completion_tokens":5"#).unwrap();
        let options = SamplingOptions { temperature: 0.0, seed: Some(u64::MAX), ..SamplingOptions::default() };
        assert_eq!(request.sampling, Sampling::new(options).unwrap());
        assert_eq!((request.stop, request.max_tokens), (vec!["x".to_owned()], Some(5)));
    }

    #[test]
    fn what_shapes_the_choice_of_tokens_is_passed_on() {
        let request = with(
            r#""n":3,"logprobs":true,"top_logprobs":2,"top_k":40,"min_p":0.5,"repetition_penalty":1.5,"frequency_penalty":-1,
               "presence_penalty":1,"logit_bias":{"7":-100}"#,
        );
        let request = request.unwrap();
        assert_eq!((request.choices.get(), request.logprobs), (3, Some(2)));
        let expected = SamplingOptions {
            top_k: 40,
            min_p: 0.5,
            repetition_penalty: 1.5,
            frequency_penalty: -1.0,
            presence_penalty: 1.0,
            logit_bias: vec![(7, -100.0)],
            ..SamplingOptions::default()
        };
        assert_eq!(request.sampling.options(), &expected);
        assert_eq!(with(r#""top_k":-1"#).unwrap().sampling, Sampling::default());
    }

    #[test]
    fn the_developer_speaks_as_the_system_and_text_parts_are_joined() {
        let parts =
            r#"{"role":"developer","name":"d","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"audio":null}"#;
        let message = first_message(of(parts).unwrap());
        assert_eq!(message, chat::Message::new(chat::Role::System, "ab".to_owned()));
    }

    #[test]
    fn calls_and_their_results_are_part_of_the_conversation() {
        let call = r#"{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}"#;
        let message = first_message(of(call).unwrap());
        let expected = ToolCall { id: "c".to_owned(), name: "f".to_owned(), arguments: "{}".to_owned() };
        assert_eq!((message.content.as_str(), message.calls), ("", vec![expected]));
        let result = first_message(of(r#"{"role":"tool","tool_call_id":"c","content":"x"}"#).unwrap());
        assert_eq!((result.role, result.call_id.as_deref(), result.content.as_str()), (chat::Role::Tool, Some("c"), "x"));
    }

    #[test]
    fn what_the_model_cannot_do_is_left_to_other_backends() {
        for message in [
            r#"{"role":"function","name":"f","content":"x"}"#,
            r#"{"role":"assistant","content":"x","audio":{"id":"a"}}"#,
            r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}"#,
        ] {
            let (blame, error) = of(message).unwrap_err();
            assert_eq!(blame, Blame::Unsuited, "{error}");
            assert!(error.starts_with("unsupported_parameter") && error.contains("messages[0]."), "{error}");
        }
        assert_eq!(with(r#""n":17"#).unwrap_err().0, Blame::Unsuited);
    }

    #[test]
    fn what_is_wrong_everywhere_is_the_requests_fault() {
        assert_eq!(translated(r#"{"model":"m","messages":[]}"#).unwrap_err().0, Blame::Invalid);
        for fields in [
            r#""temperature":3"#,
            r#""top_p":0"#,
            r#""top_k":-2"#,
            r#""max_tokens":0"#,
            r#""n":0"#,
            r#""top_logprobs":2"#,
            r#""logprobs":true,"top_logprobs":21"#,
            r#""logit_bias":{"word":1}"#,
            r#""presence_penalty":2.5"#,
            r#""stop":["1","2","3","4","5"]"#,
        ] {
            let (blame, error) = with(fields).unwrap_err();
            assert_eq!(blame, Blame::Invalid, "{error}");
        }
        for message in [
            r#"{"role":"user"}"#,
            r#"{"role":"tool","content":"x"}"#,
            r#"{"role":"assistant","content":null,"tool_calls":[]}"#,
            r#"{"role":"assistant","tool_calls":[{"id":"c"}]}"#,
        ] {
            assert_eq!(of(message).unwrap_err().0, Blame::Invalid, "{message}");
        }
    }
}
