//! An engine's answers as events, whichever API they are written for.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;
use tradewind_models::chat::{Event, GenerateError};
use tradewind_protocol::{Usage, sse};

use super::{chat::usage_of, generations::Generations};
use crate::{
    context::RequestContext,
    error::{Error, Kind},
    inference::Inference,
};

/// How an API writes what there is to tell.
pub(super) trait Write: Send + Unpin + 'static {
    /// What begins an answer, if anything does.
    fn opening(&self, choice: usize) -> Option<Bytes>;

    /// What an event adds to an answer, if anything.
    fn addition(&mut self, event: Event) -> Option<Bytes>;

    /// What was read and made. Told at the end where it was asked for.
    fn usage(&self, usage: Usage) -> Bytes;
}

/// The events of all answers to a request. Dropping them cancels the generation.
pub(super) struct Events<W> {
    generations: Generations,
    /// Events that one step of the engine made more than one of.
    ready: VecDeque<Bytes>,
    ended: bool,
    writer: W,
    include_usage: bool,
    context: Arc<RequestContext>,
}

impl<W: Write> Events<W> {
    pub(super) fn new(generations: Generations, writer: W, inference: &Inference) -> Self {
        let ready = (0..generations.choices()).filter_map(|choice| writer.opening(choice)).collect();
        let include_usage = inference.head().include_usage;
        Self { generations, ready, ended: false, writer, include_usage, context: Arc::clone(&inference.context) }
    }

    fn take(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Done { usage } => {
                let usage = usage_of(usage);
                self.context.set_usage(usage);
                if self.include_usage {
                    self.ready.push_back(self.writer.usage(usage));
                }
                self.ready.push_back(sse::encode(b"[DONE]"));
                self.ended = true;
                Ok(())
            }
            Event::Failed(error) => {
                self.ended = true;
                Err(broken_off(&error))
            }
            event => {
                if matches!(event, Event::Text { .. } | Event::Call { .. }) {
                    self.context.mark_first_content();
                }
                self.ready.extend(self.writer.addition(event));
                Ok(())
            }
        }
    }
}

fn broken_off(error: &GenerateError) -> Error {
    tracing::warn!(%error, "a local answer broke off");
    let (kind, message) = match error {
        GenerateError::DeadlineExceeded => (Kind::Timeout, "The deadline of the request passed while its answer was streaming."),
        GenerateError::NotRead(_) => (Kind::Timeout, "The answer was given up: it was not read for half a minute."),
        _ => (Kind::StreamInterrupted, "The answer broke off: the local model failed."),
    };
    Error::new(kind, message)
}

/// A document as an event.
pub(super) fn encode(document: &impl Serialize) -> Bytes {
    // Strings and numbers: there is nothing in it that cannot be written as JSON.
    sse::encode(&serde_json::to_vec(document).unwrap_or_default())
}

impl<W: Write> Stream for Events<W> {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            let event = ready!(self.generations.poll_next(cx));
            if let Err(broken) = self.take(event) {
                return Poll::Ready(Some(Err(broken)));
            }
        }
    }
}
