//! Reads OpenAI's server-sent events into canonical events.
//!
//! Hosts differ in what they leave out, and this reader asks for little: a first chunk without choices (Azure), comments (OpenRouter),
//! usage in any chunk or in all, tool calls without index or id, thoughts in three spellings, content as a list of parts (Mistral,
//! Databricks), a stream without `[DONE]`. Text is borrowed from the event; a chunk of plain text costs no allocation.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    calls::{CallDelta, Calls},
    messages::Thinking,
    told::ToldError,
    wire::{Heard, Said, finish_reason, hear},
};
use crate::{
    Usage,
    chat::{FinishReason, Reasoning, Sink, StreamDecoder, StreamEvent, StreamFault},
    few::Few,
    sse::Decoder,
    text::{Loose, from_json},
};

/// Reads the `chat.completion.chunk` (or `text_completion`) events of an OpenAI-shaped upstream.
#[derive(Debug, Default)]
pub struct ChunkDecoder {
    sse: Decoder,
    state: State,
}

/// What is known of the answer so far.
#[derive(Debug, Default)]
struct State {
    has_started: bool,
    is_done: bool,
    id: String,
    usage: Option<Usage>,
    calls: Calls,
    choices: Vec<Progress>,
}

/// How far a choice has come.
#[derive(Debug)]
struct Progress {
    choice: u32,
    /// Why it ended; told when all has come, because some hosts give a reason and go on.
    finish: Option<FinishReason>,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(borrow, default)]
    id: Loose<'a>,
    #[serde(borrow, default)]
    choices: Few<ChunkChoice<'a>>,
    usage: Option<Usage>,
    error: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct ChunkChoice<'a> {
    #[serde(default)]
    index: Option<u32>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow, default)]
    text: Loose<'a>,
    #[serde(borrow, default)]
    finish_reason: Loose<'a>,
    #[serde(borrow)]
    logprobs: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Option<Said<'a>>,
    #[serde(borrow, default)]
    refusal: Loose<'a>,
    #[serde(borrow, default)]
    reasoning_content: Loose<'a>,
    #[serde(borrow, default)]
    reasoning: Loose<'a>,
    /// Like the calls of tools, on the heap: they are rare, and all chunks would carry their size about.
    #[serde(borrow)]
    thinking_blocks: Option<Vec<Thinking<'a>>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<CallDelta<'a>>>,
}

impl StreamDecoder for ChunkDecoder {
    fn push(&mut self, piece: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let mut outcome = Ok(());
        let state = &mut self.state;
        let pushed = self.sse.push(piece, |event| {
            if outcome.is_ok() {
                outcome = state.read(event.data, sink);
            }
        });
        outcome?;
        pushed.map(drop).map_err(|error| StreamFault::Malformed(error.to_string()))
    }

    fn finish(&mut self, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let mut outcome = Ok(());
        let state = &mut self.state;
        self.sse.finish(|event| {
            if outcome.is_ok() {
                outcome = state.read(event.data, sink);
            }
        });
        outcome?;
        if state.is_done {
            return Ok(());
        }
        // Not every host says `[DONE]`, but each tells why an answer ends.
        if !state.is_whole() {
            return Err(StreamFault::Cut);
        }
        state.end(sink);
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.state.is_done
    }
}

impl State {
    fn read(&mut self, data: &[u8], sink: &mut dyn Sink) -> Result<(), StreamFault> {
        if self.is_done {
            return Ok(());
        }
        if data == b"[DONE]" {
            if !self.is_whole() {
                return Err(StreamFault::Cut);
            }
            self.end(sink);
            return Ok(());
        }
        // Left where it was read: chunks are large, and moving them costs more than looking at them.
        let mut read = from_json::<Chunk<'_>>(data);
        let chunk = match &mut read {
            Ok(chunk) => chunk,
            Err(error) => return Err(StreamFault::Malformed(error.to_string())),
        };
        if (chunk.error.is_some() || chunk.choices.is_empty())
            && let Some(error) = ToldError::read(data)
        {
            return Err(StreamFault::Told { status: error.status(), message: error.message });
        }
        self.usage = chunk.usage.or(self.usage);
        if chunk.choices.is_empty() {
            return Ok(());
        }
        if !self.has_started {
            self.has_started = true;
            chunk.id.text().unwrap_or_default().clone_into(&mut self.id);
            sink.event(StreamEvent::Start { id: &self.id });
        }
        chunk.choices.iter_mut().try_for_each(|choice| self.choice(choice, sink))
    }

    fn choice(&mut self, chunk: &mut ChunkChoice<'_>, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        let choice = chunk.index.unwrap_or(0);
        let place = self.place(choice)?;
        if let Some(text) = chunk.text.text() {
            sink.event(StreamEvent::Text { choice, text });
        }
        if let Some(delta) = &mut chunk.delta {
            self.delta(choice, delta, sink)?;
        }
        if let Some(json) = chunk.logprobs {
            sink.event(StreamEvent::Logprobs { choice, json: json.get() });
        }
        let Some(word) = chunk.finish_reason.text() else { return Ok(()) };
        let Some(reason) = finish_reason(word) else {
            return Err(StreamFault::Told { status: 502, message: "the model stopped with an error".to_owned() });
        };
        if let Some(progress) = self.choices.get_mut(place) {
            progress.finish.get_or_insert(reason);
        }
        Ok(())
    }

    fn delta(&mut self, choice: u32, delta: &mut Delta<'_>, sink: &mut dyn Sink) -> Result<(), StreamFault> {
        if let Some(text) = delta.reasoning_content.text().or_else(|| delta.reasoning.text()) {
            sink.event(StreamEvent::Reasoning { choice, text });
        }
        for block in delta.thinking_blocks.take().into_iter().flatten() {
            match block.into_reasoning() {
                // The words stand in `reasoning_content` too.
                Some(Reasoning::Text { signature: Some(signature), .. }) => {
                    sink.event(StreamEvent::ReasoningSignature { choice, signature: &signature });
                }
                Some(Reasoning::Redacted(data)) => sink.event(StreamEvent::RedactedReasoning { choice, data: &data }),
                Some(Reasoning::Text { signature: None, .. }) | None => {}
            }
        }
        if let Some(said) = &delta.content {
            hear(said, &mut |heard| match heard {
                Heard::Text("") | Heard::Thought("") => {}
                Heard::Text(text) => sink.event(StreamEvent::Text { choice, text }),
                Heard::Thought(text) => sink.event(StreamEvent::Reasoning { choice, text }),
                Heard::Signature(signature) => sink.event(StreamEvent::ReasoningSignature { choice, signature }),
            });
        }
        if let Some(text) = delta.refusal.text() {
            sink.event(StreamEvent::Refusal { choice, text });
        }
        delta.tool_calls.take().into_iter().flatten().try_for_each(|call| self.calls.read(choice, call, &self.id, sink))
    }

    /// Where the progress of a choice is kept.
    fn place(&mut self, choice: u32) -> Result<usize, StreamFault> {
        if let Some(place) = self.choices.iter().position(|progress| progress.choice == choice) {
            return Ok(place);
        }
        if self.choices.len() >= MOST_CHOICES {
            return Err(StreamFault::Malformed(format!("more than {MOST_CHOICES} choices")));
        }
        self.choices.push(Progress { choice, finish: None });
        Ok(self.choices.len() - 1)
    }

    /// Whether there is an answer, and an end to all that there are.
    fn is_whole(&self) -> bool {
        !self.choices.is_empty() && self.choices.iter().all(|progress| progress.finish.is_some())
    }

    fn end(&mut self, sink: &mut dyn Sink) {
        self.is_done = true;
        for progress in &self.choices {
            if let Progress { choice, finish: Some(reason) } = *progress {
                // Some hosts say `stop` even where tools were called.
                let has_calls = self.calls.close(choice, sink);
                let reason = if has_calls && reason == FinishReason::Stop { FinishReason::ToolCalls } else { reason };
                sink.event(StreamEvent::Finish { choice, reason });
            }
        }
        if let Some(usage) = self.usage {
            sink.event(StreamEvent::Usage(usage));
        }
    }
}

/// OpenAI's bound on `n`.
const MOST_CHOICES: usize = 128;
