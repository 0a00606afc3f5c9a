//! What the simulated cloud does with one request.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Semaphore;

/// What to do with one request that passed the checks.
///
/// A streamed answer counts in events, as the cloud frames them. In OpenAI's dialect the first carries the role, then comes one
/// for each piece of the answer, one with the finish reason, one with the usage if it was asked for, and `[DONE]`. A plain answer
/// counts as two events, its two halves.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "reply", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reply {
    /// Answers as it should.
    Normal,
    /// Answers with this status.
    Status {
        /// The status code.
        status: u16,
        /// Headers to add.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body; by default, an error in the cloud's manner.
        #[serde(default)]
        body: Option<String>,
    },
    /// Answers that too much was asked, in the cloud's manner.
    RateLimited {
        /// When to come back.
        seconds: u64,
    },
    /// Answers that the credential has expired, in the cloud's manner; a token that the simulator issued has from now on.
    Expired,
    /// Status 200, and an error in the cloud's manner for a body.
    SuccessWithError,
    /// The head of an answer, and a body without a byte that ends properly.
    EmptyStream,
    /// An error in the cloud's manner after so many events of a stream, which then ends. A plain answer fails as a whole.
    InStreamError {
        /// How many are sent.
        events: usize,
    },
    /// Sends so many events and half of the next one, and ends the body properly.
    CutFrame {
        /// How many are sent whole.
        events: usize,
    },
    /// Sends all events, one of them with its last byte changed: a frame whose checksum is wrong, or text that is no JSON.
    BadChecksum {
        /// How many come before the one that is changed.
        events: usize,
    },
    /// Never sends a byte.
    HangBeforeHeaders,
    /// Sends the head of the answer and nothing more.
    HangBeforeFirstToken,
    /// Falls silent after so many events, and keeps the connection open.
    StallAfter {
        /// How many are sent.
        events: usize,
    },
    /// Resets the connection (RST) before sending a byte.
    ResetBeforeHeaders,
    /// Resets the connection (RST) after so many events, which are flushed first.
    ResetAfter {
        /// How many are sent.
        events: usize,
    },
    /// Closes the connection (FIN) in the middle of the body, after so many events: HTTP says that it is incomplete.
    CloseAfter {
        /// How many are sent.
        events: usize,
    },
    /// Ends the body properly after so many events: HTTP says that it is complete, but the end of the stream or the second half
    /// is missing.
    EndAfter {
        /// How many are sent.
        events: usize,
    },
    /// Status 200 with an HTML page, as captive portals and broken proxies send it.
    Html,
    /// Status 200 and the right content type, but bytes that are neither UTF-8 nor JSON nor events.
    Garbage,
    /// Answers as it should, but each event waits for the gate.
    #[serde(skip)]
    Gated(Gate),
}

impl Reply {
    /// A reply with this status and an error in the cloud's manner.
    pub fn status(status: u16) -> Self {
        Self::Status { status, headers: Vec::new(), body: None }
    }

    /// A 429 that asks to come back after `wait`, in whole seconds.
    pub fn rate_limited(wait: Duration) -> Self {
        Self::RateLimited { seconds: wait.as_secs() }
    }
}

/// Lets a test decide when each event is sent. Clones are the same gate.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A gate that lets nothing through yet.
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets `events` more events through.
    pub fn pass(&self, events: usize) {
        self.0.add_permits(events);
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.close();
    }

    /// Waits to be let through.
    pub(crate) async fn wait(self) {
        // An error means that the gate was opened for good.
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}
