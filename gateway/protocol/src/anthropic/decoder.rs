//! Streamed answers.
//!
//! A stream is a `message_start`, blocks of content (each with a start, deltas and a stop), a `message_delta` with the reason of the end and
//! the final counts, and a `message_stop`. OpenAI numbers the calls of tools alone, so blocks are mapped to calls. The end is told only when
//! `message_stop` has come: an answer that was cut must not look like a whole one.

use super::{
    answer::Block,
    error::{ApiError, status_of},
    event::{Delta, Event, Kind, is_known},
    stop_reason,
    usage::Counts,
};
use crate::{
    chat::{ANSWER_TOOL, FinishReason, Sink, StreamDecoder, StreamEvent, StreamFault},
    sse,
    text::from_json,
};

/// How many blocks may be open at once. Real streams have one; this bounds what a hostile one makes us hold.
const MOST_OPEN_BLOCKS: usize = 256;

/// Reads the events of a stream one by one, whatever framed them: server-sent events, or Bedrock's `chunk` frames.
#[derive(Debug, Default)]
pub struct EventDecoder {
    has_started: bool,
    is_done: bool,
    /// The open blocks that are calls of tools, or of kinds that are skipped, by their number.
    open: Vec<(u64, Open)>,
    /// How many tools were called.
    calls: u32,
    finish: Option<FinishReason>,
    usage: Option<Counts>,
}

/// An open block of content.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Open {
    /// A call: its number, and what stood for its arguments at the start, to be told if nothing else comes.
    Call { index: u32, arguments: Option<Box<str>> },
    /// The call whose arguments are the answer, likewise.
    Answer { arguments: Option<Box<str>> },
    /// What a tool on the provider's own side does.
    Skipped,
}

impl Open {
    /// How many bytes are kept of it.
    fn held(&self) -> usize {
        match self {
            Self::Call { arguments, .. } | Self::Answer { arguments } => {
                arguments.as_ref().map_or(0, |arguments| arguments.len())
            }
            Self::Skipped => 0,
        }
    }
}

impl EventDecoder {
    /// A decoder at the start of an answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the JSON of one event. What follows the end is ignored.
    ///
    /// # Errors
    /// [`StreamFault`]: the event tells of an error, or is none of this dialect.
    pub fn event(&mut self, json: &[u8], sink: &mut (impl Sink + ?Sized)) -> Result<(), StreamFault> {
        if self.is_done || json.is_empty() || json == b"[DONE]" {
            return Ok(());
        }
        let mut read = from_json::<Event<'_>>(json);
        let event = match &mut read {
            Ok(event) => event,
            Err(error) => return skip_unknown(json, error),
        };
        match &*event.r#type {
            "message_start" => {
                let head = event.message.as_ref().ok_or_else(|| malformed("`message_start` without a message"))?;
                if !self.has_started {
                    self.has_started = true;
                    sink.event(StreamEvent::Start { id: &head.id });
                }
                self.count(head.usage);
            }
            "content_block_start" => {
                let (index, block) =
                    event.index.zip(event.content_block.as_ref()).ok_or_else(|| malformed("a block without a start"))?;
                self.start_block(index, block, sink)?;
            }
            "content_block_delta" => {
                let (index, delta) = event.index.zip(event.delta.as_ref()).ok_or_else(|| malformed("a delta without content"))?;
                self.delta(index, delta, sink)?;
            }
            "content_block_stop" => {
                let index = event.index.ok_or_else(|| malformed("the end of no block"))?;
                if let Some(place) = self.open.iter().position(|(open, _)| *open == index) {
                    close(self.open.swap_remove(place).1, sink);
                }
            }
            "message_delta" => {
                self.check_started()?;
                self.count(event.usage.as_deref().copied());
                if let Some(delta) = &event.delta {
                    self.end(delta, sink);
                }
            }
            "message_stop" => self.stop(sink)?,
            "error" => {
                let told = event
                    .error
                    .take()
                    .map_or(ApiError { kind: String::new(), message: String::new() }, |detail| ApiError::from(*detail));
                return Err(StreamFault::Told { status: status_of(&told.kind), message: told.message });
            }
            _ => {}
        }
        Ok(())
    }

    /// The body has ended.
    ///
    /// # Errors
    /// [`StreamFault::Cut`], where the answer has not.
    pub fn finish(&self) -> Result<(), StreamFault> {
        if self.is_done { Ok(()) } else { Err(StreamFault::Cut) }
    }

    /// Whether the answer has come to its proper end.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        self.is_done
    }

    fn start_block(&mut self, index: u64, block: &Block<'_>, sink: &mut (impl Sink + ?Sized)) -> Result<(), StreamFault> {
        self.check_started()?;
        match &*block.r#type {
            "text" => text(&block.text, sink),
            "thinking" => {
                reasoning(&block.thinking, sink);
                signature(&block.signature, sink);
            }
            "redacted_thinking" if block.data.is_empty() => {}
            "redacted_thinking" => sink.event(StreamEvent::RedactedReasoning { choice: 0, data: &block.data }),
            "tool_use" if &*block.name == ANSWER_TOOL => self.open(index, Open::Answer { arguments: Some(arguments(block)) })?,
            "tool_use" => {
                let (id, name) = block.id.text().zip(block.name.text()).ok_or_else(|| malformed("a call without id or name"))?;
                let call = self.calls;
                self.calls = call.saturating_add(1);
                self.open(index, Open::Call { index: call, arguments: Some(arguments(block)) })?;
                sink.event(StreamEvent::ToolCall { choice: 0, index: call, id, name, signature: None });
            }
            _ => self.open(index, Open::Skipped)?,
        }
        Ok(())
    }

    fn open(&mut self, index: u64, block: Open) -> Result<(), StreamFault> {
        let held = |(_, block): &(u64, Open)| block.held();
        if self.open.iter().map(held).sum::<usize>().saturating_add(block.held()) > sse::MAX_EVENT_BYTES {
            return Err(malformed("the calls that have begun hold more than one event may"));
        }
        if self.open.len() >= MOST_OPEN_BLOCKS || self.open.iter().any(|(other, _)| *other == index) {
            return Err(malformed("a block was begun before others had ended"));
        }
        self.open.push((index, block));
        Ok(())
    }

    fn delta(&mut self, index: u64, delta: &Delta<'_>, sink: &mut (impl Sink + ?Sized)) -> Result<(), StreamFault> {
        self.check_started()?;
        let open = self.open.iter_mut().find(|(open, _)| *open == index).map(|(_, open)| open);
        match (&*delta.r#type, open) {
            (_, Some(Open::Skipped)) => {}
            ("text_delta", _) => text(&delta.text, sink),
            ("thinking_delta", _) => reasoning(&delta.thinking, sink),
            ("signature_delta", _) => signature(&delta.signature, sink),
            ("input_json_delta", _) if delta.partial_json.is_empty() => {}
            ("input_json_delta", Some(Open::Call { index, arguments })) => {
                *arguments = None;
                sink.event(StreamEvent::ToolArguments { choice: 0, index: *index, fragment: &delta.partial_json });
            }
            ("input_json_delta", Some(Open::Answer { arguments })) => {
                *arguments = None;
                text(&delta.partial_json, sink);
            }
            ("input_json_delta", None) => return Err(malformed("arguments of no call")),
            _ => {}
        }
        Ok(())
    }

    /// The model has come to an end; what is said of it.
    fn end(&mut self, delta: &Delta<'_>, sink: &mut (impl Sink + ?Sized)) {
        let explanation = delta.stop_details.as_ref().and_then(|details| details.explanation.text());
        if let Some(text) = explanation.filter(|_| self.finish.is_none()) {
            sink.event(StreamEvent::Refusal { choice: 0, text });
        }
        if let Some(reason) = delta.stop_reason.text() {
            self.finish = Some(stop_reason::finish_reason(reason));
        }
    }

    fn stop(&mut self, sink: &mut (impl Sink + ?Sized)) -> Result<(), StreamFault> {
        self.check_started()?;
        for (_, open) in self.open.drain(..) {
            close(open, sink);
        }
        let calls = usize::try_from(self.calls).unwrap_or(usize::MAX);
        let reason = self.finish.unwrap_or(FinishReason::Stop).settled(calls);
        sink.event(StreamEvent::Finish { choice: 0, reason });
        if let Some(counts) = self.usage {
            sink.event(StreamEvent::Usage(counts.into()));
        }
        self.is_done = true;
        Ok(())
    }

    fn count(&mut self, counts: Option<Counts>) {
        if let Some(counts) = counts {
            self.usage.get_or_insert_default().update(counts);
        }
    }

    fn check_started(&self) -> Result<(), StreamFault> {
        if self.has_started { Ok(()) } else { Err(malformed("content before `message_start`")) }
    }
}

/// An event in an unexpected form: an error, unless it is of a kind that is not known anyway.
fn skip_unknown(json: &[u8], error: &serde_json::Error) -> Result<(), StreamFault> {
    match serde_json::from_slice::<Kind<'_>>(json) {
        Ok(kind) if !is_known(&kind.r#type) => Ok(()),
        _ => Err(malformed(error)),
    }
}

/// Ends a block: a call whose arguments did not come gets those of its start.
fn close(open: Open, sink: &mut (impl Sink + ?Sized)) {
    match open {
        Open::Call { index, arguments: Some(fragment) } => {
            sink.event(StreamEvent::ToolArguments { choice: 0, index, fragment: &fragment });
        }
        Open::Answer { arguments: Some(arguments) } => text(&arguments, sink),
        Open::Call { .. } | Open::Answer { .. } | Open::Skipped => {}
    }
}

fn text(text: &str, sink: &mut (impl Sink + ?Sized)) {
    if !text.is_empty() {
        sink.event(StreamEvent::Text { choice: 0, text });
    }
}

fn reasoning(text: &str, sink: &mut (impl Sink + ?Sized)) {
    if !text.is_empty() {
        sink.event(StreamEvent::Reasoning { choice: 0, text });
    }
}

fn signature(signature: &str, sink: &mut (impl Sink + ?Sized)) {
    if !signature.is_empty() {
        sink.event(StreamEvent::ReasoningSignature { choice: 0, signature });
    }
}

/// The arguments that stand at the start of a call; as a rule `{}`, with the real ones to follow in pieces.
fn arguments(block: &Block<'_>) -> Box<str> {
    block.input.map_or("{}", |input| input.get()).into()
}

fn malformed(what: impl ToString) -> StreamFault {
    StreamFault::Malformed(what.to_string())
}

/// Reads a stream framed as server-sent events.
#[derive(Debug, Default)]
pub struct Decoder {
    framing: sse::Decoder,
    events: EventDecoder,
}

impl Decoder {
    /// A decoder at the start of a body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl StreamDecoder for Decoder {
    fn push(&mut self, piece: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let mut outcome = Ok(());
        let framed = self.framing.push(piece, |event| {
            if outcome.is_ok() {
                outcome = self.events.event(event.data, sink);
            }
        });
        outcome?;
        framed.map(|_| ()).map_err(malformed)
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let mut outcome = Ok(());
        self.framing.finish(|event| {
            if outcome.is_ok() {
                outcome = self.events.event(event.data, sink);
            }
        });
        outcome?;
        self.events.finish()
    }

    fn is_done(&self) -> bool {
        self.events.is_done()
    }
}
