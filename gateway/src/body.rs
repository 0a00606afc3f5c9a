//! The response body, and what must happen when it ends.
//!
//! A permit, an audit record, a metric, the access log line: all of them outlast the headers. The body owns them as [`OnEnd`]
//! callbacks and calls each exactly once, with how it [ended](End); a body that is dropped before its end says so.
//! That is also how a client that goes away cancels the upstream: dropping the body drops the stream that feeds it.

mod keep_alive;

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use smallvec::SmallVec;
use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;

use self::keep_alive::KeepAlive;
use crate::error::{Error, Kind};

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All of it was handed to the connection.
    Completed,
    /// It broke off, and the client was told in-band; the code says why.
    Interrupted(&'static str),
    /// The client went away first.
    Dropped,
}

/// Something to settle when the body ends.
pub trait OnEnd: Send {
    /// Called once.
    fn on_end(self: Box<Self>, end: End);
}

/// The events of a streamed answer, as the bytes that go to the client. Each item holds whole events only; an error says why there can be no
/// more, and the client does not know yet.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Bytes, Error>> + Send>>;

/// A response body.
pub struct Body {
    content: Content,
    on_end: SmallVec<[Box<dyn OnEnd>; 4]>,
}

enum Content {
    Full(Option<Bytes>),
    Events(Events),
    Ended,
}

struct Events {
    stream: EventStream,
    limits: Option<Pin<Box<Limits>>>,
    keep_alive: Option<Box<KeepAlive>>,
}

pin_project! {
    /// What ends a stream from outside.
    struct Limits {
        #[pin]
        deadline: Sleep,
        #[pin]
        shutdown: WaitForCancellationFutureOwned,
    }
}

impl Body {
    /// A body known in full.
    #[must_use]
    pub fn full(bytes: Bytes) -> Self {
        Self { content: Content::Full(Some(bytes)), on_end: SmallVec::new() }
    }

    /// A body of events.
    #[must_use]
    pub fn events(stream: EventStream) -> Self {
        Self { content: Content::Events(Events { stream, limits: None, keep_alive: None }), on_end: SmallVec::new() }
    }

    /// Bounds a stream by the request's deadline and by the end of the gateway's grace period. A full body is as good as sent.
    pub fn limit(&mut self, deadline: tokio::time::Instant, shutdown: WaitForCancellationFutureOwned) {
        if let Content::Events(events) = &mut self.content {
            events.limits = Some(Box::pin(Limits { deadline: tokio::time::sleep_until(deadline), shutdown }));
        }
    }

    /// Sends a comment, which SDKs skip, whenever a stream has brought nothing for so long: intermediaries close connections that are silent.
    pub fn keep_alive(&mut self, every: Duration) {
        if let Content::Events(events) = &mut self.content {
            events.keep_alive = Some(Box::new(KeepAlive::new(every)));
        }
    }

    /// Adds something to settle at the end. Inner layers add theirs first and are settled first.
    pub fn on_end(&mut self, settle: impl OnEnd + 'static) {
        self.on_end.push(Box::new(settle));
    }

    fn end(&mut self, end: End) {
        self.content = Content::Ended;
        for settle in self.on_end.drain(..) {
            settle.on_end(end);
        }
    }

    /// All of it where it is known in full, and otherwise the body as it is. What was to settle at the end does so now: the bytes
    /// belong to whoever asked, and may be sent any number of times.
    ///
    /// # Errors
    /// It is a stream.
    pub fn into_whole(mut self) -> Result<Bytes, Self> {
        let Content::Full(bytes) = &mut self.content else { return Err(self) };
        let bytes = bytes.take().unwrap_or_default();
        self.end(End::Completed);
        Ok(bytes)
    }

    /// The next piece, or why it could not go on; as a frame, that would be told in-band.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        let polled = match &mut self.content {
            Content::Ended => return Poll::Ready(None),
            Content::Full(bytes) => {
                let bytes = bytes.take().unwrap_or_default();
                self.end(End::Completed);
                return Poll::Ready((!bytes.is_empty()).then_some(Ok(bytes)));
            }
            Content::Events(events) => events.poll(cx),
        };
        match &polled {
            Poll::Ready(None) => self.end(End::Completed),
            Poll::Ready(Some(Err(error))) => self.end(End::Interrupted(error.kind().code())),
            Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
        }
        polled
    }
}

impl Events {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        match (self.stream.as_mut().poll_next(cx), &mut self.limits) {
            (Poll::Pending, Some(limits)) => limits.as_mut().poll(cx).map(|error| Some(Err(error))),
            (polled, _) => polled,
        }
    }
}

impl Limits {
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Error> {
        let this = self.project();
        if this.deadline.poll(cx).is_ready() {
            return Poll::Ready(Error::new(Kind::Timeout, "the deadline of the request passed while its answer was streaming"));
        }
        this.shutdown.poll(cx).map(|()| Error::new(Kind::ShuttingDown, "the gateway is shutting down; send the request again"))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = self.poll_piece(cx);
        let polled = match &mut self.content {
            Content::Events(Events { keep_alive: Some(keep_alive), .. }) => keep_alive.poll(polled, cx),
            Content::Events(_) | Content::Full(_) | Content::Ended => polled,
        };
        polled.map(|piece| Some(Ok(Frame::data(piece?.unwrap_or_else(Error::into_event)))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Full(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Content::Ended => true,
            Content::Events(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Content::Ended => SizeHint::with_exact(0),
            Content::Events(_) => SizeHint::new(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // An empty body is never polled: with nothing to send, it is complete.
        let end = if http_body::Body::is_end_stream(self) { End::Completed } else { End::Dropped };
        self.end(end);
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("size", &http_body::Body::size_hint(self)).field("on_end", &self.on_end.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use futures_util::stream;
    use http_body_util::BodyExt;
    use tokio_util::sync::CancellationToken;

    use super::*;

    struct Tell(mpsc::Sender<End>);

    impl OnEnd for Tell {
        fn on_end(self: Box<Self>, end: End) {
            self.0.send(end).unwrap();
        }
    }

    fn watched(mut body: Body) -> (Body, mpsc::Receiver<End>) {
        let (tell, told) = mpsc::channel();
        body.on_end(Tell(tell));
        (body, told)
    }

    fn ends(told: &mpsc::Receiver<End>) -> Vec<End> {
        told.try_iter().collect()
    }

    fn two_events_then_silence() -> Body {
        let events = [Ok(Bytes::from_static(b"data: 1\n\n")), Ok(Bytes::from_static(b"data: 2\n\n"))];
        Body::events(Box::pin(futures_util::StreamExt::chain(stream::iter(events), stream::pending())))
    }

    async fn text(body: Body) -> String {
        String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_full_body_is_complete_once_it_is_handed_over() {
        let (body, told) = watched(Body::full(Bytes::from_static(b"x")));
        assert_eq!(text(body).await, "x");
        assert_eq!(ends(&told), [End::Completed]);
    }

    #[test]
    fn a_body_that_nobody_reads_was_dropped_unless_it_is_empty() {
        let (body, told) = watched(Body::full(Bytes::from_static(b"x")));
        drop(body);
        assert_eq!(ends(&told), [End::Dropped]);
        let (body, told) = watched(Body::full(Bytes::new()));
        drop(body);
        assert_eq!(ends(&told), [End::Completed]);
    }

    #[tokio::test]
    async fn a_client_that_leaves_drops_the_stream() {
        let (mut body, told) = watched(two_events_then_silence());
        body.frame().await.unwrap().unwrap();
        assert_eq!(ends(&told), []);
        drop(body);
        assert_eq!(ends(&told), [End::Dropped]);
    }

    #[tokio::test]
    async fn a_broken_stream_ends_with_an_event_that_says_so() {
        let error = Error::new(Kind::StreamInterrupted, "gone");
        let stream = stream::iter([Ok(Bytes::from_static(b"data: 1\n\n")), Err(error)]);
        let (body, told) = watched(Body::events(Box::pin(stream)));
        let text = text(body).await;
        assert!(text.starts_with("data: 1\n\ndata: {\"error\":{\"message\":\"gone\""), "{text}");
        assert!(!text.contains("[DONE]"));
        assert_eq!(ends(&told), [End::Interrupted("stream_interrupted")]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_ends_a_stream_in_band() {
        let (mut body, told) = watched(two_events_then_silence());
        body.limit(tokio::time::Instant::now() + Duration::from_secs(9), CancellationToken::new().cancelled_owned());
        assert!(text(body).await.contains("upstream_timeout"));
        assert_eq!(ends(&told), [End::Interrupted("upstream_timeout")]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_grace_period_ends_a_stream_in_band() {
        let (mut body, told) = watched(two_events_then_silence());
        let shutdown = CancellationToken::new();
        body.limit(tokio::time::Instant::now() + Duration::from_secs(9), shutdown.clone().cancelled_owned());
        shutdown.cancel();
        assert!(text(body).await.contains("shutting_down"));
        assert_eq!(ends(&told), [End::Interrupted("shutting_down")]);
    }
}
