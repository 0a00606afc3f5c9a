//! Chat: OpenAI's request becomes the engine's, and the engine's text OpenAI's answer.

use serde::Serialize;
use tokio::time::Instant;
use tradewind_models::{
    ChatEngine,
    chat::{self, Finish, LikelyToken, TokenLikelihood},
};
use tradewind_protocol::{
    Usage,
    openai::{
        ChatCompletion, ChatRequest, Choice, FinishReason, Logprob, Logprobs, Reply, ReplyCall, ReplyFunction, TokenLogprob,
        UsageBody,
    },
};

use super::{
    chat_events::ChatWriter,
    chat_form::Form,
    chat_request::translate,
    events::Events,
    generations::{Gathered, Generations},
    parse,
};
use crate::{
    backend::Attempt,
    error::Kind,
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
    let logprobs = Told::if_any(request.logprobs);
    let generations = Generations::begin(engine, vec![request], "messages").await?;
    let label = Label::of(&attempt, "chatcmpl-");
    if inference.head().stream {
        let writer = ChatWriter { label, include_usage: inference.head().include_usage, logprobs };
        Ok(Answer::events(Box::pin(Events::new(generations, writer, inference))))
    } else {
        collect(generations, logprobs, &label).await.map(Answer::whole)
    }
}

/// Whether an answer says how likely its tokens were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Yes,
    No,
}

impl Told {
    pub(super) fn if_any(logprobs: Option<usize>) -> Self {
        if logprobs.is_some() { Self::Yes } else { Self::No }
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
    pub(super) fn of(attempt: &Attempt, prefix: &str) -> Self {
        let context = &attempt.inference.context;
        let created = context.received().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { id: format!("{prefix}{}", context.id()), created, model: attempt.inference.head().model.to_string() }
    }

    /// The id of a call.
    pub(super) fn call(&self, choice: usize, call: usize) -> String {
        format!("call_{}_{choice}_{call}", self.id.trim_start_matches("chatcmpl-"))
    }
}

/// Whose request it is. All have the same part of an engine.
pub(super) fn tenant_of(attempt: &Attempt) -> chat::Tenant {
    let principal = attempt.inference.context.principal();
    let name = principal.map(|principal| principal.tenant.as_str().into()).unwrap_or_default();
    chat::Tenant { name, ..chat::Tenant::default() }
}

async fn collect(generations: Generations, logprobs: Told, label: &Label) -> Result<Whole, Failure> {
    let (gathered, usage) = generations.gather().await?;
    let usage = usage_of(usage);
    let choices = (0..).zip(gathered.iter().enumerate()).filter_map(|(index, (choice, answer))| {
        let message = reply(answer, choice, label);
        // An engine that is done has finished every answer.
        let finish_reason = reason(answer.finish?);
        let logprobs = (logprobs == Told::Yes).then(|| logprobs_of(&answer.tokens));
        Some(Choice { index, message, logprobs, finish_reason })
    });
    let completion = ChatCompletion {
        id: &label.id,
        object: "chat.completion",
        created: label.created,
        model: &label.model,
        choices: choices.collect(),
        usage: UsageBody::generated(usage),
    };
    whole(&completion, usage)
}

fn reply<'a>(answer: &'a Gathered, choice: usize, label: &Label) -> Reply<'a> {
    let calls = answer.calls.iter().enumerate().map(|(place, (name, arguments))| ReplyCall {
        id: label.call(choice, place),
        r#type: "function",
        function: ReplyFunction { name, arguments },
    });
    let content = (answer.calls.is_empty() || !answer.text.is_empty()).then_some(answer.text.as_str());
    Reply { role: "assistant", content, refusal: None, tool_calls: calls.collect() }
}

/// A document as a whole answer.
pub(super) fn whole(document: &impl Serialize, usage: Usage) -> Result<Whole, Failure> {
    let body = serde_json::to_vec(document).map_err(|error| Failure::backend(Kind::Internal, error.to_string()))?;
    Ok(Whole { status: http::StatusCode::OK, body: body.into(), usage: Some(usage) })
}

/// How likely tokens were, in OpenAI's form.
pub(super) fn logprobs_of(tokens: &[TokenLikelihood]) -> Logprobs {
    Logprobs { content: token_logprobs(tokens), refusal: None }
}

/// The same, token by token.
pub(super) fn token_logprobs(tokens: &[TokenLikelihood]) -> Vec<TokenLogprob> {
    let logprob = |token: &LikelyToken| Logprob::new(token.bytes.clone(), f64::from(token.logprob));
    let told = |token: &TokenLikelihood| TokenLogprob {
        chosen: logprob(&token.chosen),
        top_logprobs: token.top.iter().map(logprob).collect(),
    };
    tokens.iter().map(told).collect()
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
