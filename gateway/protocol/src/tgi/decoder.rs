//! A text as it is generated.

use std::borrow::Cow;

use serde::Deserialize;

use super::{details::Details, lines::Lines};
use crate::{
    chat::{Sink, StreamDecoder, StreamEvent, StreamFault},
    text::Text,
};

/// Reads the streams of TGI and LMI: one token a line, as a server-sent event or as bare JSON. The last one tells why the text ended.
#[derive(Debug, Default)]
pub struct GenerateDecoder {
    lines: Lines,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    has_started: bool,
    is_done: bool,
}

#[derive(Deserialize)]
struct Step<'a> {
    #[serde(borrow)]
    token: Option<Token<'a>>,
    #[serde(borrow)]
    details: Option<Details<'a>>,
    #[serde(borrow)]
    generated_text: Option<Text<'a>>,
    #[serde(borrow)]
    error: Option<Text<'a>>,
    #[serde(borrow)]
    error_type: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Token<'a> {
    #[serde(borrow, default)]
    text: Cow<'a, str>,
    /// Such as the end of a text; LMI calls it `special_token`.
    #[serde(default, alias = "special_token")]
    special: bool,
}

impl GenerateDecoder {
    /// A decoder at the start of a text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl StreamDecoder for GenerateDecoder {
    fn push(&mut self, piece: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        self.lines.push(piece, |line| self.state.line(line, sink))
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        self.lines.finish(|line| self.state.line(line, sink))?;
        if self.state.is_done { Ok(()) } else { Err(StreamFault::Cut) }
    }

    fn is_done(&self) -> bool {
        self.state.is_done
    }
}

impl State {
    fn line(&mut self, line: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let json = line.strip_prefix(b"data:").unwrap_or(line).trim_ascii();
        // Blank lines end events, a colon begins a comment, and nothing follows the end.
        if !json.starts_with(b"{") || self.is_done {
            return Ok(());
        }
        let step: Step<'_> = serde_json::from_slice(json).map_err(|error| StreamFault::Malformed(error.to_string()))?;
        if let Some(message) = step.error {
            let kind = step.error_type.as_deref().unwrap_or_default();
            return Err(StreamFault::Told { status: status(kind), message: message.to_string() });
        }
        if !std::mem::replace(&mut self.has_started, true) {
            sink.event(StreamEvent::Start { id: "" });
        }
        if let Some(token) = step.token.filter(|token| !token.special && !token.text.is_empty()) {
            sink.event(StreamEvent::Text { choice: 0, text: &token.text });
        }
        match &step.details {
            Some(details) => {
                let reason = details.finish_reason().ok_or_else(failed)?;
                self.end(StreamEvent::Finish { choice: 0, reason }, sink);
                if let Some(usage) = details.usage() {
                    sink.event(StreamEvent::Usage(usage));
                }
            }
            // The whole text comes with the last token, details or not.
            None if step.generated_text.is_some() => {
                self.end(StreamEvent::Finish { choice: 0, reason: crate::chat::FinishReason::Stop }, sink);
            }
            None => {}
        }
        Ok(())
    }

    fn end(&mut self, finish: StreamEvent<'_>, sink: &mut dyn Sink) {
        self.is_done = true;
        sink.event(finish);
    }
}

/// The HTTP status that a kind of error has before a stream.
fn status(kind: &str) -> u16 {
    match kind {
        "validation" => 422,
        "overloaded" => 429,
        "unhealthy" => 503,
        _ => 500,
    }
}

fn failed() -> StreamFault {
    StreamFault::Told { status: 500, message: "the model failed".to_owned() }
}
