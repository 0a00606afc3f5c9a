//! A streamed answer of InvokeModelWithResponseStream from Claude: Anthropic's events in event stream frames.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::exception;
use crate::{
    anthropic::EventDecoder,
    chat::{Sink, StreamDecoder, StreamFault},
    eventstream::{Decoder, Kind},
};

/// Unwraps the events of Claude's own dialect and has them read there.
///
/// Each frame is a `chunk` whose payload is `{"bytes": "BASE64 OF ONE JSON EVENT"}`, sometimes with padding beside it.
#[derive(Debug, Default)]
pub struct InvokeDecoder {
    frames: Decoder,
    events: EventDecoder,
    /// The event that is being handed on; kept for its memory.
    event: Vec<u8>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    bytes: Cow<'a, str>,
}

impl InvokeDecoder {
    /// A decoder at the start of an answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl StreamDecoder for InvokeDecoder {
    fn push(&mut self, piece: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let malformed = |error: &dyn std::fmt::Display| StreamFault::Malformed(error.to_string());
        let mut rest = piece;
        while let Some(message) = self.frames.next_message(&mut rest).map_err(|error| malformed(&error))? {
            match message.kind() {
                Kind::Event("chunk") => {
                    let chunk: Chunk<'_> = serde_json::from_slice(message.payload()).map_err(|error| malformed(&error))?;
                    self.event.clear();
                    STANDARD.decode_vec(chunk.bytes.as_bytes(), &mut self.event).map_err(|error| malformed(&error))?;
                    self.events.event(&self.event, sink)?;
                }
                Kind::Event(_) | Kind::Unknown => {}
                Kind::Exception(name) => return Err(exception::fault(name, message.payload())),
                Kind::Error { code, message } => return Err(exception::unmodelled(code, message)),
            }
        }
        Ok(())
    }

    fn finish(&mut self, _sink: &mut dyn Sink) -> Result<(), StreamFault> {
        if self.frames.is_between_messages() { self.events.finish() } else { Err(StreamFault::Cut) }
    }

    fn is_done(&self) -> bool {
        self.events.is_done()
    }
}
