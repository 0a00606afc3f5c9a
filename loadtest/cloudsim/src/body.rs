//! A response body that plays a script: data, waits, and the ways to go wrong.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::Notify;

use crate::log::{Ended, Exchange};
use crate::reply::Gate;

/// One step of a body.
#[derive(Debug)]
pub(crate) enum Step {
    /// Sends bytes.
    Data(Bytes),
    /// Waits for the gate.
    Wait(Gate),
    /// Waits so long.
    Pause(Duration),
    /// Has everything before it written to the socket.
    Flush,
    /// Does nothing for ever.
    Hang,
    /// Resets the connection.
    Reset,
    /// Closes the connection although the body is not complete.
    Close,
}

/// The reason given to hyper for closing the connection.
#[derive(Debug, thiserror::Error)]
#[error("the script closes the connection here")]
pub(crate) struct Closed;

/// A body that plays its steps, and ends its exchange with them.
pub(crate) struct Play {
    steps: VecDeque<Step>,
    waiting: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    exchange: Option<Exchange>,
    reset: Arc<Notify>,
}

impl Play {
    /// Plays `steps`; `reset` resets the connection it is played on.
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>, exchange: Exchange, reset: Arc<Notify>) -> Self {
        Self { steps: steps.into_iter().collect(), waiting: None, exchange: Some(exchange), reset }
    }

    /// A body outside of any exchange.
    pub(crate) fn of(bytes: impl Into<Bytes>) -> Self {
        Self { steps: [Step::Data(bytes.into())].into(), waiting: None, exchange: None, reset: Arc::default() }
    }

    fn end(&mut self, how: Ended) {
        if let Some(exchange) = &mut self.exchange {
            exchange.end(how);
        }
    }
}

impl Body for Play {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        loop {
            if let Some(waiting) = &mut self.waiting {
                std::task::ready!(waiting.as_mut().poll(context));
                self.waiting = None;
            }
            match self.steps.pop_front() {
                None => {
                    self.end(Ended::Completed);
                    return Poll::Ready(None);
                }
                Some(Step::Data(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Step::Wait(gate)) => self.waiting = Some(Box::pin(gate.wait())),
                Some(Step::Pause(time)) => self.waiting = Some(Box::pin(tokio::time::sleep(time))),
                Some(Step::Flush) => {
                    // hyper flushes when a body has nothing ready, and then asks again.
                    context.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Hang) => self.waiting = Some(Box::pin(std::future::pending())),
                Some(Step::Reset) => {
                    self.end(Ended::CutOff);
                    self.reset.notify_one();
                    self.waiting = Some(Box::pin(std::future::pending()));
                }
                Some(Step::Close) => {
                    self.end(Ended::CutOff);
                    return Poll::Ready(Some(Err(Closed)));
                }
            }
        }
    }
}

impl Drop for Play {
    fn drop(&mut self) {
        // hyper does not ask for the end of a body whose length it knows.
        if self.steps.is_empty() && self.waiting.is_none() {
            self.end(Ended::Completed);
        }
    }
}

impl fmt::Debug for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Play").field("steps", &self.steps).finish_non_exhaustive()
    }
}

/// What an infallible service returns.
pub(crate) type Answer = Result<http::Response<Play>, Infallible>;
