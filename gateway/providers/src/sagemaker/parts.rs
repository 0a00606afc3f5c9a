//! A container's stream in event stream frames.

use serde::Deserialize;
use tradewind_protocol::{
    chat::{Sink, StreamDecoder, StreamFault},
    eventstream::{Decoder, Kind},
};

/// Unwraps the container's bytes and has them read by the decoder of its dialect.
///
/// A frame's payload is whatever the container had written by then: it may be cut within a line, or within a character.
#[derive(Debug)]
pub(super) struct PayloadParts<D> {
    frames: Decoder,
    container: D,
}

#[derive(Deserialize, Default)]
struct Exception {
    #[serde(rename = "Message", alias = "message")]
    message: Option<String>,
    #[serde(rename = "ErrorCode")]
    code: Option<String>,
}

impl<D> PayloadParts<D> {
    pub(super) fn new(container: D) -> Self {
        Self { frames: Decoder::new(), container }
    }
}

impl<D: StreamDecoder> StreamDecoder for PayloadParts<D> {
    fn push(&mut self, piece: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let mut rest = piece;
        while let Some(message) =
            self.frames.next_message(&mut rest).map_err(|error| StreamFault::Malformed(error.to_string()))?
        {
            match message.kind() {
                Kind::Event("PayloadPart") => self.container.push(message.payload(), sink)?,
                Kind::Event(_) | Kind::Unknown => {}
                Kind::Exception(name) => return Err(fault(name, message.payload())),
                Kind::Error { code, message } => {
                    return Err(StreamFault::Told { status: 500, message: format!("{code}: {message}") });
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        if self.frames.is_between_messages() { self.container.finish(sink) } else { Err(StreamFault::Cut) }
    }

    fn is_done(&self) -> bool {
        self.container.is_done()
    }
}

/// `ModelStreamError` tells what broke by a code, `InternalStreamFailure` nothing.
fn fault(name: &str, payload: &[u8]) -> StreamFault {
    // Without words, the name has to do.
    let exception: Exception = serde_json::from_slice(payload).unwrap_or_default();
    let status = match exception.code.as_deref() {
        Some("ModelInvocationTimeExceeded") => 504,
        _ => 500,
    };
    StreamFault::Told { status, message: exception.message.or(exception.code).unwrap_or_else(|| name.to_owned()) }
}
