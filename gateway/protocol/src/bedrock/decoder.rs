//! A streamed answer of ConverseStream.

use std::borrow::Cow;

use serde::Deserialize;

use super::{ToolNames, exception, stop_reason::finish_reason, usage::TokenUsage};
use crate::{
    chat::{ANSWER_TOOL, Sink, StreamDecoder, StreamEvent, StreamFault},
    eventstream::{Decoder, Kind, Message},
    text::Text,
};

/// Reads the events of ConverseStream.
///
/// Blocks of content come one after another. Only those of tools are announced; texts and thoughts just begin. Converse numbers all
/// blocks, while canonical calls are numbered by themselves, so the decoder keeps the one that is open.
#[derive(Debug, Default)]
pub struct ConverseDecoder {
    frames: Decoder,
    state: State,
}

#[derive(Debug, Default)]
struct State {
    names: ToolNames,
    has_started: bool,
    open: Option<OpenTool>,
    /// How many calls have begun.
    calls: u32,
    has_stopped: bool,
    has_usage: bool,
}

/// The tool block that has begun and not ended.
#[derive(Debug, Clone, Copy)]
struct OpenTool {
    block: u64,
    purpose: Purpose,
    has_arguments: bool,
}

/// What becomes of the arguments.
#[derive(Debug, Clone, Copy)]
enum Purpose {
    /// They are those of the call of this number.
    Call(u32),
    /// They are the text of the answer.
    Answer,
    /// Nothing: Bedrock itself calls.
    Skipped,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStart<'a> {
    #[serde(default)]
    content_block_index: u64,
    #[serde(borrow)]
    start: Start<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    #[serde(borrow)]
    tool_use: Option<ToolStart<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolStart<'a> {
    #[serde(borrow)]
    tool_use_id: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    r#type: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockDelta<'a> {
    #[serde(default)]
    content_block_index: u64,
    #[serde(borrow)]
    delta: Delta<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delta<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    tool_use: Option<ToolDelta<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Box<ReasoningDelta<'a>>>,
}

#[derive(Deserialize)]
struct ToolDelta<'a> {
    #[serde(borrow)]
    input: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReasoningDelta<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
    #[serde(borrow)]
    redacted_content: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStop {
    #[serde(default)]
    content_block_index: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageStop<'a> {
    #[serde(borrow)]
    stop_reason: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Metadata {
    usage: Option<TokenUsage>,
}

impl ConverseDecoder {
    /// A decoder at the start of an answer; tools get back the names that the caller gave them.
    #[must_use]
    pub fn new(names: ToolNames) -> Self {
        Self { frames: Decoder::new(), state: State { names, ..State::default() } }
    }
}

impl StreamDecoder for ConverseDecoder {
    fn push(&mut self, piece: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let mut rest = piece;
        while let Some(message) =
            self.frames.next_message(&mut rest).map_err(|error| StreamFault::Malformed(error.to_string()))?
        {
            self.state.read(&message, sink)?;
        }
        Ok(())
    }

    fn finish(&mut self, _sink: &mut dyn Sink) -> Result<(), StreamFault> {
        // The counts come after the end of the answer: without them it is complete all the same.
        if self.state.has_stopped && self.frames.is_between_messages() { Ok(()) } else { Err(StreamFault::Cut) }
    }

    fn is_done(&self) -> bool {
        self.state.has_stopped && self.state.has_usage
    }
}

impl State {
    fn read(&mut self, message: &Message<'_>, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let payload = message.payload();
        match message.kind() {
            // After the end only the counts, and errors, are of importance.
            Kind::Event(name) if self.has_stopped && name != "metadata" => Ok(()),
            Kind::Event("contentBlockDelta") => self.block_delta(parse(payload)?, sink),
            Kind::Event("messageStart") => {
                self.start(sink);
                Ok(())
            }
            Kind::Event("contentBlockStart") => self.block_start(&parse(payload)?, sink),
            Kind::Event("contentBlockStop") => {
                let stop: BlockStop = parse(payload)?;
                if self.open.is_some_and(|open| open.block == stop.content_block_index) {
                    self.close(sink);
                }
                Ok(())
            }
            Kind::Event("messageStop") => {
                let stop: MessageStop<'_> = parse(payload)?;
                self.stop(&stop, sink);
                Ok(())
            }
            Kind::Event("metadata") => {
                let metadata: Metadata = parse(payload)?;
                self.usage(metadata, sink)
            }
            // An event that is not known yet must not end the stream.
            Kind::Event(_) | Kind::Unknown => Ok(()),
            Kind::Exception(name) => Err(exception::fault(name, payload)),
            Kind::Error { code, message } => Err(exception::unmodelled(code, message)),
        }
    }

    fn start(&mut self, sink: &mut dyn Sink) {
        if !std::mem::replace(&mut self.has_started, true) {
            sink.event(StreamEvent::Start { id: "" });
        }
    }

    fn block_start(&mut self, block: &BlockStart<'_>, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        self.start(sink);
        self.close(sink);
        let Some(tool) = &block.start.tool_use else { return Ok(()) };
        let purpose = if tool.r#type.as_ref().is_some_and(|kind| &**kind == "server_tool_use") {
            // What Bedrock itself calls and answers is not for the caller to call.
            Purpose::Skipped
        } else if tool.name == ANSWER_TOOL {
            Purpose::Answer
        } else {
            Purpose::Call(self.begin_call(tool, sink)?)
        };
        self.open = Some(OpenTool { block: block.content_block_index, purpose, has_arguments: false });
        Ok(())
    }

    fn begin_call(&mut self, tool: &ToolStart<'_>, sink: &mut dyn Sink) -> Result<u32, StreamFault> {
        let index = self.calls;
        self.calls = index.saturating_add(1);
        let name = self.names.original(&tool.name);
        if tool.tool_use_id.is_empty() || name.is_empty() {
            return Err(StreamFault::Malformed("a call without id or name".to_owned()));
        }
        sink.event(StreamEvent::ToolCall { choice: 0, index, id: &tool.tool_use_id, name, signature: None });
        Ok(index)
    }

    fn block_delta(&mut self, block: BlockDelta<'_>, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        self.start(sink);
        let delta = block.delta;
        if let Some(text) = delta.text.filter(|text| !text.is_empty()) {
            sink.event(StreamEvent::Text { choice: 0, text: &text });
        }
        if let Some(tool) = delta.tool_use {
            self.arguments(block.content_block_index, &tool.input, sink)?;
        }
        if let Some(thought) = delta.reasoning_content {
            if let Some(text) = thought.text.filter(|text| !text.is_empty()) {
                sink.event(StreamEvent::Reasoning { choice: 0, text: &text });
            }
            if let Some(signature) = thought.signature.filter(|signature| !signature.is_empty()) {
                sink.event(StreamEvent::ReasoningSignature { choice: 0, signature: &signature });
            }
            if let Some(data) = thought.redacted_content.filter(|data| !data.is_empty()) {
                sink.event(StreamEvent::RedactedReasoning { choice: 0, data: &data });
            }
        }
        Ok(())
    }

    fn arguments(&mut self, block: u64, fragment: &str, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let Some(open) = self.open.as_mut().filter(|open| open.block == block) else {
            return Err(StreamFault::Malformed(format!("arguments for block {block}, which has not begun")));
        };
        if !fragment.is_empty() {
            open.has_arguments = true;
            open.purpose.arguments(fragment, sink);
        }
        Ok(())
    }

    /// Ends the open tool block; one without arguments gets an empty object.
    fn close(&mut self, sink: &mut dyn Sink) {
        if let Some(OpenTool { purpose, has_arguments: false, .. }) = self.open.take() {
            purpose.arguments("{}", sink);
        }
    }

    fn stop(&mut self, stop: &MessageStop<'_>, sink: &mut dyn Sink) {
        self.has_stopped = true;
        self.start(sink);
        self.close(sink);
        let calls = usize::try_from(self.calls).unwrap_or(usize::MAX);
        sink.event(StreamEvent::Finish { choice: 0, reason: finish_reason(&stop.stop_reason).settled(calls) });
    }

    fn usage(&mut self, metadata: Metadata, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        if !self.has_stopped {
            return Err(StreamFault::Malformed("the counts before the end of the answer".to_owned()));
        }
        if let Some(usage) = metadata.usage
            && !std::mem::replace(&mut self.has_usage, true)
        {
            sink.event(StreamEvent::Usage(usage.into()));
        }
        Ok(())
    }
}

impl Purpose {
    fn arguments(self, fragment: &str, sink: &mut dyn Sink) {
        match self {
            Self::Call(index) => sink.event(StreamEvent::ToolArguments { choice: 0, index, fragment }),
            Self::Answer => sink.event(StreamEvent::Text { choice: 0, text: fragment }),
            Self::Skipped => {}
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, StreamFault> {
    let malformed = |error: &dyn std::fmt::Display| StreamFault::Malformed(format!("an event is not of its form: {error}"));
    // Checked as UTF-8 once and as a whole, which is quicker than string by string.
    let text = std::str::from_utf8(payload).map_err(|error| malformed(&error))?;
    serde_json::from_str(text).map_err(|error| malformed(&error))
}
