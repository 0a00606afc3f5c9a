//! A whole answer.

use serde_json::value::RawValue;

use super::AssistantMessage;
use crate::Usage;

/// A whole answer.
#[derive(Debug, Clone, Default)]
pub struct ChatResponse {
    /// The provider's name for it, if it gave one.
    pub id: Option<String>,
    /// When it was made, in seconds since 1970, if the provider told.
    pub created: Option<u64>,
    /// The answers, one unless more were asked for.
    pub choices: Vec<Choice>,
    /// Tokens used, if the provider told.
    pub usage: Option<Usage>,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What the model says.
    pub message: AssistantMessage,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// Probabilities, in OpenAI's form.
    pub logprobs: Option<Box<RawValue>>,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// The model came to an end, or to a stop sequence.
    Stop,
    /// The limit of tokens was reached.
    Length,
    /// The model called tools.
    ToolCalls,
    /// What it said, or was asked, was withheld.
    ContentFilter,
}

impl FinishReason {
    /// The same, of an answer that called so many tools. Providers call an end what OpenAI calls `tool_calls`, and the other way round where
    /// the tools were not the caller's.
    #[must_use]
    pub(crate) const fn settled(self, calls: usize) -> Self {
        match self {
            Self::Stop if calls > 0 => Self::ToolCalls,
            Self::ToolCalls if calls == 0 => Self::Stop,
            reason => reason,
        }
    }

    /// OpenAI's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }
}
