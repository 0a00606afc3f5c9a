//! The thread that puts decisions into words and writes them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    thread,
    time::{Duration, SystemTime},
};

use tokio::sync::oneshot;

use super::{files::Rolling, record::Ended, told::Told};

/// Records are gathered for so long, so that a busy gateway does not wake this thread with every request.
const GATHER: Duration = Duration::from_millis(50);
/// How often it is looked whether files have become too old, where nothing is written.
const TIDY: Duration = Duration::from_mins(10);
/// A group of records of so many bytes is written at once.
const GROUP: usize = 1 << 20;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Message {
    /// Record this.
    Ended(Ended),
    /// Say when everything sent before is in the file, or was dropped.
    Flush(oneshot::Sender<()>),
    /// Look whether it is time to end.
    Wake,
}

/// The thread's own state.
pub(super) struct Writer {
    files: Rolling,
    inbox: Receiver<Message>,
    share: f64,
    is_closing: Arc<AtomicBool>,
    /// Lines that are not in a file yet, and how many.
    lines: Vec<u8>,
    count: u64,
    waiting: Vec<oneshot::Sender<()>>,
    told: Told,
}

impl Writer {
    pub(super) fn new(files: Rolling, inbox: Receiver<Message>, share: f64, is_closing: Arc<AtomicBool>, told: Told) -> Self {
        Self { files, inbox, share, is_closing, lines: Vec::new(), count: 0, waiting: Vec::new(), told }
    }

    /// Works until it is closed, or until nobody is left who could send.
    pub(super) fn run(mut self) {
        while !self.is_closing.load(Ordering::Acquire) {
            match self.inbox.recv_timeout(TIDY) {
                Ok(message) => {
                    self.take(message);
                    if self.waiting.is_empty() {
                        thread::park_timeout(GATHER);
                    }
                    self.gather();
                }
                Err(RecvTimeoutError::Timeout) => self.files.prune(SystemTime::now()),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.gather();
    }

    /// Takes and writes all that is there.
    fn gather(&mut self) {
        while let Ok(message) = self.inbox.try_recv() {
            self.take(message);
            if self.lines.len() >= GROUP {
                self.write();
            }
        }
        self.write();
        for waiting in self.waiting.drain(..) {
            let _left_meanwhile = waiting.send(());
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Ended(ended) => self.put_into_words(&ended),
            Message::Flush(reply) => self.waiting.push(reply),
            Message::Wake => {}
        }
    }

    fn put_into_words(&mut self, ended: &Ended) {
        let Some(decision) = ended.record(self.share) else { return };
        let before = self.lines.len();
        match decision.write_line(&mut self.lines) {
            Ok(()) => self.count += 1,
            Err(error) => {
                self.lines.truncate(before);
                tracing::error!(%error, "a decision cannot be written as JSON");
            }
        }
    }

    fn write(&mut self) {
        if self.lines.is_empty() {
            return;
        }
        let written = self.files.append(&self.lines, SystemTime::now());
        self.told.tell(self.count, &written);
        self.lines.clear();
        self.count = 0;
    }
}
