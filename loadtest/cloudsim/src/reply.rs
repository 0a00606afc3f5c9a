//! What the simulated cloud does with one request.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::Semaphore;

/// What to do with one request that passed the checks.
///
/// A streamed answer counts in events: the first carries the role, then comes one for each piece of the answer, one
/// with the finish reason, one with the usage if it was asked for, and `[DONE]`. A plain answer counts as two
/// events, its two halves.
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
        /// The body; by default, an error in OpenAI's shape.
        #[serde(default)]
        body: Option<String>,
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
    /// Ends the body properly after so many events: HTTP says that it is complete, but `[DONE]` or the second half
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
    /// A reply with this status and an error in OpenAI's shape.
    pub fn status(status: u16) -> Self {
        Self::Status { status, headers: Vec::new(), body: None }
    }

    /// A 429 that asks to come back after `wait`, in whole seconds.
    pub fn rate_limited(wait: Duration) -> Self {
        let headers = vec![("retry-after".into(), wait.as_secs().to_string())];
        Self::Status { status: 429, headers, body: None }
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
