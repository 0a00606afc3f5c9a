//! Chat: OpenAI's request becomes the engine's, and the engine's text OpenAI's answer.

use serde_json::Value;
use tokio::time::Instant;
use tradewind_models::{
    ChatEngine,
    chat::{self, Event, Finish, GenerateError, Generation},
    sample::Sampling,
};
use tradewind_protocol::{
    Usage,
    openai::{ChatCompletion, ChatRequest, Choice, Content, FinishReason, Message, Reply, StopSequences, UsageBody},
};

use super::{chat_events::ChatEvents, not_taken, parse};
use crate::{
    backend::Attempt,
    error::{Error, Kind},
    inference::{Answer, Failure, Whole},
};

/// How many stop sequences OpenAI's API takes.
const MOST_STOPS: usize = 4;

/// Generates the answer to `attempt`.
pub(super) async fn answer(engine: &ChatEngine, attempt: Attempt) -> Result<Answer, Failure> {
    let inference = &attempt.inference;
    let request: ChatRequest = parse(inference.payload.body())?;
    let deadline = Instant::now().checked_add(inference.context.remaining());
    let mut generation = engine.submit(translate(request, deadline)?).map_err(not_taken)?;
    // Until there is text, nothing has been promised, and another backend may be asked.
    let first = first_event(&mut generation).await?;
    if inference.head().stream {
        Ok(Answer::events(Box::pin(ChatEvents::new(generation, first, &attempt))))
    } else {
        collect(generation, first, &attempt).await.map(Answer::whole)
    }
}

/// What is the same in every part of an answer.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) id: String,
    pub(super) created: u64,
    pub(super) model: String,
}

impl Label {
    pub(super) fn of(attempt: &Attempt) -> Self {
        let context = &attempt.inference.context;
        let created = context.received().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { id: format!("chatcmpl-{}", context.id()), created, model: attempt.inference.head().model.to_string() }
    }
}

async fn first_event(generation: &mut Generation) -> Result<Event, Failure> {
    loop {
        match generation.next().await {
            Some(Event::Started { .. }) => {}
            Some(Event::Failed(error)) => return Err(failure(error)),
            Some(event) => return Ok(event),
            None => return Err(failure(GenerateError::Stopped)),
        }
    }
}

async fn collect(mut generation: Generation, first: Event, attempt: &Attempt) -> Result<Whole, Failure> {
    let mut text = String::new();
    let mut next = Some(first);
    let (finish, usage) = loop {
        match next {
            Some(Event::Started { .. }) => {}
            Some(Event::Text(more)) => text.push_str(&more),
            Some(Event::Done { finish, usage }) => break (finish, usage_of(usage)),
            Some(Event::Failed(error)) => return Err(failure(error)),
            None => return Err(failure(GenerateError::Stopped)),
        }
        next = generation.next().await;
    };
    let label = Label::of(attempt);
    let message = Reply { role: "assistant", content: &text, refusal: None };
    let completion = ChatCompletion {
        id: &label.id,
        object: "chat.completion",
        created: label.created,
        model: &label.model,
        choices: [Choice { index: 0, message, logprobs: None, finish_reason: reason(finish) }],
        usage: UsageBody::generated(usage),
    };
    let body = serde_json::to_vec(&completion).map_err(|error| Failure::backend(Kind::Internal, error.to_string()))?;
    Ok(Whole { status: http::StatusCode::OK, body: body.into(), usage: Some(usage) })
}

pub(super) const fn reason(finish: Finish) -> FinishReason {
    match finish {
        Finish::Stop => FinishReason::Stop,
        Finish::Length => FinishReason::Length,
    }
}

pub(super) const fn usage_of(usage: chat::Usage) -> Usage {
    Usage::new(usage.prompt_tokens as u64, usage.completion_tokens as u64)
}

/// Whose fault it was that there is no answer.
pub(super) fn failure(error: GenerateError) -> Failure {
    let sentence = format!("{error}.");
    match error {
        GenerateError::ContextExceeded { .. } => {
            Failure::unsuited(Error::new(Kind::ContextLengthExceeded, sentence).with_param("messages"))
        }
        GenerateError::EmptyPrompt | GenerateError::Template(_) | GenerateError::Tokenizer(_) => {
            Failure::unsuited(Error::new(Kind::InvalidRequest, sentence).with_param("messages"))
        }
        GenerateError::DeadlineExceeded => Failure::backend(Kind::Timeout, sentence),
        GenerateError::Forward(_) | GenerateError::Sample(_) | GenerateError::Panicked(_) | GenerateError::Stopped => {
            Failure::backend(Kind::UpstreamFailed, sentence)
        }
    }
}

fn translate(request: ChatRequest, deadline: Option<Instant>) -> Result<chat::ChatRequest, Failure> {
    if let Some(unsupported) = request.unsupported() {
        return Err(unsupported_field(unsupported.param, unsupported.accepted));
    }
    if request.messages.is_empty() {
        return Err(out_of_range("messages", "send at least one message"));
    }
    let max_tokens = match request.token_limit() {
        Some(0) => return Err(out_of_range("max_tokens", "use 1 or more")),
        limit => limit.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX)),
    };
    let sampling = sampling(&request)?;
    let stop = request.stop.map(StopSequences::into_vec).unwrap_or_default();
    if stop.len() > MOST_STOPS {
        return Err(out_of_range("stop", "use at most 4 sequences"));
    }
    let messages = request.messages.into_iter().enumerate().map(|(place, message)| translate_message(place, message));
    Ok(chat::ChatRequest { messages: messages.collect::<Result<_, _>>()?, sampling, stop, max_tokens, deadline })
}

fn sampling(request: &ChatRequest) -> Result<Sampling, Failure> {
    let temperature = request.temperature.unwrap_or(1.0);
    let top_p = request.top_p.unwrap_or(1.0);
    if !(0.0..=2.0).contains(&temperature) {
        return Err(out_of_range("temperature", "use 0 to 2"));
    }
    // The bits of a negative seed are as good as any.
    let seed = request.seed.map(i64::cast_unsigned);
    Sampling::new(temperature as f32, top_p as f32, seed).map_err(|_| out_of_range("top_p", "use more than 0 and at most 1"))
}

fn translate_message(place: usize, message: Message) -> Result<chat::Message, Failure> {
    let path = format!("messages[{place}]");
    let role = match message.role.as_str() {
        "system" | "developer" => chat::Role::System,
        "user" => chat::Role::User,
        "assistant" => chat::Role::Assistant,
        _ => return Err(unsupported_field(format!("{path}.role"), "\"system\", \"developer\", \"user\" or \"assistant\"")),
    };
    // A name is a hint; everything else that is set asks for tools or speech.
    let is_asked = |(name, value): &(&String, &Value)| name.as_str() != "name" && !value.is_null();
    if let Some((name, _)) = message.rest.iter().find(is_asked) {
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
        None => {
            let error = Error::new(Kind::InvalidRequest, format!("`{path}.content` is missing."));
            return Err(Failure::request(error.with_param(format!("{path}.content"))));
        }
    };
    Ok(chat::Message { role, content })
}

pub(super) fn unsupported_field(param: String, accepted: &str) -> Failure {
    let message = format!("This model does not support this value of `{param}`; accepted: {accepted}.");
    Failure::unsuited(Error::new(Kind::UnsupportedParameter, message).with_param(param))
}

fn out_of_range(param: &'static str, accepted: &str) -> Failure {
    Failure::request(Error::new(Kind::InvalidRequest, format!("`{param}` is out of range: {accepted}.")).with_param(param))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Blame;

    fn translated(json: &str) -> Result<chat::ChatRequest, (Blame, String)> {
        let request = serde_json::from_str(json).unwrap();
        translate(request, None).map_err(|failure| (failure.blame, failure.error.to_string()))
    }

    fn with(fields: &str) -> Result<chat::ChatRequest, (Blame, String)> {
        translated(&format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{fields}}}"#))
    }

    fn of(message: &str) -> Result<chat::ChatRequest, (Blame, String)> {
        translated(&format!(r#"{{"model":"m","messages":[{message}]}}"#))
    }

    #[test]
    fn a_plain_request_is_translated_field_by_field() {
        let request = with(r#""temperature":0,"seed":-1,"stop":"x","max_tokens":3,"max_completion_tokens":5"#).unwrap();
        assert_eq!(request.sampling, Sampling::new(0.0, 1.0, Some(u64::MAX)).unwrap());
        assert_eq!((request.stop, request.max_tokens), (vec!["x".to_owned()], Some(5)));
    }

    #[test]
    fn the_developer_speaks_as_the_system_and_text_parts_are_joined() {
        let parts =
            r#"{"role":"developer","name":"d","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"audio":null}"#;
        let message = of(parts).unwrap().messages.remove(0);
        assert_eq!(message, chat::Message { role: chat::Role::System, content: "ab".to_owned() });
    }

    #[test]
    fn what_the_model_cannot_do_is_left_to_other_backends() {
        for message in [
            r#"{"role":"tool","tool_call_id":"t","content":"x"}"#,
            r#"{"role":"assistant","content":null,"tool_calls":[]}"#,
            r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}"#,
        ] {
            let (blame, error) = of(message).unwrap_err();
            assert_eq!(blame, Blame::Unsuited, "{error}");
            assert!(error.starts_with("unsupported_parameter") && error.contains("messages[0]."), "{error}");
        }
        assert_eq!(with(r#""n":2"#).unwrap_err().0, Blame::Unsuited);
    }

    #[test]
    fn what_is_wrong_everywhere_is_the_requests_fault() {
        assert_eq!(translated(r#"{"model":"m","messages":[]}"#).unwrap_err().0, Blame::Invalid);
        for fields in [r#""temperature":3"#, r#""top_p":0"#, r#""max_tokens":0"#, r#""stop":["1","2","3","4","5"]"#] {
            let (blame, error) = with(fields).unwrap_err();
            assert_eq!(blame, Blame::Invalid, "{error}");
        }
        assert_eq!(of(r#"{"role":"user"}"#).unwrap_err().0, Blame::Invalid);
    }
}
