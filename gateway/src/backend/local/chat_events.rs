//! An engine's answer as the events of OpenAI's chat API.

use bytes::Bytes;
use tradewind_models::chat::Event;
use tradewind_protocol::{
    Usage,
    openai::{ChatCompletionChunk, ChunkChoice, Delta, DeltaCall, DeltaFunction, FinishReason, Logprobs, UsageBody},
};

use super::{
    chat::{Label, Told, logprobs_of, reason},
    events::{Write, encode},
};

/// Writes the chunks of a chat's answer.
pub(super) struct ChatWriter {
    pub(super) label: Label,
    pub(super) include_usage: bool,
    pub(super) logprobs: Told,
}

impl Write for ChatWriter {
    fn opening(&self, choice: usize) -> Option<Bytes> {
        let delta = Delta { role: Some("assistant"), content: Some(""), tool_calls: None };
        Some(self.chunk(choice, delta, None, None))
    }

    fn addition(&mut self, event: Event) -> Option<Bytes> {
        Some(match event {
            Event::Text { choice, text, tokens } => {
                let logprobs = (self.logprobs == Told::Yes).then(|| logprobs_of(&tokens));
                self.chunk(choice, Delta { content: Some(&text), ..Delta::default() }, logprobs, None)
            }
            Event::Call { choice, call, name } => {
                let id = Some(self.label.call(choice, call));
                let function = DeltaFunction { name: Some(&name), arguments: "" };
                self.call(choice, DeltaCall { index: call, id, r#type: Some("function"), function })
            }
            Event::Arguments { choice, call, json } => {
                let function = DeltaFunction { name: None, arguments: &json };
                self.call(choice, DeltaCall { index: call, id: None, r#type: None, function })
            }
            Event::Finished { choice, finish } => self.chunk(choice, Delta::default(), None, Some(reason(finish))),
            Event::Started { .. } | Event::Done { .. } | Event::Failed(_) => return None,
        })
    }

    fn usage(&self, usage: Usage) -> Bytes {
        self.encode(&[], Some(Some(UsageBody::generated(usage))))
    }
}

impl ChatWriter {
    fn call(&self, choice: usize, call: DeltaCall<'_>) -> Bytes {
        self.chunk(choice, Delta { tool_calls: Some([call]), ..Delta::default() }, None, None)
    }

    fn chunk(&self, choice: usize, delta: Delta<'_>, logprobs: Option<Logprobs>, finish_reason: Option<FinishReason>) -> Bytes {
        let index = u32::try_from(choice).unwrap_or(u32::MAX);
        let choice = ChunkChoice { index, delta, logprobs, finish_reason };
        self.encode(&[choice], self.include_usage.then_some(None))
    }

    fn encode(&self, choices: &[ChunkChoice<'_>], usage: Option<Option<UsageBody>>) -> Bytes {
        let Label { id, created, model } = &self.label;
        encode(&ChatCompletionChunk { id, object: "chat.completion.chunk", created: *created, model, choices, usage })
    }
}
