//! What is logged: one [`Record`] a request, and the log's notes about itself.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use crate::context::Turnout;

/// One request, closed: who asked for what, what was decided, what became of it.
///
/// Written as one JSON object with the fields in this order; an absent value is `null`, so that every line has the same
/// keys. It holds names and numbers only: no prompt, no answer, no credential.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// The id that every log line and the answer's header carry.
    pub request_id: Arc<str>,
    /// The principal's tenant; `None` for a caller who was not authenticated.
    pub tenant: Option<Arc<str>>,
    /// The token's `sub`.
    pub subject: Option<Arc<str>>,
    /// The token's `iss`.
    pub issuer: Option<Arc<str>>,
    /// The token's `jti`.
    pub token_id: Option<Arc<str>>,
    /// What was asked for, such as `chat` or `embeddings`; `None` where no such operation was recognised.
    pub operation: Option<Cow<'static, str>>,
    /// The HTTP method.
    pub method: Cow<'static, str>,
    /// The path, without the query.
    pub path: Box<str>,
    /// The model alias that the caller asked for.
    pub model: Option<Arc<str>>,
    /// The policy's route that was taken.
    pub route: Option<Arc<str>>,
    /// The larger model that it went on to, because it is too long for the route of the one that was asked for.
    pub larger: Option<Arc<str>>,
    /// The backend that served the last attempt.
    pub backend: Option<Arc<str>>,
    /// Whether the request was let through.
    pub decision: Decision,
    /// A short, stable word for the reason of a denial or failure.
    pub reason: Option<Cow<'static, str>>,
    /// The HTTP status that the caller got.
    pub status: u16,
    /// How the answer ended.
    pub outcome: Outcome,
    /// The `request_id` of the request whose outcome the caller got, where an idempotency key made this one a repetition of it.
    pub replay_of: Option<Arc<str>>,
    /// How many times an upstream was tried.
    pub attempts: u32,
    /// How many of them were begun beside one that was slow.
    pub hedges: u32,
    /// Each of them, in the order in which they were decided.
    pub tried: Vec<Attempt>,
    /// The backend that was sent a copy of the request, to be compared; whatever came of that.
    pub shadow: Option<Arc<str>>,
    /// Tokens read by the model.
    pub prompt_tokens: Option<u64>,
    /// Tokens written by the model.
    pub completion_tokens: Option<u64>,
    /// Whether these are the gateway's own estimate, because the answer did not come to where its backend would have told.
    pub tokens_estimated: bool,
    /// What the answer cost, in billionths of a US dollar, where the policy or its table of prices knows; estimated where the tokens are.
    pub cost_nano_usd: Option<u64>,
    /// What further attempts cost that were too slow to be of use, by estimate.
    pub wasted_nano_usd: Option<u64>,
    /// From the request's head to the end of the answer, in milliseconds.
    pub duration_ms: u64,
    /// Digest of the policy that the decision was made under.
    pub policy: Option<Arc<str>>,
    /// The peer's IP address.
    pub client: Option<std::net::IpAddr>,
}

/// An attempt at an upstream.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attempt {
    /// The backend.
    pub backend: Arc<str>,
    /// What came of it.
    pub turnout: Turnout,
    /// Whether it was begun beside one that was slow.
    pub hedge: bool,
    /// About how many tokens the backend read for nothing, where it was called off or took too long: it wants to be paid for them all the same.
    pub wasted_prompt_tokens: Option<u64>,
}

/// Whether a request was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The caller may do this.
    Granted,
    /// Not authenticated, not authorised, or refused by a limit.
    Denied,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole answer was handed over.
    Completed,
    /// The answer broke off after its first byte.
    Interrupted,
    /// The client went away first.
    ClientClosed,
    /// There was an error answer instead.
    Failed,
}

/// What a line is about.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    /// A request was closed.
    Request(Box<Record>),
    /// At start, bytes of an unfinished write were cut off the end of the log.
    Recovered {
        /// The segment's file name.
        file: String,
        /// How many bytes were cut.
        cut_bytes: u64,
        /// SHA-256 of these bytes, in hex.
        cut_sha256: String,
    },
    /// Requests were refused because the log could not be written or could not keep up; now it can again.
    Resumed {
        /// How many requests were refused since the last such line, none of which has a record of its own.
        refused: u64,
        /// The disk's last error; `None` where the queue was full.
        error: Option<String>,
    },
}

/// An event and when it happened; the writer gives it its number and its place in the chain.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) at: Timestamp,
    pub(super) event: Event,
}

impl Entry {
    pub(super) fn now(event: Event) -> Self {
        Self { at: Timestamp(SystemTime::now().into()), event }
    }
}

/// A time as RFC 3339 in UTC with milliseconds: fixed width, so that lines sort as text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timestamp(OffsetDateTime);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, time) = (self.0.date(), self.0.time());
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.millisecond()
        )
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
