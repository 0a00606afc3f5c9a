//! Comments for a client that waits within a stream.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep};

/// A comment of server-sent events.
const COMMENT: &[u8] = b": keep-alive\n\n";

/// Watches for pauses.
pub(super) struct KeepAlive {
    every: Duration,
    /// When something came last.
    last: Instant,
    timer: Pin<Box<Sleep>>,
}

impl KeepAlive {
    pub(super) fn new(every: Duration) -> Self {
        Self { every, last: Instant::now(), timer: Box::pin(sleep(every)) }
    }

    /// What was polled, or a comment in a pause. The timer is not set anew with each piece, which comes more often than it fires: it finds
    /// out by itself how much too early it was.
    pub(super) fn poll<E>(
        &mut self,
        polled: Poll<Option<Result<Bytes, E>>>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, E>>> {
        if polled.is_ready() {
            self.last = Instant::now();
            return polled;
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let due = self.last + self.every;
            let is_due = due <= Instant::now();
            if is_due {
                self.last = Instant::now();
            }
            self.timer.as_mut().reset(self.last + self.every);
            if is_due {
                return Poll::Ready(Some(Ok(Bytes::from_static(COMMENT))));
            }
        }
    }
}
