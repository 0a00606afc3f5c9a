//! What a caller asks of the chat engine.

use tokio::time::Instant;

use crate::sample::Sampling;
use crate::template::Message;

/// One conversation to continue.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// How to choose tokens.
    pub sampling: Sampling,
    /// The answer ends before the first of these strings that it would contain; empty ones are ignored.
    pub stop: Vec<String>,
    /// The most tokens to generate; without it, as many as the model's context has room for.
    pub max_tokens: Option<usize>,
    /// When the answer is of no use any more.
    pub deadline: Option<Instant>,
}

/// What a turn adds beside its content, as if it were text: templates name the role and mark both ends.
const TURN: usize = 16;

impl ChatRequest {
    /// The size of the conversation, from which its tokens are estimated.
    pub(super) fn bytes(&self) -> usize {
        bytes(&self.messages)
    }
}

/// The size of a conversation.
pub(super) fn bytes(messages: &[Message]) -> usize {
    messages.iter().map(|message| message.content.len() + TURN).sum()
}
