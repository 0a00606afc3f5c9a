//! The events of an upstream's stream, passed on as they arrive.
//!
//! Bytes are not changed and, where a piece ends with an event, not copied; the beginning of an event whose end has not come is
//! held back, so that a stream which breaks off can be closed with an event of our own. Such a stream is one that ends without
//! `[DONE]`: passing its end on would look to every SDK like the end of the answer.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, Response, header::CONTENT_TYPE};
use http_body::Body as _;
use hyper::body::Incoming;
use tradewind_protocol::openai::StreamSniffer;

use crate::{
    body::Broken,
    context::RequestContext,
    error::{Error, Kind},
    inference::Failure,
};

/// A stream under way.
pub(super) struct PassedEvents {
    body: Incoming,
    sniffer: StreamSniffer,
    /// The beginning of an event whose end has not come.
    held: BytesMut,
    /// What was read to see the first event.
    first: Option<Bytes>,
    ended: bool,
    /// How it could not go on, to be told after the last event.
    broken: Option<Broken>,
    context: Arc<RequestContext>,
}

impl PassedEvents {
    /// Waits for the first event. Until it is there nothing has been promised to the client, so all that goes wrong is a [`Failure`] and
    /// another backend may be tried; and so is a stream that begins with an error. Comments before it, which keep connections alive,
    /// are no event and are dropped.
    ///
    /// # Errors
    /// [`Failure`], where there is no first event.
    pub(super) async fn open(response: Response<Incoming>, context: Arc<RequestContext>) -> Result<Self, Failure> {
        let failure = |detail: &str| Failure::backend(Kind::UpstreamFailed, detail);
        if !is_event_stream(response.headers()) {
            return Err(failure("a stream was asked for, and the answer is none"));
        }
        let (body, sniffer) = (response.into_body(), StreamSniffer::new());
        let mut events = Self { body, sniffer, held: BytesMut::new(), first: None, ended: false, broken: None, context };
        loop {
            match events.next().await {
                Some(Ok(_)) if events.sniffer.has_error() => return Err(failure("the stream began with an error")),
                Some(Ok(_)) if events.sniffer.events() == 0 => {}
                Some(Ok(first)) => {
                    events.first = Some(first);
                    return Ok(events);
                }
                Some(Err(Broken::Untold(error))) => return Err(failure(&error.to_string())),
                Some(Err(Broken::Told)) | None => return Err(failure("the stream held no event")),
            }
        }
    }

    /// Adds a piece and returns what of it can be passed on.
    fn take(&mut self, mut piece: Bytes) -> Result<Bytes, Broken> {
        let finding = self.sniffer.push(&piece).map_err(|error| interrupted(&error.to_string()))?;
        if finding.first_content {
            self.context.mark_first_content();
        }
        let complete = piece.split_to(finding.complete);
        if self.held.is_empty() || complete.is_empty() {
            self.held.extend_from_slice(&piece);
            return Ok(complete);
        }
        self.held.extend_from_slice(&complete);
        let complete = self.held.split().freeze();
        self.held.extend_from_slice(&piece);
        Ok(complete)
    }

    /// The body has ended. What is held is passed on if it is an event that matters and lacks only its blank line: the end, or an error.
    fn last_event(&mut self) -> Option<Bytes> {
        let had_error = self.sniffer.has_error();
        self.sniffer.finish();
        let matters = self.sniffer.is_done() || self.sniffer.has_error() != had_error;
        let mut event = self.held.split();
        (matters && !event.is_empty()).then(|| {
            event.extend_from_slice(b"\n\n");
            event.freeze()
        })
    }

    /// Nothing more is read. An error that the upstream told itself is not told again.
    fn finish(&mut self, broken: Option<Broken>) {
        self.ended = true;
        self.broken = if self.sniffer.has_error() { Some(Broken::Told) } else { broken };
        self.note_usage();
    }

    fn note_usage(&self) {
        if let Some(usage) = self.sniffer.usage() {
            self.context.set_usage(usage);
        }
    }
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/event-stream")
}

fn interrupted(what: &str) -> Broken {
    Broken::Untold(Error::new(Kind::StreamInterrupted, format!("The answer broke off: {what}.")))
}

impl Stream for PassedEvents {
    type Item = Result<Bytes, Broken>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        loop {
            if this.ended {
                return Poll::Ready(this.broken.take().map(Err));
            }
            if this.sniffer.is_done() {
                // The answer is complete, whatever becomes of the connection now. If its end is already here, it can be used again.
                let _end_or_not = Pin::new(&mut this.body).poll_frame(cx);
                this.finish(None);
                continue;
            }
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                None => {
                    let last = this.last_event();
                    let cut = !this.sniffer.is_done();
                    this.finish(cut.then(|| interrupted("the upstream closed the stream before its end")));
                    if let Some(last) = last {
                        return Poll::Ready(Some(Ok(last)));
                    }
                }
                Some(Err(error)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "an upstream's stream broke off");
                    this.finish(Some(interrupted("the connection to the upstream was lost")));
                }
                Some(Ok(frame)) => {
                    let Ok(piece) = frame.into_data() else { continue };
                    match this.take(piece) {
                        Ok(complete) if complete.is_empty() => {}
                        Ok(complete) => return Poll::Ready(Some(Ok(complete))),
                        Err(broken) => this.finish(Some(broken)),
                    }
                }
            }
        }
    }
}
