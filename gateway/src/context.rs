//! What is known of a request, filled in by each layer as it learns it.
//!
//! The one request extension. A layer writes what it found out and reads what those above it found out; the metrics, the audit record and the
//! access log line are made from it when the body ends. Every field but the token counts is written once, without a lock.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use http::{HeaderName, HeaderValue, Method};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tradewind_policies::RouteName;
use tradewind_protocol::{BrokenOff, Operation, Usage};
use uuid::Uuid;

use crate::{auth::Principal, body::End, error::Kind, idempotency::IdempotencyKey, route::Deployment, snapshot::Snapshot};

/// The header that says how many milliseconds somebody will wait: a client to the gateway, and the gateway to servers of the operator's own.
pub const DEADLINE: HeaderName = HeaderName::from_static("x-tradewind-deadline-ms");
/// The longest part of a path that is kept for the log and the audit record.
const PATH_LIMIT: usize = 200;

/// The name of a request, in the response header `x-request-id`, the log, and the audit record. Ids sort by time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId(Uuid);

impl RequestId {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// As a header's value.
    #[must_use]
    pub fn to_header(self) -> HeaderValue {
        HeaderValue::try_from(self.to_string()).unwrap_or_else(|_| HeaderValue::from_static("req"))
    }
}

impl Default for RequestId {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "req_{}", self.0.simple())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the application asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What to do.
    pub operation: Operation,
    /// The model, by the name the application used.
    pub model: String,
    /// Whether the answer is to come as events.
    pub streamed: bool,
}

/// How a request ended, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The client got a whole answer, or a whole refusal.
    Completed,
    /// A stream broke off after it had begun.
    Interrupted,
    /// The client went away before the end.
    ClientClosed,
    /// A bug ended it.
    Panicked,
}

impl Outcome {
    /// How a body's end looks from outside.
    #[must_use]
    pub const fn of(end: End) -> Self {
        match end {
            End::Completed => Self::Completed,
            End::Interrupted(_) => Self::Interrupted,
            End::Dropped => Self::ClientClosed,
        }
    }

    /// The outcome of a request whose future is dropped right now, without a response.
    #[must_use]
    pub fn of_abandoned() -> Self {
        if std::thread::panicking() { Self::Panicked } else { Self::ClientClosed }
    }

    /// The name in metrics and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Interrupted => "interrupted",
            Self::ClientClosed => "client_closed",
            Self::Panicked => "panicked",
        }
    }
}

/// Where a request comes from; the server puts it into the request's extensions.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Who is at the other end of the connection.
    pub client: SocketAddr,
    /// Cancelled when the grace period of a shutdown is over.
    pub forced: CancellationToken,
}

impl Origin {
    /// Of a request that no server received.
    #[must_use]
    pub fn unknown() -> Self {
        Self { client: SocketAddr::from(([0, 0, 0, 0], 0)), forced: CancellationToken::new() }
    }
}

/// What is known of one request.
pub struct RequestContext {
    id: RequestId,
    started: Instant,
    received: SystemTime,
    origin: Origin,
    method: Method,
    path: Box<str>,
    snapshot: Arc<Snapshot>,
    deadline: OnceLock<Instant>,
    principal: OnceLock<Arc<Principal>>,
    idempotency_key: OnceLock<IdempotencyKey>,
    asked: OnceLock<Asked>,
    replay_of: OnceLock<RequestId>,
    served_by: OnceLock<Arc<Deployment>>,
    error: OnceLock<Kind>,
    reason: OnceLock<&'static str>,
    route: OnceLock<RouteName>,
    attempts: AtomicU32,
    hedges: AtomicU32,
    upstream_nanos: AtomicU64,
    response_after: OnceLock<Duration>,
    first_content_after: OnceLock<Duration>,
    /// Of the last attempt that told any.
    usage: Mutex<Option<Usage>>,
    /// What went before, where that attempt went on with an answer that another had begun.
    broken_off: OnceLock<BrokenOff>,
}

impl RequestContext {
    /// A request that has just arrived. It is served by `snapshot` to its end, whatever is reloaded meanwhile. Of the
    /// path only the beginning is kept, and never the query, where some clients put keys.
    #[must_use]
    pub fn new(origin: Origin, method: Method, path: &str, snapshot: Arc<Snapshot>) -> Self {
        Self {
            id: RequestId::new(),
            started: Instant::now(),
            received: SystemTime::now(),
            origin,
            method,
            path: path.chars().take(PATH_LIMIT).collect(),
            snapshot,
            deadline: OnceLock::new(),
            principal: OnceLock::new(),
            idempotency_key: OnceLock::new(),
            asked: OnceLock::new(),
            replay_of: OnceLock::new(),
            served_by: OnceLock::new(),
            error: OnceLock::new(),
            reason: OnceLock::new(),
            route: OnceLock::new(),
            attempts: AtomicU32::new(0),
            hedges: AtomicU32::new(0),
            upstream_nanos: AtomicU64::new(0),
            response_after: OnceLock::new(),
            first_content_after: OnceLock::new(),
            usage: Mutex::new(None),
            broken_off: OnceLock::new(),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> RequestId {
        self.id
    }

    /// When its head had arrived, by the wall clock.
    #[must_use]
    pub const fn received(&self) -> SystemTime {
        self.received
    }

    /// How long ago that was.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Who is at the other end of the connection.
    #[must_use]
    pub const fn client(&self) -> SocketAddr {
        self.origin.client
    }

    /// Cancelled when the grace period of a shutdown is over.
    #[must_use]
    pub const fn forced(&self) -> &CancellationToken {
        &self.origin.forced
    }

    /// The HTTP method.
    #[must_use]
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The path, without its query, cut if it is long.
    #[must_use]
    pub const fn path(&self) -> &str {
        &self.path
    }

    /// The policy and the backends that serve it.
    #[must_use]
    pub const fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Sets the instant by which everything must be over.
    pub fn set_deadline(&self, deadline: Instant) {
        let _first_stays = self.deadline.set(deadline);
    }

    /// How long everything may still take.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.get().map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()))
    }

    /// Sets who is asking.
    pub fn set_principal(&self, principal: Arc<Principal>) {
        let _first_stays = self.principal.set(principal);
    }

    /// Who is asking; nobody before the token was verified.
    #[must_use]
    pub fn principal(&self) -> Option<&Arc<Principal>> {
        self.principal.get()
    }

    /// Sets the client's name for what is to be done once.
    pub fn set_idempotency_key(&self, key: IdempotencyKey) {
        let _first_stays = self.idempotency_key.set(key);
    }

    /// The client's name for what is to be done once, if it gave one.
    #[must_use]
    pub fn idempotency_key(&self) -> Option<&IdempotencyKey> {
        self.idempotency_key.get()
    }

    /// Sets what is asked for.
    pub fn set_asked(&self, asked: Asked) {
        let _first_stays = self.asked.set(asked);
    }

    /// What is asked for; nothing before the body was read.
    #[must_use]
    pub fn asked(&self) -> Option<&Asked> {
        self.asked.get()
    }

    /// Sets whose outcome the client gets, where that is not its own.
    pub fn set_replay_of(&self, executed: RequestId) {
        let _first_stays = self.replay_of.set(executed);
    }

    /// The request whose outcome the client gets, where this one was not executed.
    #[must_use]
    pub fn replay_of(&self) -> Option<RequestId> {
        self.replay_of.get().copied()
    }

    /// Counts an attempt at a backend and the time it took to answer or fail.
    pub fn add_attempt(&self, took: Duration) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        self.upstream_nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How many attempts were made.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// Counts an attempt that was begun beside a slow one.
    pub fn add_hedge(&self) {
        self.hedges.fetch_add(1, Ordering::Relaxed);
    }

    /// How many attempts were begun beside slow ones.
    #[must_use]
    pub fn hedges(&self) -> u32 {
        self.hedges.load(Ordering::Relaxed)
    }

    /// Sets whose answer the client gets.
    pub fn set_served_by(&self, deployment: Arc<Deployment>) {
        let _first_stays = self.served_by.set(deployment);
    }

    /// Whose answer the client gets.
    #[must_use]
    pub fn served_by(&self) -> Option<&Arc<Deployment>> {
        self.served_by.get()
    }

    /// Sets what went wrong.
    pub fn set_error(&self, kind: Kind) {
        let _first_stays = self.error.set(kind);
    }

    /// What went wrong.
    #[must_use]
    pub fn error(&self) -> Option<Kind> {
        self.error.get().copied()
    }

    /// Sets why it was denied, more exactly than the caller may know.
    pub fn set_reason(&self, reason: &'static str) {
        let _first_stays = self.reason.set(reason);
    }

    /// A short, stable word for what went wrong.
    #[must_use]
    pub fn reason(&self) -> Option<&'static str> {
        self.reason.get().copied().or_else(|| self.error().map(Kind::code))
    }

    /// Sets the route that was taken.
    pub fn set_route(&self, route: RouteName) {
        let _first_stays = self.route.set(route);
    }

    /// The route that was taken.
    #[must_use]
    pub fn route(&self) -> Option<&RouteName> {
        self.route.get()
    }

    /// The response is on its way.
    pub fn mark_response(&self) {
        let _first_stays = self.response_after.set(self.elapsed());
    }

    /// The time from the request's head to the response's head that was not spent waiting for a backend.
    #[must_use]
    pub fn overhead(&self) -> Option<Duration> {
        let waited = Duration::from_nanos(self.upstream_nanos.load(Ordering::Relaxed));
        Some(self.response_after.get()?.saturating_sub(waited))
    }

    /// The first piece of content of a stream is on its way.
    pub fn mark_first_content(&self) {
        let _first_stays = self.first_content_after.set(self.elapsed());
    }

    /// How long the first piece of content of a stream took.
    #[must_use]
    pub fn time_to_first_content(&self) -> Option<Duration> {
        self.first_content_after.get().copied()
    }

    /// Sets the tokens that an attempt used.
    pub fn set_usage(&self, usage: Usage) {
        *self.usage.lock().unwrap_or_else(PoisonError::into_inner) = Some(usage);
    }

    /// The tokens that the attempt used which answered, if it told them; those of another that it went on with not counted.
    #[must_use]
    pub fn attempt_usage(&self) -> Option<Usage> {
        *self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer broke off: what attempts use from now on is used to go on with it.
    pub fn set_broken_off(&self, broken_off: BrokenOff) {
        if self.broken_off.set(broken_off).is_ok() {
            *self.usage.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }

    /// The tokens that the answer took, if its backends told.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        match (self.broken_off.get(), self.attempt_usage()) {
            (Some(broken_off), Some(rest)) => Some(broken_off.and(rest)),
            (Some(broken_off), None) => broken_off.told,
            (None, usage) => usage,
        }
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext").field("id", &self.id).field("path", &self.path).finish_non_exhaustive()
    }
}

/// Contexts for the tests of layers.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::{
        backend::LocalEngines,
        client::{ClientOptions, client},
        credential::Surroundings,
        snapshot::Builder,
    };

    /// What builds the backends of a gateway without local models.
    pub(crate) fn builder() -> Builder {
        let http = client(&ClientOptions::plain(Duration::from_secs(1))).unwrap();
        Builder::new(LocalEngines::default(), Surroundings::of_process(http))
    }

    /// A request to a gateway that serves nothing.
    pub(crate) fn context() -> Arc<RequestContext> {
        let policy = tradewind_policies::Policy::local(None, None).unwrap();
        let snapshot = Snapshot::build(policy, &builder(), None).unwrap();
        Arc::new(RequestContext::new(Origin::unknown(), Method::POST, "/v1/chat/completions", Arc::new(snapshot)))
    }

    /// The same, from this caller.
    pub(crate) fn context_of(tenant: &str, subject: &str) -> Arc<RequestContext> {
        let context = context();
        context.set_principal(Arc::new(Principal {
            subject: subject.into(),
            tenant: tenant.parse().unwrap(),
            issuer: "https://login.example.com".into(),
            models: None,
            expires: u64::MAX,
            token_id: None,
        }));
        context
    }
}
