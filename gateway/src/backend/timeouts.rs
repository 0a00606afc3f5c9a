//! Layer 18: how long an attempt may take until its first event, between events, and in all; and how fast events have to come.
//!
//! The connector bounds the connection itself. A whole answer has no first token to wait for, so only the total bounds it. The deadline
//! of the request is not looked at here: when it passes, the request is dropped with its attempt, and the backend is not to blame.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, future::BoxFuture};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep, sleep_until, timeout};
use tower::{Layer, Service};

use super::{Attempt, throughput::Throughput};
use crate::{
    body::EventStream,
    error::{Error, Kind},
    inference::{Answer, Content, Failure},
};

/// Wraps a backend in [`AttemptTimeouts`].
#[derive(Debug, Clone, Copy, Default)]
pub struct AttemptTimeoutsLayer;

impl<S> Layer<S> for AttemptTimeoutsLayer {
    type Service = AttemptTimeouts<S>;

    fn layer(&self, inner: S) -> AttemptTimeouts<S> {
        AttemptTimeouts { inner }
    }
}

/// Gives up on an attempt that takes too long; dropping it cancels what the backend was doing.
#[derive(Debug, Clone)]
pub struct AttemptTimeouts<S> {
    inner: S,
}

impl<S> Service<Attempt> for AttemptTimeouts<S>
where
    S: Service<Attempt, Response = Answer, Error = Failure>,
    S::Future: Send + 'static,
{
    type Response = Answer;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Answer, Failure>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, attempt: Attempt) -> Self::Future {
        let timeouts = attempt.timeouts;
        let started = Instant::now();
        let limit = if attempt.inference.head().stream { timeouts.first_token.min(timeouts.total) } else { timeouts.total };
        let answer = self.inner.call(attempt);
        Box::pin(async move {
            match timeout(limit, answer).await {
                Ok(Ok(Answer { content: Content::Events(events), dropped, limits })) => {
                    let bounded = Bounded {
                        events,
                        idle: timeouts.idle,
                        gap: sleep(timeouts.idle),
                        end: sleep_until(started + timeouts.total),
                        throughput: timeouts.tokens_per_second.map(Throughput::new),
                        judged: sleep(Duration::MAX),
                    };
                    Ok(Answer::events(Box::pin(bounded)).without(dropped).within(limits))
                }
                Ok(other) => other,
                Err(_) => Err(Failure::backend(Kind::Timeout, format!("no answer within {}", humantime::format_duration(limit)))),
            }
        })
    }
}

pin_project! {
    /// A stream that may neither stall nor trickle nor go on for ever.
    struct Bounded {
        events: EventStream,
        idle: Duration,
        #[pin]
        gap: Sleep,
        #[pin]
        end: Sleep,
        throughput: Option<Throughput>,
        #[pin]
        judged: Sleep,
    }
}

impl Stream for Bounded {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let now = Instant::now();
        if let Poll::Ready(item) = this.events.as_mut().poll_next(cx) {
            this.gap.as_mut().reset(now + *this.idle);
            if let (Some(throughput), Some(Ok(piece))) = (this.throughput.as_mut(), &item) {
                throughput.received(now, piece);
            }
            return Poll::Ready(item);
        }
        let late = if this.gap.poll(cx).is_ready() {
            format!("The upstream sent nothing for {}.", humantime::format_duration(*this.idle))
        } else if this.end.poll(cx).is_ready() {
            "The answer took longer than an attempt may.".to_owned()
        } else if let Some(throughput) = this.throughput {
            match throughput.waits(now) {
                Err(slow) => slow.to_string(),
                Ok(again) => {
                    this.judged.as_mut().reset(again);
                    if this.judged.poll(cx).is_ready() {
                        // It was so near that it is over already.
                        cx.waker().wake_by_ref();
                    }
                    return Poll::Pending;
                }
            }
        } else {
            return Poll::Pending;
        };
        Poll::Ready(Some(Err(Error::new(Kind::StreamInterrupted, late))))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};
    use tradewind_policies::{
        Policy, SourceFile,
        spec::{Timeouts, TokenRate},
    };

    use super::*;

    /// Limits of which only that on the speed matters.
    fn asking_for(tokens_per_second: &str) -> Timeouts {
        let text = format!(
            "version = 1\n[backend.a]\nprovider = \"openai\"\nsecret = \"env:KEY\"\nmodels.m = {{}}\n\
             timeouts = {{ tokens_per_second = {tokens_per_second}, idle = \"10m\", total = \"1h\" }}"
        );
        let policy = Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap();
        policy.backends()[0].timeouts
    }

    fn bounded(timeouts: Timeouts, events: EventStream) -> Bounded {
        Bounded {
            events,
            idle: timeouts.idle,
            gap: sleep(timeouts.idle),
            end: sleep(timeouts.total),
            throughput: timeouts.tokens_per_second.map(Throughput::new),
            judged: sleep(Duration::MAX),
        }
    }

    /// An event after each of these pauses, and then no more.
    fn events(pauses: impl Iterator<Item = Duration> + Send + 'static) -> EventStream {
        Box::pin(stream::iter(pauses).then(|pause| async move {
            sleep(pause).await;
            Ok(Bytes::from_static(b": still here\n\ndata: {}\n\n"))
        }))
    }

    fn every(pause: Duration, times: usize) -> impl Iterator<Item = Duration> + Send + 'static {
        std::iter::repeat_n(pause, times)
    }

    /// How many events came, and what went wrong after how long.
    async fn outcome(stream: Bounded) -> (usize, Option<(Kind, String, u64)>) {
        let begun = Instant::now();
        let mut stream = Box::pin(stream);
        let mut passed = 0;
        while let Some(item) = stream.next().await {
            match item {
                Ok(_) => passed += 1,
                // Whoever reads a stream stops here.
                Err(error) => return (passed, Some((error.kind(), error.to_string(), begun.elapsed().as_secs()))),
            }
        }
        (passed, None)
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_trickles_is_ended_with_a_word_on_its_speed() {
        let stream = bounded(asking_for("0.5"), events(every(Duration::from_secs(4), 1000)));
        let (passed, fault) = outcome(stream).await;
        let (kind, message, after) = fault.unwrap();
        assert_eq!((kind, passed, after), (Kind::StreamInterrupted, 7, TokenRate::WINDOW.as_secs()));
        assert!(message.contains("0.23 tokens a second over 30 s, fewer than the 0.5"), "{message}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_slows_down_is_given_one_window() {
        let pauses = every(Duration::from_millis(100), 1200).chain(every(Duration::from_secs(4), 1000));
        let (passed, fault) = outcome(bounded(asking_for("0.5"), events(pauses))).await;
        let (_, _, after) = fault.unwrap();
        assert!((120 + 20..=120 + 35).contains(&after), "{after}");
        assert!(passed > 1200);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_is_just_fast_enough_goes_on() {
        let (passed, fault) = outcome(bounded(asking_for("0.5"), events(every(Duration::from_millis(1900), 300)))).await;
        assert_eq!((passed, fault), (300, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_within_the_window_is_forgiven() {
        let pauses = every(Duration::from_millis(100), 600).chain(every(Duration::from_secs(20), 1));
        let pauses = pauses.chain(every(Duration::from_millis(100), 600));
        assert_eq!(outcome(bounded(asking_for("1"), events(pauses))).await, (1201, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_slowly_is_not_taken_for_a_slow_server() {
        let mut stream = Box::pin(bounded(asking_for("5"), events(every(Duration::from_millis(1), 100))));
        let mut passed = 0;
        while let Some(item) = stream.next().await {
            item.unwrap();
            passed += 1;
            sleep(Duration::from_secs(5)).await;
        }
        assert_eq!(passed, 100);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_asked_of_a_stream_unless_the_policy_does() {
        assert_eq!(outcome(bounded(asking_for("0"), events(every(Duration::from_secs(500), 5)))).await, (5, None));
    }
}
