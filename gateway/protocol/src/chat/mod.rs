//! The canonical chat form: what lies between a client's dialect and a backend's.
//!
//! With N client dialects and M backend dialects there are N + M conversions: each client dialect is read into a [`ChatRequest`] and
//! written from a [`ChatResponse`] or from [`StreamEvent`]s, and each backend dialect the other way round. It is as wide as OpenAI's Chat
//! Completions, plus what other dialects have and applications need: signed reasoning and cache points. A field that a target cannot
//! honour is noted in [`Dropped`] or refused with a [`ConvertError`], never ignored in silence.

mod dropped;
mod request;
mod response;
mod stream;
mod turns;

pub use dropped::Dropped;
pub use request::{
    AssistantMessage, CachePoint, ChatRequest, Effort, Image, Media, Message, Part, Reasoning, ResponseFormat, Sampling, Tool,
    ToolCall, ToolChoice,
};
pub use response::{ChatResponse, Choice, FinishReason};
pub use stream::{Sink, StreamDecoder, StreamEvent, StreamFault};
pub(crate) use turns::is_blank;
pub use turns::{Conversation, Turn, TurnItem};

use crate::Capabilities;

/// The tool whose arguments are the answer, where a model keeps to a schema in no other way. Callers may not name a tool so: the name
/// alone tells such an answer from a call.
pub(crate) const ANSWER_TOOL: &str = "tradewind_json_answer";

/// Whom a request is converted for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// What the backend calls the model.
    pub model: &'a str,
    /// What the model can do.
    pub capabilities: &'a Capabilities,
}

/// Why a request cannot be put into a dialect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// It asks for what this target does not offer; another may.
    #[error("{message}")]
    Unsupported {
        /// The field at fault, such as `messages[2].content[0].image_url`.
        param: String,
        /// What is wrong and what is accepted: a sentence.
        message: String,
    },
    /// It is wrong, wherever it goes.
    #[error("{message}")]
    Invalid {
        /// The field at fault.
        param: String,
        /// What is wrong and what is accepted: a sentence.
        message: String,
    },
}

impl ConvertError {
    /// The target does not offer this.
    pub fn unsupported(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Unsupported { param: param.into(), message: message.into() }
    }

    /// Nobody would take this.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { param: param.into(), message: message.into() }
    }
}
