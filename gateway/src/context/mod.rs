//! What is known of a request, filled in by each layer as it learns it.
//!
//! The one request extension. A layer writes what it found out and reads what those above it found out; the metrics, the audit record and the
//! access log line are made from it when the body ends. Every field but the route, the attempts and the token counts is written once, without a lock.

mod copied;
mod outcome;
mod request_id;
mod taken;
#[cfg(test)]
pub(crate) mod testing;
mod tokens;
mod trace;
mod tried;

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use http::{HeaderName, Method};
use smallvec::SmallVec;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tradewind_policies::{Attributes, Caller, Session, spec::NanoUsd};
use tradewind_protocol::{BrokenOff, Operation, Usage};

use self::tokens::Tokens;
pub use self::{
    copied::Copied,
    outcome::Outcome,
    request_id::RequestId,
    taken::Taken,
    tokens::TokenCount,
    trace::{Look, Made, Trace},
    tried::{Tried, Turnout},
};
use crate::{auth::Principal, error::Kind, idempotency::IdempotencyKey, route::Deployment, snapshot::Snapshot};

/// The header that says how many milliseconds somebody will wait: a client to the gateway, and the gateway to servers of the operator's own.
pub const DEADLINE: HeaderName = HeaderName::from_static("x-tradewind-deadline-ms");
/// The longest part of a path that is kept for the log and the audit record.
const PATH_LIMIT: usize = 200;

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
    headers: OnceLock<Attributes>,
    no_headers: Attributes,
    idempotency_key: OnceLock<IdempotencyKey>,
    session: OnceLock<Session>,
    asked: OnceLock<Asked>,
    replay_of: OnceLock<RequestId>,
    served_by: OnceLock<Arc<Deployment>>,
    error: OnceLock<Kind>,
    reason: OnceLock<&'static str>,
    taken: Mutex<Option<Taken>>,
    outgrown: AtomicU64,
    tried: Mutex<SmallVec<[Tried; 2]>>,
    hedges: AtomicU32,
    upstream_nanos: AtomicU64,
    response_after: OnceLock<Duration>,
    first_content_after: OnceLock<Duration>,
    tokens: Mutex<Tokens>,
    copied: Mutex<Option<Copied>>,
    is_copy: bool,
    trace: OnceLock<Mutex<Trace>>,
}

impl RequestContext {
    /// A request that has just arrived. It is served by `snapshot` to its end, whatever is reloaded meanwhile. Of the
    /// path only the beginning is kept, and never the query, where some clients put keys.
    #[must_use]
    pub fn new(origin: Origin, method: Method, path: &str, snapshot: Arc<Snapshot>) -> Self {
        Self {
            id: RequestId::new(),
            started: Instant::now(),
            received: snapshot.now(),
            origin,
            method,
            path: path.chars().take(PATH_LIMIT).collect(),
            snapshot,
            deadline: OnceLock::new(),
            principal: OnceLock::new(),
            headers: OnceLock::new(),
            no_headers: Attributes::default(),
            idempotency_key: OnceLock::new(),
            session: OnceLock::new(),
            asked: OnceLock::new(),
            replay_of: OnceLock::new(),
            served_by: OnceLock::new(),
            error: OnceLock::new(),
            reason: OnceLock::new(),
            taken: Mutex::default(),
            outgrown: AtomicU64::new(0),
            tried: Mutex::default(),
            hedges: AtomicU32::new(0),
            upstream_nanos: AtomicU64::new(0),
            response_after: OnceLock::new(),
            first_content_after: OnceLock::new(),
            tokens: Mutex::default(),
            copied: Mutex::default(),
            is_copy: false,
            trace: OnceLock::new(),
        }
    }

    /// One for a copy of the request that begins now, by the same name and for the same caller. What is learnt of the copy is no part of this.
    #[must_use]
    pub fn for_copy(&self) -> Self {
        let new = Self::new(self.origin.clone(), self.method.clone(), &self.path, Arc::clone(&self.snapshot));
        Self {
            id: self.id,
            principal: self.principal.clone(),
            asked: self.asked.clone(),
            taken: Mutex::new(self.taken()),
            deadline: self.deadline.clone(),
            is_copy: true,
            ..new
        }
    }

    /// Whether nobody waits for the answer.
    #[must_use]
    pub const fn is_copy(&self) -> bool {
        self.is_copy
    }

    /// Sets what became of a copy that was to be sent. That one was, no later one changes.
    pub fn set_copied(&self, copied: Copied) {
        let mut known = self.copied.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_none_or(|known| !known.is_sent()) {
            *known = Some(copied);
        }
    }

    /// What became of the copy that was to be sent, if one was.
    #[must_use]
    pub fn copied(&self) -> Option<Copied> {
        self.copied.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

    /// Who is asking, as policies see it; nobody before the token was verified.
    #[must_use]
    pub fn caller(&self) -> Option<Caller<'_>> {
        let headers = self.headers.get().unwrap_or(&self.no_headers);
        self.principal().map(|principal| Caller {
            tenant: &principal.tenant,
            claims: &principal.claims,
            models: principal.models.as_deref(),
            headers,
        })
    }

    /// Keeps the headers that the policy looks at.
    pub fn set_headers(&self, headers: Attributes) {
        let _first_stays = self.headers.set(headers);
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

    /// Sets which session it belongs to.
    pub fn set_session(&self, session: Session) {
        let _first_stays = self.session.set(session);
    }

    /// Which session it belongs to; none before its body was read.
    #[must_use]
    pub fn session(&self) -> Option<Session> {
        self.session.get().copied()
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

    /// An attempt has come to an answer or to nothing, in such a time.
    pub fn add_attempt(&self, tried: Tried, took: Duration) {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).push(tried);
        self.upstream_nanos.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The attempts that were made, in the order in which they were decided.
    #[must_use]
    pub fn tried(&self) -> SmallVec<[Tried; 2]> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many attempts were made.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        u32::try_from(self.tried.lock().unwrap_or_else(PoisonError::into_inner).len()).unwrap_or(u32::MAX)
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

    /// It takes this route; where it is too long for one, another after that.
    pub fn take(&self, taken: Taken) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(taken);
    }

    /// The route that it took in the end.
    #[must_use]
    pub fn taken(&self) -> Option<Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It turned out to be too long for a model with room for so many tokens.
    pub fn set_outgrown(&self, room: u64) {
        self.outgrown.fetch_max(room, Ordering::Relaxed);
    }

    /// The most room, in tokens, that turned out to be too little.
    #[must_use]
    pub fn outgrown(&self) -> Option<u64> {
        Some(self.outgrown.load(Ordering::Relaxed)).filter(|room| *room > 0)
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

    /// Sets the tokens that an attempt used, as its backend told.
    pub fn set_usage(&self, usage: Usage) {
        self.with_tokens(|tokens| tokens.told = Some(usage));
    }

    /// Adds what an attempt used whose backend did not tell: about so many.
    pub fn add_estimate(&self, usage: Usage) {
        self.with_tokens(|tokens| tokens.estimate(usage));
    }

    /// The tokens that the attempt used which answered, if it told them; those of another that it went on with not counted.
    #[must_use]
    pub fn attempt_usage(&self) -> Option<Usage> {
        self.with_tokens(|tokens| tokens.told)
    }

    /// The answer broke off: what attempts use from now on is used to go on with it.
    pub fn set_broken_off(&self, broken_off: BrokenOff) {
        self.with_tokens(|tokens| tokens.break_off(broken_off));
    }

    /// The tokens that the answer took, if that is known or can be estimated.
    #[must_use]
    pub fn tokens(&self) -> Option<TokenCount> {
        self.with_tokens(|tokens| tokens.count())
    }

    /// How it is decided will be asked for.
    pub fn begin_trace(&self) {
        let _first_stays = self.trace.set(Mutex::default());
    }

    /// Notes how it is decided, or reads that, if anybody will ask for it.
    pub fn trace<T>(&self, act: impl FnOnce(&mut Trace) -> T) -> Option<T> {
        let trace = self.trace.get()?;
        Some(act(&mut trace.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    /// Adds what an attempt cost whose answer the caller gets, or would have had.
    pub fn add_cost(&self, cost: NanoUsd) {
        self.with_tokens(|tokens| tokens::add(&mut tokens.cost, cost));
    }

    /// Adds what an attempt cost that was of no use: it was too slow.
    pub fn add_waste(&self, cost: NanoUsd) {
        self.with_tokens(|tokens| tokens::add(&mut tokens.waste, cost));
    }

    /// What the answer cost, if anybody knows what its backend costs.
    #[must_use]
    pub fn cost(&self) -> Option<NanoUsd> {
        self.with_tokens(|tokens| tokens.cost)
    }

    /// What attempts cost beside it that were too slow, hedges among them.
    #[must_use]
    pub fn waste(&self) -> Option<NanoUsd> {
        self.with_tokens(|tokens| tokens.waste)
    }

    fn with_tokens<T>(&self, act: impl FnOnce(&mut Tokens) -> T) -> T {
        act(&mut self.tokens.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext").field("id", &self.id).field("path", &self.path).finish_non_exhaustive()
    }
}
