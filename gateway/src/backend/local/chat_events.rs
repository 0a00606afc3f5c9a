//! An engine's answer as the events of OpenAI's API.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::Stream;
use tradewind_models::chat::{Event, GenerateError, Generation};
use tradewind_protocol::{
    Usage,
    openai::{ChatCompletionChunk, ChunkChoice, Delta, DeltaCall, DeltaFunction, FinishReason, Logprobs, UsageBody},
    sse,
};

use super::chat::{Asked, Label, logprobs_of, reason, usage_of};
use crate::{
    backend::Attempt,
    context::RequestContext,
    error::{Error, Kind},
};

/// The events of an answer. Dropping them cancels the generation.
pub(super) struct ChatEvents {
    generation: Generation,
    first: Option<Event>,
    /// Events that one step of the engine made more than one of.
    ready: VecDeque<Bytes>,
    ended: bool,
    label: Label,
    include_usage: bool,
    logprobs: bool,
    context: Arc<RequestContext>,
}

impl ChatEvents {
    /// The events of `generation`, of which `first` has been taken already.
    pub(super) fn new(generation: Generation, first: Event, asked: Asked, attempt: &Attempt) -> Self {
        let label = Label::of(attempt);
        let include_usage = attempt.inference.head().include_usage;
        let context = Arc::clone(&attempt.inference.context);
        let mut events = Self {
            generation,
            first: Some(first),
            ready: VecDeque::new(),
            ended: false,
            label,
            include_usage,
            logprobs: asked.logprobs,
            context,
        };
        for choice in 0..asked.choices {
            let role = events.chunk(choice, Delta { role: Some("assistant"), content: Some(""), tool_calls: None }, None, None);
            events.ready.push_back(role);
        }
        events
    }

    fn take(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Started { .. } => {}
            Event::Text { choice, text, tokens } => {
                self.context.mark_first_content();
                let logprobs = self.logprobs.then(|| logprobs_of(&tokens));
                let chunk = self.chunk(choice, Delta { content: Some(&text), ..Delta::default() }, logprobs, None);
                self.ready.push_back(chunk);
            }
            Event::Call { choice, call, name } => {
                self.context.mark_first_content();
                let id = Some(self.label.call(choice, call));
                let function = DeltaFunction { name: Some(&name), arguments: "" };
                self.call(choice, DeltaCall { index: call, id, r#type: Some("function"), function });
            }
            Event::Arguments { choice, call, json } => {
                let function = DeltaFunction { name: None, arguments: &json };
                self.call(choice, DeltaCall { index: call, id: None, r#type: None, function });
            }
            Event::Finished { choice, finish } => {
                let last = self.chunk(choice, Delta::default(), None, Some(reason(finish)));
                self.ready.push_back(last);
            }
            Event::Done { usage } => {
                let usage = usage_of(usage);
                self.context.set_usage(usage);
                if self.include_usage {
                    self.ready.push_back(self.usage(usage));
                }
                self.ready.push_back(sse::encode(b"[DONE]"));
                self.ended = true;
            }
            Event::Failed(error) => {
                self.ended = true;
                tracing::warn!(%error, "a local answer broke off");
                let (kind, message) = match error {
                    GenerateError::DeadlineExceeded => {
                        (Kind::Timeout, "The deadline of the request passed while its answer was streaming.")
                    }
                    GenerateError::NotRead(_) => (Kind::Timeout, "The answer was given up: it was not read for half a minute."),
                    _ => (Kind::StreamInterrupted, "The answer broke off: the local model failed."),
                };
                return Err(Error::new(kind, message));
            }
        }
        Ok(())
    }

    fn call(&mut self, choice: usize, call: DeltaCall<'_>) {
        let chunk = self.chunk(choice, Delta { tool_calls: Some([call]), ..Delta::default() }, None, None);
        self.ready.push_back(chunk);
    }

    fn chunk(&self, choice: usize, delta: Delta<'_>, logprobs: Option<Logprobs>, finish_reason: Option<FinishReason>) -> Bytes {
        let index = u32::try_from(choice).unwrap_or(u32::MAX);
        let choice = ChunkChoice { index, delta, logprobs, finish_reason };
        self.encode(&[choice], self.include_usage.then_some(None))
    }

    fn usage(&self, usage: Usage) -> Bytes {
        self.encode(&[], Some(Some(UsageBody::generated(usage))))
    }

    fn encode(&self, choices: &[ChunkChoice<'_>], usage: Option<Option<UsageBody>>) -> Bytes {
        let Label { id, created, model } = &self.label;
        let chunk = ChatCompletionChunk { id, object: "chat.completion.chunk", created: *created, model, choices, usage };
        // Strings and numbers: there is nothing in it that cannot be written as JSON.
        sse::encode(&serde_json::to_vec(&chunk).unwrap_or_default())
    }
}

impl Stream for ChatEvents {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            let event = match self.first.take() {
                Some(event) => event,
                None => ready!(self.generation.poll_next(cx)).unwrap_or(Event::Failed(GenerateError::Stopped)),
            };
            if let Err(broken) = self.take(event) {
                return Poll::Ready(Some(Err(broken)));
            }
        }
    }
}
