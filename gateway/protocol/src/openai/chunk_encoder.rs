//! Writes a streamed answer as OpenAI's server-sent events.

use bytes::Bytes;

use super::Identity;
use crate::{
    Usage,
    chat::{Sink, StreamEvent},
};

/// Which events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `chat.completion.chunk`.
    Chat,
    /// `text_completion`.
    Completion,
}

/// Writes `chat.completion.chunk` events (or `text_completion` ones) from [`StreamEvent`]s.
#[derive(Debug)]
pub struct ChunkEncoder {}

impl ChunkEncoder {
    /// An encoder at the start of an answer. `include_usage` is what the caller asked for in `stream_options`.
    #[must_use]
    pub fn new(_framing: Framing, _identity: &Identity<'_>, _include_usage: bool) -> Self {
        Self {}
    }

    /// The events written since the last call: whole ones only; empty if there are none.
    #[must_use]
    pub fn take(&mut self) -> Bytes {
        Bytes::new()
    }

    /// The answer is complete: writes what remains, the usage if it was asked for, and `[DONE]`.
    pub fn end(&mut self) {}

    /// Whether any content (text, tool call, refusal, reasoning) was written.
    #[must_use]
    pub const fn has_content(&self) -> bool {
        false
    }

    /// The token counts, if the stream told them.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        None
    }
}

impl Sink for ChunkEncoder {
    fn event(&mut self, _event: StreamEvent<'_>) {}
}
