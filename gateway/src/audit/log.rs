//! [`Audit`]: what the gateway holds to have its requests recorded.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::disk::{Disk, FileSystem};
use super::error::AuditError;
use super::journal::Journal;
use super::record::{Entry, Event, Record};
use super::writer::{Message, Reply, State, Writer};

/// How the log is kept.
#[derive(Clone, Copy, Debug)]
pub struct AuditOptions {
    /// A segment of this size is followed by a new one, in bytes.
    pub segment_bytes: u64,
    /// With this many records not yet durable, new requests are refused.
    pub queue: usize,
}

impl Default for AuditOptions {
    /// Segments of 64 MiB, which a check reads in under a second; 8192 records, about 8 MiB of memory.
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, queue: 8192 }
    }
}

/// A handle on the audit log; clones write to the same log.
///
/// When the last clone is dropped, or after [`Audit::close`], the queue is written out and the writer's thread ends.
#[derive(Clone, Debug)]
pub struct Audit(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// `None` only while being dropped: the writer ends when its last sender is gone.
    inbox: Option<mpsc::Sender<Message>>,
    state: Arc<State>,
    capacity: usize,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// The log cannot take another request now; answer 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("audit unavailable: the log cannot be written, and no request goes unrecorded")]
pub struct Unwritable;

impl Audit {
    /// Opens the log in `dir`, or begins one, and starts its writer. Blocks while the last segments are checked.
    ///
    /// # Errors
    /// Where another process writes the log, where it is broken, or where the file system says no.
    pub fn open(dir: &Path, options: AuditOptions) -> Result<Self, AuditError> {
        Self::open_on(FileSystem, dir, options)
    }

    pub(super) fn open_on<D: Disk>(disk: D, dir: &Path, options: AuditOptions) -> Result<Self, AuditError> {
        let journal = Journal::open(dir, options.segment_bytes, disk)?;
        let (inbox, messages) = mpsc::channel();
        let state = Arc::new(State::default());
        let writer = Writer::new(journal, messages, Arc::clone(&state));
        let thread = thread::Builder::new()
            .name("audit".into())
            .spawn(move || writer.run())
            .map_err(|error| AuditError::Writer(error.to_string()))?;
        Ok(Self(Arc::new(Shared { inbox: Some(inbox), state, capacity: options.queue, writer: Mutex::new(Some(thread)) })))
    }

    /// Asks, before anything is done for a request, whether it will be recorded.
    ///
    /// A refused request needs no record of its own: the log counts it and says so as soon as it can.
    ///
    /// # Errors
    /// While the disk fails or the queue is full.
    pub fn admit(&self) -> Result<(), Unwritable> {
        if self.healthy() {
            return Ok(());
        }
        self.0.state.add_refused(1);
        Err(Unwritable)
    }

    /// Queues the record. Never blocks and never drops it, even while the log is unhealthy: [`Audit::admit`] is what
    /// bounds the queue.
    pub fn record(&self, record: Record) {
        self.0.state.add_queued();
        if let Err(Message::Entry(entry)) = self.send(Message::Entry(Entry::now(Event::Request(Box::new(record))))) {
            self.0.state.set_failing();
            tracing::error!(?entry, "a request was not recorded: the audit log is closed");
        }
    }

    /// Whether new requests are admitted.
    pub fn healthy(&self) -> bool {
        !self.0.state.failing() && self.0.state.queued() < self.0.capacity
    }

    /// Records that are not yet durable, for metrics.
    pub fn queued(&self) -> usize {
        self.0.state.queued()
    }

    /// Waits until everything recorded before is durable.
    ///
    /// # Errors
    /// Where it could not be written just now (it is kept and tried again), or where the log is closed.
    pub async fn flush(&self) -> Result<(), AuditError> {
        self.ask(Message::Flush).await
    }

    /// Writes what is queued and ends the writer. Close it when the last request is done: a later one is not recorded.
    ///
    /// # Errors
    /// Where the last records could not be written; they are lost.
    pub async fn close(&self) -> Result<(), AuditError> {
        let result = self.ask(Message::Close).await;
        self.0.join();
        result
    }

    async fn ask(&self, message: impl FnOnce(Reply) -> Message) -> Result<(), AuditError> {
        let closed = || AuditError::Writer("it was closed".into());
        let (reply, answer) = oneshot::channel();
        self.send(message(reply)).map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    fn send(&self, message: Message) -> Result<(), Message> {
        match &self.0.inbox {
            Some(inbox) => inbox.send(message).map_err(|unsent| unsent.0),
            None => Err(message),
        }
    }
}

impl Shared {
    fn join(&self) {
        let thread = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            self.state.set_failing();
            tracing::error!("the audit writer ended in a panic");
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.inbox = None;
        self.join();
    }
}
