//! Layer 18: how long an attempt may take until its first event, between events, and in all.
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

use super::Attempt;
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
    /// A stream that may neither stall nor go on for ever.
    struct Bounded {
        events: EventStream,
        idle: Duration,
        #[pin]
        gap: Sleep,
        #[pin]
        end: Sleep,
    }
}

impl Stream for Bounded {
    type Item = Result<Bytes, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Poll::Ready(item) = this.events.as_mut().poll_next(cx) {
            this.gap.as_mut().reset(Instant::now() + *this.idle);
            return Poll::Ready(item);
        }
        let late = if this.gap.poll(cx).is_ready() {
            format!("The upstream sent nothing for {}.", humantime::format_duration(*this.idle))
        } else if this.end.poll(cx).is_ready() {
            "The answer took longer than an attempt may.".to_owned()
        } else {
            return Poll::Pending;
        };
        Poll::Ready(Some(Err(Error::new(Kind::StreamInterrupted, late))))
    }
}
