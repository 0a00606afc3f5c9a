//! Chat: OpenAI's request becomes the engine's, and the engine's text OpenAI's answer.

use tokio::time::Instant;
use tradewind_models::{
    ChatEngine,
    chat::{self, Event, Finish, GenerateError, Generation, LikelyToken, TokenLikelihood},
};
use tradewind_protocol::{
    Usage,
    openai::{
        ChatCompletion, ChatRequest, Choice, FinishReason, Logprob, Logprobs, Reply, ReplyCall, ReplyFunction, TokenLogprob,
        UsageBody,
    },
};

use super::{chat_events::ChatEvents, chat_form::Form, chat_request::translate, not_taken, parse};
use crate::{
    backend::Attempt,
    error::{Error, Kind},
    inference::{Answer, Failure, Whole},
};

/// Generates the answer to `attempt`.
pub(super) async fn answer(engine: &ChatEngine, attempt: Attempt) -> Result<Answer, Failure> {
    let inference = &attempt.inference;
    let request: ChatRequest = parse(inference.payload.body())?;
    let deadline = Instant::now().checked_add(inference.context.remaining());
    let form = Form::of(&request)?;
    let request = chat::ChatRequest { tenant: tenant_of(&attempt), deadline, ..translate(request)? };
    let request = form.fit(request, engine).await?;
    let asked = Asked { choices: request.choices.get(), logprobs: request.logprobs.is_some() };
    let mut generation = engine.submit(request).map_err(not_taken)?;
    // Until there is text, nothing has been promised, and another backend may be asked.
    let first = first_event(&mut generation).await?;
    if inference.head().stream {
        Ok(Answer::events(Box::pin(ChatEvents::new(generation, first, asked, &attempt))))
    } else {
        collect(generation, first, &asked, &attempt).await.map(Answer::whole)
    }
}

/// What of a request shapes its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// How many answers.
    pub(super) choices: usize,
    /// Whether with each the likelihood of its tokens.
    pub(super) logprobs: bool,
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

    /// The id of a call.
    pub(super) fn call(&self, choice: usize, call: usize) -> String {
        format!("call_{}_{choice}_{call}", self.id.trim_start_matches("chatcmpl-"))
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

/// Whose request it is. All have the same part of an engine.
fn tenant_of(attempt: &Attempt) -> chat::Tenant {
    let principal = attempt.inference.context.principal();
    let name = principal.map(|principal| principal.tenant.as_str().into()).unwrap_or_default();
    chat::Tenant { name, ..chat::Tenant::default() }
}

/// One of the answers.
#[derive(Debug, Default)]
struct Gathered {
    text: String,
    tokens: Vec<TokenLikelihood>,
    /// Names and arguments.
    calls: Vec<(String, String)>,
    finish: Option<Finish>,
}

impl Gathered {
    fn reply(&self, choice: usize, label: &Label) -> Reply<'_> {
        let calls = self.calls.iter().enumerate().map(|(place, (name, arguments))| ReplyCall {
            id: label.call(choice, place),
            r#type: "function",
            function: ReplyFunction { name, arguments },
        });
        let content = (self.calls.is_empty() || !self.text.is_empty()).then_some(self.text.as_str());
        Reply { role: "assistant", content, refusal: None, tool_calls: calls.collect() }
    }
}

async fn collect(mut generation: Generation, first: Event, asked: &Asked, attempt: &Attempt) -> Result<Whole, Failure> {
    let mut gathered: Vec<Gathered> = std::iter::repeat_with(Gathered::default).take(asked.choices).collect();
    let mut next = Some(first);
    let usage = loop {
        match next {
            Some(Event::Started { .. }) => {}
            Some(Event::Text { choice, text, tokens }) => {
                if let Some(answer) = gathered.get_mut(choice) {
                    answer.text.push_str(&text);
                    answer.tokens.extend(tokens);
                }
            }
            Some(Event::Call { choice, name, .. }) => {
                if let Some(answer) = gathered.get_mut(choice) {
                    answer.calls.push((name, String::new()));
                }
            }
            Some(Event::Arguments { choice, json, .. }) => {
                if let Some((_, arguments)) = gathered.get_mut(choice).and_then(|answer| answer.calls.last_mut()) {
                    arguments.push_str(&json);
                }
            }
            Some(Event::Finished { choice, finish }) => {
                if let Some(answer) = gathered.get_mut(choice) {
                    answer.finish = Some(finish);
                }
            }
            Some(Event::Done { usage }) => break usage_of(usage),
            Some(Event::Failed(error)) => return Err(failure(error)),
            None => return Err(failure(GenerateError::Stopped)),
        }
        next = generation.next().await;
    };
    let label = Label::of(attempt);
    let choices = (0..).zip(gathered.iter().enumerate()).filter_map(|(index, (choice, answer))| {
        let message = answer.reply(choice, &label);
        // An engine that is done has finished every answer.
        let finish_reason = reason(answer.finish?);
        Some(Choice { index, message, logprobs: asked.logprobs.then(|| logprobs_of(&answer.tokens)), finish_reason })
    });
    let completion = ChatCompletion {
        id: &label.id,
        object: "chat.completion",
        created: label.created,
        model: &label.model,
        choices: choices.collect(),
        usage: UsageBody::generated(usage),
    };
    let body = serde_json::to_vec(&completion).map_err(|error| Failure::backend(Kind::Internal, error.to_string()))?;
    Ok(Whole { status: http::StatusCode::OK, body: body.into(), usage: Some(usage) })
}

/// How likely tokens were, in OpenAI's form.
pub(super) fn logprobs_of(tokens: &[TokenLikelihood]) -> Logprobs {
    let logprob = |token: &LikelyToken| Logprob::new(token.bytes.clone(), f64::from(token.logprob));
    let content = tokens
        .iter()
        .map(|token| TokenLogprob { chosen: logprob(&token.chosen), top_logprobs: token.top.iter().map(logprob).collect() });
    Logprobs { content: content.collect(), refusal: None }
}

pub(super) const fn reason(finish: Finish) -> FinishReason {
    match finish {
        Finish::Stop => FinishReason::Stop,
        Finish::Length => FinishReason::Length,
        Finish::Calls => FinishReason::ToolCalls,
    }
}

pub(super) const fn usage_of(usage: chat::Usage) -> Usage {
    let cached_tokens = usage.cached_tokens as u64;
    Usage { cached_tokens, ..Usage::new(usage.prompt_tokens as u64, usage.completion_tokens as u64) }
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
        GenerateError::UnknownToken { .. } => {
            Failure::unsuited(Error::new(Kind::InvalidRequest, sentence).with_param("logit_bias"))
        }
        GenerateError::Constraint(_) => Failure::unsuited(Error::new(Kind::UnsupportedParameter, sentence)),
        GenerateError::DeadlineExceeded | GenerateError::NotRead(_) => Failure::backend(Kind::Timeout, sentence),
        GenerateError::Forward(_) | GenerateError::Sample(_) | GenerateError::Panicked(_) | GenerateError::Stopped => {
            Failure::backend(Kind::UpstreamFailed, sentence)
        }
    }
}
