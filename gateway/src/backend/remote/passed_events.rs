//! The events of an upstream's stream, passed on as they arrive.
//!
//! Of their bytes only the name of the model is changed; where it is the one that was asked for, and a piece ends with an event, they are not
//! even copied. The beginning of an event whose end has not come is
//! held back, so that a stream which breaks off can be closed with an event of our own. Such a stream is one that ends without
//! `[DONE]`: passing its end on would look to every SDK like the end of the answer. An error that the upstream tells in the stream is
//! not passed on either: hosts differ in its shape, and SDKs know one.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http::{HeaderMap, Response, header::CONTENT_TYPE};
use http_body::Body as _;
use hyper::body::Incoming;
use tradewind_protocol::{
    chat::StreamFault,
    openai::{ShownModel, StreamSniffer},
};

use super::outcome::{interrupted, not_begun};
use crate::{
    backend::Attempt,
    context::RequestContext,
    error::{Error, Kind},
    inference::Failure,
};

/// How many events without content are held back: a host begins with a role and perhaps what its filter found, and a stream that goes on
/// in another way is none that this gateway knows.
const OPENING_EVENTS: u64 = 8;

/// A stream under way.
pub(super) struct PassedEvents {
    body: Incoming,
    sniffer: StreamSniffer,
    model: ShownModel,
    /// What was read to see the first content.
    opening: VecDeque<Bytes>,
    /// The beginning of an event whose end has not come.
    held: BytesMut,
    ended: bool,
    /// How it could not go on, to be told after the last event.
    fault: Option<StreamFault>,
    context: Arc<RequestContext>,
}

impl PassedEvents {
    /// Waits for the first content. Until it is there nothing has been promised to the client, so all that goes wrong is a [`Failure`] and
    /// another backend may be tried: many hosts report that they are overloaded after their first event. Comments before the first event,
    /// which keep connections alive, are dropped.
    ///
    /// # Errors
    /// [`Failure`], where there is no content.
    pub(super) async fn open(response: Response<Incoming>, attempt: &Attempt) -> Result<Self, Failure> {
        if !is_event_stream(response.headers()) {
            return Err(Failure::backend(Kind::UpstreamFailed, "a stream was asked for, and the answer is none"));
        }
        let inference = &attempt.inference;
        let sniffer = if inference.head().include_usage { StreamSniffer::new() } else { StreamSniffer::leaving_out_usage() };
        let mut events = Self {
            body: response.into_body(),
            sniffer,
            model: ShownModel::new(&inference.head().model),
            opening: VecDeque::new(),
            held: BytesMut::new(),
            ended: false,
            fault: None,
            context: Arc::clone(&inference.context),
        };
        while !events.ended && !events.has_begun() {
            let piece = poll_fn(|cx| events.poll_read(cx)).await;
            if events.sniffer.events() > 0 && !piece.is_empty() {
                events.opening.push_back(piece);
            }
        }
        match &events.fault {
            // Half an event at the end may look like content, and is nothing that could be passed on.
            Some(fault) if events.opening.is_empty() || !events.has_begun() => Err(not_begun(fault)),
            _ => Ok(events),
        }
    }

    fn has_begun(&self) -> bool {
        self.sniffer.has_content() || self.sniffer.events() >= OPENING_EVENTS
    }

    /// Reads one piece. What of it can be passed on, which may be nothing.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Bytes> {
        let passed = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            None => {
                let last = self.last_event();
                self.finish((!self.sniffer.is_done()).then_some(StreamFault::Cut));
                last
            }
            Some(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the connection to an upstream was lost");
                self.finish(Some(StreamFault::Cut));
                Bytes::new()
            }
            Some(Ok(frame)) => {
                let Ok(piece) = frame.into_data() else { return Poll::Ready(Bytes::new()) };
                let passed = self.take(piece).unwrap_or_else(|fault| {
                    self.finish(Some(fault));
                    Bytes::new()
                });
                if self.sniffer.is_done() || self.sniffer.error().is_some() {
                    // The answer is complete, whatever becomes of the connection now. If its end is already here, it can be used again.
                    let _end_or_not = Pin::new(&mut self.body).poll_frame(cx);
                    self.finish(None);
                }
                passed
            }
        };
        if let Some(told) = self.sniffer.model() {
            self.model.learn(told);
        }
        Poll::Ready(self.model.show(passed))
    }

    /// Adds a piece and returns what of it, and of what was held, can be passed on.
    fn take(&mut self, mut piece: Bytes) -> Result<Bytes, StreamFault> {
        let finding = self.sniffer.push(&piece).map_err(|error| StreamFault::Malformed(error.to_string()))?;
        if finding.first_content {
            self.context.mark_first_content();
        }
        let mut complete = piece.split_to(finding.complete);
        if complete.is_empty() {
            self.held.extend_from_slice(&piece);
            return Ok(complete);
        }
        let mut passed = self.held.split();
        self.held.extend_from_slice(&piece);
        if passed.is_empty() && finding.left_out.is_none() {
            return Ok(complete);
        }
        if let Some(left_out) = finding.left_out {
            let after = complete.split_off(left_out.end);
            complete.truncate(left_out.start);
            if left_out.start == 0 {
                passed.clear();
            }
            passed.extend_from_slice(&complete);
            complete = after;
        }
        passed.extend_from_slice(&complete);
        Ok(passed.freeze())
    }

    /// The body has ended. What is held is passed on if it is the end and lacks only its blank line.
    fn last_event(&mut self) -> Bytes {
        self.sniffer.finish();
        let mut event = self.held.split();
        if !self.sniffer.is_done() || event.is_empty() {
            return Bytes::new();
        }
        event.extend_from_slice(b"\n\n");
        event.freeze()
    }

    /// Nothing more is read.
    fn finish(&mut self, fault: Option<StreamFault>) {
        self.ended = true;
        let told = self.sniffer.error();
        let told = told.map(|told| StreamFault::Told { status: told.status(), message: told.message.clone() });
        self.fault = told.or(fault);
        if let Some(usage) = self.sniffer.usage() {
            self.context.set_usage(usage);
        }
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
}

impl Stream for PassedEvents {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(piece) = this.opening.pop_front() {
            return Poll::Ready(Some(Ok(piece)));
        }
        while !this.ended {
            let piece = ready!(this.poll_read(cx));
            if !piece.is_empty() {
                return Poll::Ready(Some(Ok(piece)));
            }
        }
        Poll::Ready(this.fault.take().map(|fault| {
            tracing::warn!(%fault, "an upstream's stream broke off");
            Err(interrupted(&fault))
        }))
    }
}
