//! The writer's thread: drains the queue, commits it as a group, keeps everything in hand while the disk fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::disk::Disk;
use super::error::AuditError;
use super::journal::Journal;
use super::record::{Entry, Event};

/// Most entries of one commit: about 4 MiB of lines, so that a backlog does not become one huge write.
const GROUP: usize = 4096;
/// The first pause after a failed write; each further one is twice as long.
const RETRY_MIN: Duration = Duration::from_millis(100);
/// The longest pause, so that writing goes on soon after space was made.
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Tells a caller that what it had queued is durable, or why it is not.
pub(super) type Reply = oneshot::Sender<Result<(), AuditError>>;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Message {
    /// Write this.
    Entry(Entry),
    /// Say when everything sent before is durable; also a reason to try a failing disk at once.
    Flush(Reply),
    /// The same, and then end.
    Close(Reply),
}

/// What the writer and the callers know of each other, without a lock.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Entries sent and not yet durable.
    queued: AtomicUsize,
    /// The disk's last answer was an error, or the writer is gone.
    failing: AtomicBool,
    /// Requests refused since the last note about that.
    refused: AtomicU64,
}

impl State {
    pub(super) fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    pub(super) fn add_queued(&self) {
        self.queued.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(super) fn set_failing(&self) {
        self.failing.store(true, Ordering::Relaxed);
    }

    pub(super) fn add_refused(&self, count: u64) {
        self.refused.fetch_add(count, Ordering::Relaxed);
    }
}

/// The thread's own state.
pub(super) struct Writer<D> {
    journal: Journal<D>,
    inbox: Receiver<Message>,
    state: Arc<State>,
    /// Entries taken from the queue and not yet durable.
    held: Vec<Entry>,
    waiting: Vec<Reply>,
    /// The disk's last error, and the pause before the next try.
    failure: Option<(String, Duration)>,
}

/// Whether there will be more.
enum Next {
    GoOn,
    End,
}

impl<D: Disk> Writer<D> {
    pub(super) fn new(journal: Journal<D>, inbox: Receiver<Message>, state: Arc<State>) -> Self {
        Self { journal, inbox, state, held: Vec::new(), waiting: Vec::new(), failure: None }
    }

    /// Works until told to close, or until every sender is gone.
    pub(super) fn run(mut self) {
        loop {
            let next = match &self.failure {
                None => self.collect(),
                Some((_, pause)) => self.collect_for(*pause),
            };
            if let Next::End = next {
                self.take_rest();
            }
            self.commit(&next);
            if matches!(next, Next::End) {
                return;
            }
        }
    }

    /// Waits for a message, then takes what else is there.
    fn collect(&mut self) -> Next {
        let Ok(first) = self.inbox.recv() else {
            return Next::End;
        };
        let mut next = self.take(first);
        while matches!(next, Next::GoOn) && self.held.len() < GROUP {
            match self.inbox.try_recv() {
                Ok(message) => next = self.take(message),
                Err(_) => break,
            }
        }
        next
    }

    /// Takes messages until the pause is over or somebody waits for an answer.
    fn collect_for(&mut self, pause: Duration) -> Next {
        let until = Instant::now() + pause;
        while self.waiting.is_empty() {
            match self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(message) => {
                    if let Next::End = self.take(message) {
                        return Next::End;
                    }
                }
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Next::End,
            }
        }
        Next::GoOn
    }

    /// Takes what was sent while the log was being closed.
    fn take_rest(&mut self) {
        while let Ok(message) = self.inbox.try_recv() {
            self.take(message);
        }
    }

    fn take(&mut self, message: Message) -> Next {
        match message {
            Message::Entry(entry) => self.held.push(entry),
            Message::Flush(reply) => self.waiting.push(reply),
            Message::Close(reply) => {
                self.waiting.push(reply);
                return Next::End;
            }
        }
        Next::GoOn
    }

    fn commit(&mut self, next: &Next) {
        let mut result = self.write();
        if let (Ok(()), Next::End) = (&result, next) {
            result = self.journal.finish();
        }
        match &result {
            Ok(()) => self.succeeded(),
            Err(error) => self.failed(error, next),
        }
        for reply in self.waiting.drain(..) {
            let answer = result.as_ref().map_err(|error| AuditError::Unwritable(error.to_string()));
            // Whoever asked may have gone away since.
            drop(reply.send(answer.copied()));
        }
    }

    fn write(&mut self) -> std::io::Result<()> {
        if !self.held.is_empty() {
            self.journal.append(&self.held)?;
            self.state.queued.fetch_sub(self.held.len(), Ordering::Relaxed);
            self.held.clear();
        }
        let refused = self.state.refused.swap(0, Ordering::Relaxed);
        if refused > 0 || self.failure.is_some() {
            let error = self.failure.as_ref().map(|(error, _)| error.clone());
            let noted = self.journal.append(&[Entry::now(Event::Resumed { refused, error })]);
            if noted.is_err() {
                self.state.add_refused(refused);
            }
            noted?;
        }
        self.journal.mark()
    }

    fn succeeded(&mut self) {
        if self.failure.take().is_some() {
            self.state.failing.store(false, Ordering::Relaxed);
            tracing::warn!("the audit log can be written again");
        }
    }

    fn failed(&mut self, error: &std::io::Error, next: &Next) {
        let held = self.held.len();
        match next {
            Next::GoOn if self.failure.is_none() => {
                tracing::error!(%error, held, "the audit log cannot be written: new requests are refused until it can");
            }
            Next::GoOn => tracing::debug!(%error, held, "the audit log still cannot be written"),
            Next::End => tracing::error!(%error, lost = held, "the audit log ends without its last records"),
        }
        self.state.set_failing();
        let pause = self.failure.as_ref().map_or(RETRY_MIN, |(_, pause)| RETRY_MAX.min(*pause * 2));
        self.failure = Some((error.to_string(), pause));
    }
}
