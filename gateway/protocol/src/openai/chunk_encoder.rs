//! Writes a streamed answer as OpenAI's server-sent events.
//!
//! All chunks of an answer begin with the same words, which are written once; a piece of text then costs one copy of them and one escaped
//! string. Nothing is written before there is something to say, so that an answer that fails at its start can still be asked for elsewhere.

use std::io::Write as _;

use bytes::Bytes;

use super::{Identity, thought::THOUGHT_MARK};
use crate::{
    Usage,
    chat::{FinishReason, Sink, StreamEvent},
};

/// Which events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// `chat.completion.chunk`.
    Chat,
    /// `text_completion`. What is no text (thoughts, calls of tools) has no place in them.
    Completion,
}

/// Writes `chat.completion.chunk` events (or `text_completion` ones) from [`StreamEvent`]s.
///
/// Beside OpenAI's own fields a delta may hold `reasoning_content`, and `thinking_blocks` with a whole signed thought, which the caller
/// sends back as it is; the proof of a tool call stands behind the call's id.
#[derive(Debug)]
pub struct ChunkEncoder {
    framing: Framing,
    include_usage: bool,
    fallback: Fallback,
    /// What every chunk begins with, up to the list of choices.
    prefix: Vec<u8>,
    out: Vec<u8>,
    choices: Vec<Progress>,
    usage: Option<Usage>,
    has_content: bool,
    has_ended: bool,
}

#[derive(Debug)]
struct Fallback {
    id: String,
    created: u64,
    model: String,
}

/// What must be remembered of a choice.
#[derive(Debug)]
struct Progress {
    choice: u32,
    /// The thought that has not been signed yet.
    thought: String,
    /// The calls that have no arguments yet.
    bare_calls: Vec<u32>,
}

impl ChunkEncoder {
    /// An encoder at the start of an answer. `include_usage` is what the caller asked for in `stream_options`.
    #[must_use]
    pub fn new(framing: Framing, identity: &Identity<'_>, include_usage: bool) -> Self {
        let fallback = Fallback { id: identity.id.to_owned(), created: identity.created, model: identity.model.to_owned() };
        let mut encoder = Self {
            framing,
            include_usage,
            fallback,
            prefix: Vec::new(),
            out: Vec::new(),
            choices: Vec::new(),
            usage: None,
            has_content: false,
            has_ended: false,
        };
        encoder.start("");
        encoder
    }

    /// An encoder in the middle of a chat's answer, whose role the caller has been told. Here the identity's id is the whole id.
    #[must_use]
    pub fn going_on(identity: &Identity<'_>, include_usage: bool) -> Self {
        let mut encoder = Self::new(Framing::Chat, identity, include_usage);
        encoder.start(identity.id);
        encoder.choices.push(Progress { choice: 0, thought: String::new(), bare_calls: Vec::new() });
        encoder
    }

    /// The events written since the last call: whole ones only; empty if there are none.
    #[must_use]
    pub fn take(&mut self) -> Bytes {
        // A copy of its own size: the buffer stays here, warm and large enough for the next.
        let written = Bytes::copy_from_slice(&self.out);
        self.out.clear();
        written
    }

    /// The answer is complete: writes what remains, the usage if it was asked for, and `[DONE]`.
    pub fn end(&mut self) {
        if std::mem::replace(&mut self.has_ended, true) {
            return;
        }
        for place in 0..self.choices.len() {
            if let Some(choice) = self.choices.get(place).map(|progress| progress.choice) {
                self.complete_calls(choice);
            }
        }
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            self.out.extend_from_slice(&self.prefix);
            self.out.extend_from_slice(b"],\"usage\":");
            self.json(&usage);
            self.out.extend_from_slice(b"}\n\n");
        }
        self.out.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// Whether any content (text, tool call, refusal, reasoning) was written.
    #[must_use]
    pub const fn has_content(&self) -> bool {
        self.has_content
    }

    /// The token counts, if the stream told them.
    #[must_use]
    pub const fn usage(&self) -> Option<Usage> {
        self.usage
    }

    fn start(&mut self, id: &str) {
        let (prefix, object) = match self.framing {
            Framing::Chat => ("chatcmpl-", "chat.completion.chunk"),
            Framing::Completion => ("cmpl-", "text_completion"),
        };
        let id = if id.is_empty() { format!("{prefix}{}", self.fallback.id) } else { id.to_owned() };
        let (id, model) = (serde_json::Value::from(id), serde_json::Value::from(self.fallback.model.as_str()));
        let created = self.fallback.created;
        self.prefix =
            format!("data: {{\"id\":{id},\"object\":\"{object}\",\"created\":{created},\"model\":{model},\"choices\":[")
                .into_bytes();
    }

    /// Writes a chunk whose delta holds the one member that `write` writes.
    fn delta(&mut self, choice: u32, write: impl FnOnce(&mut Self)) {
        if self.framing == Framing::Chat {
            self.open(choice);
            self.out.extend_from_slice(b",\"delta\":{");
            write(self);
            self.out.extend_from_slice(b"},\"finish_reason\":null");
            self.close();
        }
    }

    /// A delta with one string, whose name and the punctuation around it are `before`.
    fn text_delta(&mut self, choice: u32, before: &'static [u8], text: &str) {
        self.has_content = true;
        self.delta(choice, |encoder| {
            encoder.out.extend_from_slice(before);
            encoder.string(text);
        });
    }

    fn open(&mut self, choice: u32) {
        self.out.extend_from_slice(&self.prefix);
        self.out.extend_from_slice(b"{\"index\":");
        self.json(&choice);
    }

    fn close(&mut self) {
        self.out.extend_from_slice(if self.include_usage { b"}],\"usage\":null}\n\n" } else { b"}]}\n\n" });
    }

    /// A chunk of a text completion.
    fn completion(&mut self, choice: u32, text: &str, reason: Option<FinishReason>) {
        self.open(choice);
        self.out.extend_from_slice(b",\"text\":");
        self.string(text);
        self.out.extend_from_slice(b",\"logprobs\":null,\"finish_reason\":");
        self.json(&reason.map(FinishReason::as_str));
        self.close();
    }

    /// A string of the answer. Most hold nothing that JSON escapes, and are copied as they are.
    fn string(&mut self, text: &str) {
        // Without a branch out of the loop, so that it is done for many bytes at once.
        let is_plain = text.bytes().fold(true, |plain, byte| plain & (byte >= b' ') & (byte != b'"') & (byte != b'\\'));
        if is_plain {
            self.out.push(b'"');
            self.out.extend_from_slice(text.as_bytes());
            self.out.push(b'"');
        } else {
            self.json(text);
        }
    }

    fn json<T: serde::Serialize + ?Sized>(&mut self, value: &T) {
        // Strings and numbers into memory: neither the value nor the writer can fail.
        let _written = serde_json::to_writer(&mut self.out, value);
    }

    /// What is remembered of a choice; its first chunk tells the role.
    fn progress(&mut self, choice: u32) -> Option<&mut Progress> {
        if let Some(place) = self.choices.iter().position(|progress| progress.choice == choice) {
            return self.choices.get_mut(place);
        }
        self.choices.push(Progress { choice, thought: String::new(), bare_calls: Vec::new() });
        self.delta(choice, |encoder| encoder.out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\""));
        self.choices.last_mut()
    }

    fn tool_call(&mut self, choice: u32, index: u32, (id, name): (&str, &str), signature: Option<&str>) {
        self.has_content = true;
        self.delta(choice, |encoder| {
            let _written = write!(encoder.out, "\"tool_calls\":[{{\"index\":{index},\"id\":");
            match signature {
                Some(signature) => encoder.json(&format!("{id}{THOUGHT_MARK}{signature}")),
                None => encoder.json(id),
            }
            encoder.out.extend_from_slice(b",\"type\":\"function\",\"function\":{\"name\":");
            encoder.json(name);
            encoder.out.extend_from_slice(b",\"arguments\":\"\"}}]");
        });
    }

    fn tool_arguments(&mut self, choice: u32, index: u32, fragment: &str) {
        self.delta(choice, |encoder| {
            let _written = write!(encoder.out, "\"tool_calls\":[{{\"index\":{index},\"function\":{{\"arguments\":");
            encoder.string(fragment);
            encoder.out.extend_from_slice(b"}}]");
        });
    }

    fn signed_thought(&mut self, choice: u32, thought: &str, signature: &str) {
        self.delta(choice, |encoder| {
            encoder.out.extend_from_slice(b"\"thinking_blocks\":[{\"type\":\"thinking\",\"thinking\":");
            encoder.json(thought);
            encoder.out.extend_from_slice(b",\"signature\":");
            encoder.json(signature);
            encoder.out.extend_from_slice(b"}]");
        });
    }

    fn finish(&mut self, choice: u32, reason: FinishReason) {
        self.open(choice);
        self.out.extend_from_slice(b",\"delta\":{},\"finish_reason\":");
        self.json(reason.as_str());
        self.close();
    }

    /// Gives the calls of a choice that are still without arguments empty ones: an application parses them.
    fn complete_calls(&mut self, choice: u32) {
        let bare_calls = self.progress(choice).map(|progress| std::mem::take(&mut progress.bare_calls));
        for index in bare_calls.unwrap_or_default() {
            self.tool_arguments(choice, index, "{}");
        }
    }
}

impl Sink for ChunkEncoder {
    fn event(&mut self, event: StreamEvent<'_>) {
        match event {
            StreamEvent::Start { id } => self.start(id),
            StreamEvent::Usage(usage) => self.usage = Some(usage),
            event if self.framing == Framing::Completion => match event {
                StreamEvent::Text { choice, text } => {
                    self.has_content = true;
                    self.completion(choice, text, None);
                }
                StreamEvent::Finish { choice, reason } => self.completion(choice, "", Some(reason)),
                _ => {}
            },
            StreamEvent::Text { choice, text } => {
                self.progress(choice);
                self.text_delta(choice, b"\"content\":", text);
            }
            StreamEvent::Reasoning { choice, text } => {
                if let Some(progress) = self.progress(choice) {
                    progress.thought.push_str(text);
                }
                self.text_delta(choice, b"\"reasoning_content\":", text);
            }
            StreamEvent::ReasoningSignature { choice, signature } => {
                let thought = self.progress(choice).map(|progress| std::mem::take(&mut progress.thought));
                self.signed_thought(choice, &thought.unwrap_or_default(), signature);
            }
            StreamEvent::RedactedReasoning { choice, data } => {
                self.progress(choice);
                self.delta(choice, |encoder| {
                    encoder.out.extend_from_slice(b"\"thinking_blocks\":[{\"type\":\"redacted_thinking\",\"data\":");
                    encoder.json(data);
                    encoder.out.extend_from_slice(b"}]");
                });
            }
            StreamEvent::Refusal { choice, text } => {
                self.progress(choice);
                self.text_delta(choice, b"\"refusal\":", text);
            }
            StreamEvent::ToolCall { choice, index, id, name, signature } => {
                if let Some(progress) = self.progress(choice) {
                    progress.bare_calls.push(index);
                }
                self.tool_call(choice, index, (id, name), signature);
            }
            StreamEvent::ToolArguments { choice, index, fragment } => {
                if fragment.is_empty() {
                    return;
                }
                if let Some(progress) = self.progress(choice) {
                    progress.bare_calls.retain(|bare| *bare != index);
                }
                self.tool_arguments(choice, index, fragment);
            }
            StreamEvent::Logprobs { choice, json } => {
                self.progress(choice);
                self.open(choice);
                self.out.extend_from_slice(b",\"delta\":{\"content\":\"\"},\"logprobs\":");
                // Between tokens JSON may hold line breaks, which would end the event.
                json.split(['\n', '\r']).for_each(|line| self.out.extend_from_slice(line.as_bytes()));
                self.out.extend_from_slice(b",\"finish_reason\":null");
                self.close();
            }
            StreamEvent::Finish { choice, reason } => {
                self.complete_calls(choice);
                self.finish(choice, reason);
            }
        }
    }
}
