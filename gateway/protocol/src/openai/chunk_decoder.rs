//! Reads OpenAI's server-sent events into canonical events.

use crate::chat::{Sink, StreamDecoder, StreamFault};

/// Reads `chat.completion.chunk` events of an OpenAI-shaped upstream.
#[derive(Debug, Default)]
pub struct ChunkDecoder {}

impl StreamDecoder for ChunkDecoder {
    fn push(&mut self, _piece: &[u8], _sink: &mut dyn Sink) -> Result<(), StreamFault> {
        Ok(())
    }

    fn finish(&mut self, _sink: &mut dyn Sink) -> Result<(), StreamFault> {
        Ok(())
    }

    fn is_done(&self) -> bool {
        false
    }
}
