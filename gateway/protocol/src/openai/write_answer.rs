//! Whole answers in OpenAI's form, written from the canonical form.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{Embedding, EmbeddingList, EncodingFormat, UsageBody, Vector, thought::THOUGHT_MARK};
use crate::{
    Embeddings, Usage,
    chat::{AssistantMessage, ChatResponse, Choice, Part, Reasoning, ToolCall},
    rerank::{RerankRequest, Reranked},
};

/// What an answer says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Identity<'a> {
    /// Unique, for an answer whose provider gave it none; the prefix that OpenAI uses (`chatcmpl-`, `cmpl-`) is put before it.
    pub id: &'a str,
    /// Seconds since 1970, where the provider did not tell.
    pub created: u64,
    /// The model, by the name that the caller used, whatever the provider calls it.
    pub model: &'a str,
}

impl Identity<'_> {
    fn id<'b>(&self, told: Option<&'b String>, prefix: &str) -> Cow<'b, str> {
        match told.filter(|id| !id.is_empty()) {
            Some(id) => Cow::Borrowed(id),
            None => Cow::Owned(format!("{prefix}{}", self.id)),
        }
    }
}

#[derive(Serialize)]
struct WireAnswer<'a, C> {
    id: Cow<'a, str>,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<C>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct WireChoice<'a> {
    index: usize,
    message: WireMessage<'a>,
    logprobs: Option<&'a RawValue>,
    finish_reason: &'static str,
}

/// What the model said. Beside OpenAI's own fields: the thoughts in words, and with their proofs where there are any.
#[derive(Serialize)]
pub(super) struct WireMessage<'a> {
    role: &'static str,
    content: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thinking_blocks: Vec<WireThinking<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<WireCall<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireThinking<'a> {
    Thinking { thinking: &'a str, signature: Option<&'a str> },
    RedactedThinking { data: &'a str },
}

#[derive(Serialize)]
struct WireCall<'a> {
    id: Cow<'a, str>,
    r#type: &'static str,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl<'a> WireMessage<'a> {
    /// As a client is told it.
    fn told(message: &'a AssistantMessage) -> Self {
        let is_signed = message.reasoning.iter().any(|thought| !matches!(thought, Reasoning::Text { signature: None, .. }));
        let thoughts = message.reasoning.iter().filter_map(|thought| match thought {
            Reasoning::Text { text, .. } if !text.is_empty() => Some(text.as_str()),
            _ => None,
        });
        Self {
            refusal: Some(message.refusal.as_deref()),
            reasoning_content: joined(thoughts),
            thinking_blocks: if is_signed { message.reasoning.iter().map(WireThinking::of).collect() } else { Vec::new() },
            tool_calls: message.tool_calls.iter().map(WireCall::signed).collect(),
            ..Self::plain(message)
        }
    }

    /// As OpenAI itself takes it back: without thoughts and their proofs.
    pub(super) fn plain(message: &'a AssistantMessage) -> Self {
        let text = joined(texts(&message.content));
        let may_be_silent = message.refusal.is_some() || !message.tool_calls.is_empty();
        Self {
            role: "assistant",
            content: if may_be_silent { text } else { Some(text.unwrap_or_default()) },
            refusal: message.refusal.as_deref().map(Some),
            reasoning_content: None,
            thinking_blocks: Vec::new(),
            tool_calls: message.tool_calls.iter().map(|call| WireCall::of(call, Cow::Borrowed(&call.id))).collect(),
        }
    }
}

/// The texts among parts.
pub(super) fn texts(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

/// One text of several, borrowed if there is but one.
pub(super) fn joined<'a>(mut texts: impl Iterator<Item = &'a str>) -> Option<Cow<'a, str>> {
    let first = texts.next()?;
    Some(texts.fold(Cow::Borrowed(first), |all, text| all + text))
}

impl<'a> WireThinking<'a> {
    fn of(thought: &'a Reasoning) -> Self {
        match thought {
            Reasoning::Text { text, signature } => Self::Thinking { thinking: text, signature: signature.as_deref() },
            Reasoning::Redacted(data) => Self::RedactedThinking { data },
        }
    }
}

impl<'a> WireCall<'a> {
    fn of(call: &'a ToolCall, id: Cow<'a, str>) -> Self {
        let arguments = if call.arguments.trim().is_empty() { "{}" } else { call.arguments.as_str() };
        Self { id, r#type: "function", function: WireFunction { name: &call.name, arguments } }
    }

    fn signed(call: &'a ToolCall) -> Self {
        match &call.signature {
            Some(signature) => Self::of(call, Cow::Owned(format!("{}{THOUGHT_MARK}{signature}", call.id))),
            None => Self::of(call, Cow::Borrowed(&call.id)),
        }
    }
}

/// Writes a `chat.completion`.
#[must_use]
pub fn write_chat(answer: &ChatResponse, identity: &Identity<'_>) -> Vec<u8> {
    let choices = answer.choices.iter().enumerate().map(|(index, choice)| WireChoice {
        index,
        message: WireMessage::told(&choice.message),
        logprobs: choice.logprobs.as_deref(),
        finish_reason: choice.finish_reason.as_str(),
    });
    written(&WireAnswer {
        id: identity.id(answer.id.as_ref(), "chatcmpl-"),
        object: "chat.completion",
        created: answer.created.unwrap_or(identity.created),
        model: identity.model,
        choices: choices.collect(),
        usage: answer.usage,
    })
}

#[derive(Serialize)]
struct WireCompletion<'a> {
    index: usize,
    text: Cow<'a, str>,
    logprobs: Option<&'a RawValue>,
    finish_reason: &'static str,
}

/// Writes a `text_completion`.
#[must_use]
pub fn write_completion(answer: &ChatResponse, identity: &Identity<'_>) -> Vec<u8> {
    let text = |choice: &Choice| -> String { texts(&choice.message.content).collect() };
    let choices = answer.choices.iter().enumerate().map(|(index, choice)| WireCompletion {
        index,
        text: Cow::Owned(text(choice)),
        logprobs: None,
        finish_reason: choice.finish_reason.as_str(),
    });
    written(&WireAnswer {
        id: identity.id(answer.id.as_ref(), "cmpl-"),
        object: "text_completion",
        created: answer.created.unwrap_or(identity.created),
        model: identity.model,
        choices: choices.collect(),
        usage: answer.usage,
    })
}

/// Writes a list of embeddings.
#[must_use]
pub fn write_embeddings(answer: &Embeddings, format: EncodingFormat, identity: &Identity<'_>) -> Vec<u8> {
    let data = answer.vectors.iter().enumerate().map(|(index, values)| Embedding {
        object: "embedding",
        index,
        embedding: Vector { values, format },
    });
    written(&EmbeddingList {
        object: "list",
        data: data.collect(),
        model: identity.model,
        usage: UsageBody::read(answer.usage.unwrap_or_default()),
    })
}

#[derive(Serialize)]
struct WireRerank<'a> {
    id: Cow<'a, str>,
    model: &'a str,
    results: Vec<WireRanked<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<UsageBody>,
}

#[derive(Serialize)]
struct WireRanked<'a> {
    index: usize,
    relevance_score: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<WireDocument<'a>>,
}

#[derive(Serialize)]
struct WireDocument<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct Meta {
    billed_units: BilledUnits,
}

#[derive(Serialize)]
struct BilledUnits {
    search_units: u64,
}

/// Writes the answer to a rerank request: Cohere's form, with `usage` beside it. No more than `top_n` results, with their documents if
/// those were asked for: not every provider does either.
#[must_use]
pub fn write_rerank(answer: &Reranked, request: &RerankRequest, identity: &Identity<'_>) -> Vec<u8> {
    let most = request.top_n.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    let results = answer.results.iter().take(most).map(|ranked| WireRanked {
        index: ranked.index,
        relevance_score: ranked.relevance_score,
        document: request
            .documents
            .get(ranked.index)
            .filter(|_| request.return_documents == Some(true))
            .map(|document| WireDocument { text: document.text() }),
    });
    written(&WireRerank {
        id: identity.id(answer.id.as_ref(), "rerank-"),
        model: identity.model,
        results: results.collect(),
        meta: answer.search_units.map(|search_units| Meta { billed_units: BilledUnits { search_units } }),
        usage: answer.usage.map(UsageBody::read),
    })
}

/// The JSON of an answer, which cannot fail: no map has keys that are no strings, and scores and vectors that are no numbers are
/// written as `null`.
fn written<T: Serialize>(answer: &T) -> Vec<u8> {
    serde_json::to_vec(answer).unwrap_or_default()
}
