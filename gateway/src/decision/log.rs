//! [`Decisions`]: what the gateway holds to have its decisions recorded.

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
};

use http::HeaderMap;
use metrics::{Counter, counter};
use rand::RngExt;
use tokio::sync::oneshot;

use super::{
    files::{Limits, Rolling},
    kept::{KeptNames, KeptUntilTheEnd},
    record::Ended,
    told::Told,
    writer::{Message, Writer},
};
use crate::telemetry::names;

/// So many requests may wait to be recorded; half a megabyte, and a tenth of a second of forty thousand requests a second.
const QUEUE: usize = 4096;

/// How the log is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionOptions {
    /// Its folder; made if it is not there.
    pub dir: PathBuf,
    /// Which share of the requests is recorded, from 0 to 1.
    pub share: f64,
    /// How large and how old its files may become.
    pub limits: Limits,
    /// The claims and headers that are recorded.
    pub named: KeptNames,
}

/// A handle on the decision log; clones write to the same log.
#[derive(Clone, Debug)]
pub struct Decisions(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    inbox: SyncSender<Message>,
    share: f64,
    named: Arc<KeptNames>,
    unqueued: Counter,
    is_closing: Arc<AtomicBool>,
    writer: Mutex<Option<JoinHandle<()>>>,
    thread: thread::Thread,
}

impl Decisions {
    /// No log.
    #[must_use]
    pub const fn off() -> Self {
        Self(None)
    }

    /// Starts what writes the log. A folder that cannot be written is told and tried again: it is no reason not to serve.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn open(options: DecisionOptions) -> std::io::Result<Self> {
        let (inbox, messages) = sync_channel(QUEUE);
        let is_closing = Arc::new(AtomicBool::new(false));
        let DecisionOptions { dir, share, limits, named } = options;
        // Looked up here, where the recorder is that of whoever opens the log.
        let count = |result| counter!(names::DECISIONS, names::RESULT => result);
        let told = Told::new(count("written"), count("disk"));
        let writer = Writer::new(Rolling::new(dir, limits), messages, share, Arc::clone(&is_closing), told);
        let handle = thread::Builder::new().name("decisions".into()).spawn(move || writer.run())?;
        let thread = handle.thread().clone();
        let (unqueued, writer) = (count("queue_full"), Mutex::new(Some(handle)));
        Ok(Self(Some(Arc::new(Shared { inbox, share, named: Arc::new(named), unqueued, is_closing, writer, thread }))))
    }

    /// Whether the next request is to be recorded.
    pub(super) fn takes_one(&self) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.share >= 1.0 || rand::rng().random_bool(shared.share))
    }

    /// What is to be kept of a request with these headers until it is recorded; none without a log.
    pub(super) fn keep(&self, headers: &HeaderMap) -> Option<KeptUntilTheEnd> {
        self.0
            .as_ref()
            .map(|shared| KeptUntilTheEnd { named: Arc::clone(&shared.named), headers: shared.named.of_headers(headers) })
    }

    /// Has it recorded, or counts that it is not. Never waits.
    pub(super) fn record(&self, ended: Ended) {
        let Some(shared) = &self.0 else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = shared.inbox.try_send(Message::Ended(ended)) {
            shared.unqueued.increment(1);
        }
    }

    /// Waits until what was recorded before is in the file, or was dropped.
    pub async fn flush(&self) {
        let Some(shared) = &self.0 else { return };
        let (reply, answer) = oneshot::channel();
        // A queue that is full is being written right now.
        if shared.inbox.try_send(Message::Flush(reply)).is_ok() {
            shared.thread.unpark();
            let _closed_meanwhile = answer.await;
        }
    }

    /// Writes what is left, and ends. Later requests are not recorded.
    pub async fn close(&self) {
        let Some(shared) = self.0.clone() else { return };
        let closing = tokio::task::spawn_blocking(move || shared.close());
        if closing.await.is_err() {
            tracing::error!("the writer of the decision log ended in a panic");
        }
    }
}

impl Shared {
    fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
        // It may be waiting for a message, or out of patience with a full queue, which it is about to empty.
        let _wakes_it = self.inbox.try_send(Message::Wake);
        self.thread.unpark();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the writer of the decision log ended in a panic");
        }
    }
}
