//! Closes connections that hold a place without using it: a request head that does not come, or nobody at all.
//!
//! [`Activity`] is what the connection's parts note down, with atomics only; [`Watchdog`] is the future that looks at
//! it. A request costs no timer operation: the timer is moved only to an *earlier* moment, and when it fires too
//! early it is set to the right one.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// In [`Activity::head_since`]: no head has begun.
const NO_HEAD: u64 = u64::MAX;

/// What one connection is doing.
#[derive(Debug)]
pub(super) struct Activity {
    /// When the connection was accepted; the moments below are milliseconds after it.
    accepted: Instant,
    requests: AtomicUsize,
    /// The end of the last request.
    quiet_since: AtomicU64,
    /// The first byte of a head that is not complete; 0 until the first request.
    head_since: AtomicU64,
}

impl Activity {
    /// Of a connection that was just accepted. Its first head counts as begun: a client connects to send one.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            accepted: Instant::now(),
            requests: AtomicUsize::new(0),
            quiet_since: AtomicU64::new(0),
            head_since: AtomicU64::new(0),
        })
    }

    /// Counts a request until the guard is dropped.
    pub(super) fn request(self: &Arc<Self>) -> InProgress {
        self.requests.fetch_add(1, Ordering::AcqRel);
        self.head_since.store(NO_HEAD, Ordering::Release);
        InProgress { activity: Arc::clone(self) }
    }

    /// Whether no request has come yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.head_since.load(Ordering::Acquire) == 0
    }

    /// Lets the idle time begin anew.
    pub(super) fn rest(&self) {
        self.quiet_since.store(self.elapsed(), Ordering::Release);
    }

    /// Notes that bytes came in, which outside of a request are the head of the next one.
    fn bytes(&self) {
        if self.requests.load(Ordering::Acquire) == 0 && self.head_since.load(Ordering::Acquire) == NO_HEAD {
            // Not 0, which only the first head has.
            self.head_since.store(self.elapsed().max(1), Ordering::Release);
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(NO_HEAD - 1)
    }
}

/// A request in progress; dropped when its response has ended.
#[derive(Debug)]
pub(super) struct InProgress {
    activity: Arc<Activity>,
}

impl Drop for InProgress {
    fn drop(&mut self) {
        // First the moment, then the count: whoever sees no request must also see since when.
        self.activity.rest();
        self.activity.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Why a connection should be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// A head has begun and did not become complete in time.
    Head,
    /// No request for too long.
    Idle,
}

/// Resolves when the connection is overdue. It must be polled after every poll of the connection, in the same task.
pub(super) struct Watchdog {
    activity: Arc<Activity>,
    header_timeout: Duration,
    idle: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Watchdog {
    pub(super) fn new(activity: Arc<Activity>, header_timeout: Duration, idle: Duration) -> Self {
        let timer = Box::pin(sleep_until(activity.accepted + header_timeout.min(idle)));
        Self { activity, header_timeout, idle, timer }
    }

    /// When the connection is overdue if nothing happens until then; never while a request is in progress.
    fn due(&self) -> Option<(Instant, Overdue)> {
        if self.activity.requests.load(Ordering::Acquire) > 0 {
            return None;
        }
        let at = |milliseconds, timeout| self.activity.accepted + Duration::from_millis(milliseconds) + timeout;
        Some(match self.activity.head_since.load(Ordering::Acquire) {
            NO_HEAD => (at(self.activity.quiet_since.load(Ordering::Acquire), self.idle), Overdue::Idle),
            since => (at(since, self.header_timeout), Overdue::Head),
        })
    }
}

impl Future for Watchdog {
    type Output = Overdue;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Overdue> {
        if let Some((at, _)) = self.due()
            && at < self.timer.deadline()
        {
            self.timer.as_mut().reset(at);
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let now = Instant::now();
            let next = match self.due() {
                Some((at, overdue)) if at <= now => return Poll::Ready(overdue),
                Some((at, _)) => at,
                // A request that ends from now on leaves a connection that is overdue after this moment at the earliest.
                None => now + self.idle,
            };
            self.timer.as_mut().reset(next);
        }
    }
}

pin_project! {
    /// Tells the activity when bytes come in. For HTTP/1 only: what HTTP/2 sends between requests is housekeeping.
    pub(super) struct WatchedIo<T> {
        #[pin]
        io: T,
        activity: Arc<Activity>,
    }
}

impl<T> WatchedIo<T> {
    pub(super) fn new(io: T, activity: Arc<Activity>) -> Self {
        Self { io, activity }
    }
}

impl<T: AsyncRead> AsyncRead for WatchedIo<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.project();
        let before = buffer.filled().len();
        ready!(this.io.poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            this.activity.bytes();
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite> AsyncWrite for WatchedIo<T> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.project().io.poll_write(cx, bytes)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.project().io.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::advance;

    use super::*;

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(300);

    fn watch() -> (Arc<Activity>, Watchdog) {
        let activity = Activity::new();
        (Arc::clone(&activity), Watchdog::new(activity, HEAD, IDLE))
    }

    async fn poll_once(watchdog: &mut Watchdog) -> Poll<Overdue> {
        poll_fn(|cx| Poll::Ready(Pin::new(&mut *watchdog).poll(cx))).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_never_sends_a_head_is_overdue_after_the_header_timeout() {
        let (_, watchdog) = watch();
        let start = Instant::now();
        assert_eq!(watchdog.await, Overdue::Head);
        assert_eq!(start.elapsed(), HEAD);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_may_take_any_time_and_the_idle_time_begins_at_its_end() {
        let (activity, mut watchdog) = watch();
        let request = activity.request();
        for _ in 0..10 {
            advance(IDLE).await;
            assert_eq!(poll_once(&mut watchdog).await, Poll::Pending);
        }
        drop(request);
        let quiet = Instant::now();
        assert_eq!(watchdog.await, Overdue::Idle);
        assert_eq!(quiet.elapsed(), IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_head_that_begins_must_be_complete_in_time_however_long_the_connection_was_idle() {
        let (activity, mut watchdog) = watch();
        drop(activity.request());
        advance(IDLE / 2).await;
        assert_eq!(poll_once(&mut watchdog).await, Poll::Pending);
        activity.bytes();
        let begun = Instant::now();
        advance(HEAD / 2).await;
        activity.bytes();
        assert_eq!(watchdog.await, Overdue::Head);
        assert_eq!(begun.elapsed(), HEAD);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_of_a_body_do_not_begin_a_head() {
        let (activity, watchdog) = watch();
        let request = activity.request();
        activity.bytes();
        drop(request);
        assert_eq!(watchdog.await, Overdue::Idle);
    }
}
