//! The events of an upstream's stream in another dialect, translated as they arrive.
//!
//! What the client gets is written here, event by event, so it is whole at every moment: a stream that breaks off is closed with an error
//! event of our own.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::Stream;
use http::Response;
use http_body::Body as _;
use hyper::body::Incoming;
use tradewind_protocol::{
    Operation,
    chat::{StreamDecoder, StreamFault},
    openai::{ChunkEncoder, Framing},
};
use tradewind_providers::Translate;

use super::{
    outcome::{interrupted, not_begun, unreadable},
    whole::Label,
};
use crate::{backend::Attempt, context::RequestContext, error::Error, inference::Failure};

/// A stream under way.
pub(super) struct TranslatedEvents {
    body: Incoming,
    decoder: Box<dyn StreamDecoder>,
    encoder: ChunkEncoder,
    context: Arc<RequestContext>,
    ended: bool,
    /// How it could not go on, to be told after the last event.
    fault: Option<StreamFault>,
}

impl TranslatedEvents {
    /// Waits for the first content. Until it is there nothing has been promised to the client, so all that goes wrong is a [`Failure`] and
    /// another backend may be tried: many providers report that they are overloaded after their first event.
    ///
    /// # Errors
    /// [`Failure`], where there is no content.
    pub(super) async fn open(
        response: Response<Incoming>,
        translate: &mut dyn Translate,
        attempt: &Attempt,
    ) -> Result<Self, Failure> {
        let (head, body) = response.into_parts();
        let decoder = translate.stream(&head.headers).map_err(|error| unreadable(&error))?;
        let inference = &attempt.inference;
        let label = Label::of(&inference.context);
        let framing = if inference.operation == Operation::Completions { Framing::Completion } else { Framing::Chat };
        let encoder = ChunkEncoder::new(framing, &label.identity(&inference.head().model), inference.head().include_usage);
        let context = Arc::clone(&inference.context);
        let mut events = Self { body, decoder, encoder, context, ended: false, fault: None };
        while !events.ended && !events.encoder.has_content() {
            poll_fn(|cx| events.poll_read(cx)).await;
        }
        if let Some(fault) = &events.fault {
            return Err(not_begun(fault));
        }
        Ok(events)
    }

    /// Reads and translates one piece.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            None => {
                let fault = self.decoder.finish(&mut self.encoder).err();
                self.finish(fault);
            }
            Some(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the connection to an upstream was lost");
                self.finish(Some(StreamFault::Cut));
            }
            Some(Ok(frame)) => {
                let Ok(piece) = frame.into_data() else { return Poll::Ready(()) };
                if let Err(fault) = self.decoder.push(&piece, &mut self.encoder) {
                    self.finish(Some(fault));
                } else if self.decoder.is_done() {
                    let fault = self.decoder.finish(&mut self.encoder).err();
                    self.finish(fault);
                    // If the end of the body is already here, the connection can be used again.
                    let _end_or_not = Pin::new(&mut self.body).poll_frame(cx);
                }
            }
        }
        Poll::Ready(())
    }

    /// Nothing more is read.
    fn finish(&mut self, fault: Option<StreamFault>) {
        self.ended = true;
        if fault.is_none() {
            self.encoder.end();
        }
        self.fault = fault;
        if let Some(usage) = self.encoder.usage() {
            self.context.set_usage(usage);
        }
    }

    /// What has been written and not yet passed on.
    fn written(&mut self) -> Option<Bytes> {
        let had_content = self.context.time_to_first_content().is_some();
        if !had_content && self.encoder.has_content() {
            self.context.mark_first_content();
        }
        Some(self.encoder.take()).filter(|bytes| !bytes.is_empty())
    }
}

impl Stream for TranslatedEvents {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        loop {
            if let Some(written) = this.written() {
                return Poll::Ready(Some(Ok(written)));
            }
            if this.ended {
                return Poll::Ready(this.fault.take().map(|fault| {
                    tracing::warn!(%fault, "an upstream's stream broke off");
                    Err(interrupted(&fault))
                }));
            }
            ready!(this.poll_read(cx));
        }
    }
}
