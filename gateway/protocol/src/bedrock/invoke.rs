//! A streamed answer of InvokeModelWithResponseStream: another dialect's events in event stream frames.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;

use super::exception;
use crate::{
    chat::{Sink, StreamDecoder, StreamFault},
    eventstream::{Decoder, Kind},
};

/// Unwraps the events of a model's own dialect and has them read by the decoder of that dialect, which takes server-sent events.
///
/// Each frame is a `chunk` whose payload is `{"bytes": "BASE64 OF ONE JSON EVENT"}`, sometimes with padding beside it.
#[derive(Debug)]
pub struct InvokeDecoder<D> {
    frames: Decoder,
    inner: D,
    /// The event that is being handed on; kept for its memory.
    event: Vec<u8>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    bytes: Cow<'a, str>,
}

impl<D> InvokeDecoder<D> {
    /// A decoder at the start of an answer that `inner` understands.
    pub fn new(inner: D) -> Self {
        Self { frames: Decoder::new(), inner, event: Vec::new() }
    }
}

impl<D: StreamDecoder> StreamDecoder for InvokeDecoder<D> {
    fn push(&mut self, piece: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let malformed = |error: &dyn std::fmt::Display| StreamFault::Malformed(error.to_string());
        let mut rest = piece;
        while let Some(message) = self.frames.next_message(&mut rest).map_err(|error| malformed(&error))? {
            match message.kind() {
                Kind::Event("chunk") => {
                    let chunk: Chunk<'_> = serde_json::from_slice(message.payload()).map_err(|error| malformed(&error))?;
                    self.event.clear();
                    self.event.extend_from_slice(b"data: ");
                    STANDARD.decode_vec(chunk.bytes.as_bytes(), &mut self.event).map_err(|error| malformed(&error))?;
                    // Between JSON's tokens a line may break; in a server-sent event it would end there.
                    self.event.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
                    self.event.extend_from_slice(b"\n\n");
                    self.inner.push(&self.event, sink)?;
                }
                Kind::Event(_) | Kind::Unknown => {}
                Kind::Exception(name) => return Err(exception::fault(name, message.payload())),
                Kind::Error { code, message } => {
                    return Err(StreamFault::Told { status: 500, message: format!("{code}: {message}") });
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        if self.frames.is_between_messages() { self.inner.finish(sink) } else { Err(StreamFault::Cut) }
    }

    fn is_done(&self) -> bool {
        self.inner.is_done()
    }
}
