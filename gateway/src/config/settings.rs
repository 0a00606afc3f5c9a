//! The resolved settings, grouped by who obeys them (the file groups them by what an operator looks for).
//!
//! Every default is in this file, with its reason; `tradewind.example.toml` repeats them and a test keeps the two equal.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use tradewind_policies::{
    Pattern,
    spec::{Device, Share},
};

use super::{Attention, ByteSize, DenseWeights, ListenAddress, LogFilter, LogFormat};

/// All that the gateway was told. Paths from the file are already relative to the current folder, not to the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where applications connect, by HTTPS.
    pub listen: ListenAddress,
    /// Where operators find health and metrics, by plain HTTP.
    pub admin: ListenAddress,
    /// The state folder: self-signed certificate, development issuer, audit log.
    pub home: PathBuf,
    /// A policy file or a folder of them; `None` is the built-in policy for the local models.
    pub policy: Option<PathBuf>,
    /// What the TLS listener presents.
    pub certificate: Certificate,
    /// Limits and timeouts of one connection, and the drain.
    pub connections: ConnectionSettings,
    /// Limits of one request.
    pub requests: RequestSettings,
    /// What is kept for requests that come again.
    pub idempotency: IdempotencySettings,
    /// Whose tokens are accepted.
    pub auth: AuthSettings,
    /// Where the audit log goes.
    pub audit: AuditSettings,
    /// What is recorded of decisions.
    pub decisions: DecisionSettings,
    /// How the gateway logs.
    pub log: LogSettings,
    /// Models that this process runs itself.
    pub local: LocalSettings,
}

/// The certificate of the TLS listener.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Certificate {
    /// The one that the home folder holds for `localhost`.
    #[default]
    SelfSigned,
    /// PEM files: a chain with the server's certificate first, and its private key.
    Files {
        /// The chain.
        chain: PathBuf,
        /// The key.
        key: PathBuf,
    },
}

/// What one client connection may use, and how long the last ones may take to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// Open connections at once, on all listening addresses together; one more is closed at once.
    pub connections: NonZeroUsize,
    /// Request line and headers together.
    pub header_bytes: ByteSize,
    /// Header fields of a request.
    pub headers: NonZeroUsize,
    /// From the first byte of a request's head (or from the accept, for the first request) to its last byte.
    pub header_timeout: Duration,
    /// Requests at once on one HTTP/2 connection.
    pub h2_streams: u32,
    /// A connection without a request in progress is closed after this.
    pub idle: Duration,
    /// How long running requests may go on after a shutdown began.
    pub shutdown_grace: Duration,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            // Half of the 20,000 file descriptors that systems commonly allow: the other half is for upstreams.
            connections: nonzero(10_000),
            // What Envoy and hyper allow in practice; a JWT with many claims takes 4 KiB.
            header_bytes: ByteSize::kib(64),
            headers: nonzero(100),
            // Slow-header attacks hold a connection at most this long; an honest head arrives in one round trip.
            header_timeout: Duration::from_secs(10),
            h2_streams: 100,
            // Longer than the 350 s of common cloud load balancers: the side that sends must not find it closed.
            idle: Duration::from_mins(6),
            // What Kubernetes gives a pod before it kills it.
            shutdown_grace: Duration::from_secs(30),
        }
    }
}

/// What one request may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSettings {
    /// Requests at once in the whole process; one more is told to come back later.
    pub in_flight: NonZeroUsize,
    /// Bytes of a request body.
    pub body: ByteSize,
    /// From the request's head to the last byte of its response.
    pub deadline: Duration,
    /// After how long a pause the client of a stream is told, by a comment, that it goes on.
    pub keep_alive: Duration,
}

impl Default for RequestSettings {
    fn default() -> Self {
        Self {
            in_flight: nonzero(1024),
            // Holds a long conversation with a few images.
            body: ByteSize::mib(16),
            // The longest that the large providers let a streamed answer take.
            deadline: Duration::from_mins(10),
            // Well below the 60 s after which common proxies close a connection that is silent.
            keep_alive: Duration::from_secs(15),
        }
    }
}

/// What is kept for requests that come again with the same `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotencySettings {
    /// How long an answer is kept, from its end.
    pub ttl: Duration,
    /// Bytes of kept answers. Those under way may take as much again.
    pub memory: ByteSize,
    /// How many answers are kept.
    pub answers: NonZeroUsize,
    /// Bytes of one answer; a larger one is not kept. At most half of `memory`.
    pub answer: ByteSize,
}

impl Default for IdempotencySettings {
    fn default() -> Self {
        Self {
            // Longer than the retries of SDKs and job queues take, and as long as a request may take.
            ttl: Duration::from_mins(10),
            memory: ByteSize::mib(64),
            answers: nonzero(10_000),
            // The embeddings of some hundred texts, or any chat.
            answer: ByteSize::mib(4),
        }
    }
}

/// Whose tokens are accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthSettings {
    /// Whether tokens of the home folder's own issuer are accepted (`tradewind token` mints them).
    pub dev_issuer: bool,
    /// The others.
    pub issuers: Vec<IssuerSettings>,
}

/// One issuer of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSettings {
    /// The exact `iss` claim: an `https` URL, or `http` to a loopback host.
    pub issuer: String,
    /// Accepted `aud` claims; never empty.
    pub audience: Vec<String>,
    /// Where its public keys come from.
    pub keys: IssuerKeys,
    /// The claim that names the tenant.
    pub tenant_claim: String,
    /// The claim that lists the models the token may use.
    pub models_claim: String,
}

/// Where an issuer's public keys come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssuerKeys {
    /// OpenID Connect discovery at the issuer's URL.
    Discovery,
    /// A JWKS file.
    File(PathBuf),
}

/// Where the audit log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSettings {
    /// `None` is the home folder's.
    pub dir: Option<PathBuf>,
    /// A segment that has reached this size is closed and a new one begun.
    pub segment_size: ByteSize,
}

impl Default for AuditSettings {
    fn default() -> Self {
        // Some 100,000 records: few files, each still quick to verify and to copy.
        Self { dir: None, segment_size: ByteSize::mib(64) }
    }
}

/// What is recorded of decisions, and who is told of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionSettings {
    /// Whether any are recorded.
    pub enabled: bool,
    /// `None` is the home folder's.
    pub dir: Option<PathBuf>,
    /// The share of the requests that is recorded.
    pub share: Share,
    /// A file that has reached this size is followed by a new one.
    pub file_size: ByteSize,
    /// So is one of this age.
    pub file_age: Duration,
    /// What all files together may take; at least twice as much as one.
    pub total_size: ByteSize,
    /// How long a file is kept after the last record in it.
    pub keep: Duration,
    /// Which tenants are told in a header how their requests were decided, if they ask.
    pub header_tenants: Vec<Pattern>,
    /// The claims that are recorded; none that is about one token, or that may hold a credential.
    pub record_claims: Vec<String>,
    /// The headers that are recorded, in lower case; none that may hold a credential.
    pub record_headers: Vec<String>,
}

impl Default for DecisionSettings {
    fn default() -> Self {
        Self {
            // What an operator wants to know of a request, they want to know after it.
            enabled: true,
            dir: None,
            share: Share::WHOLE,
            // Some 10,000 records of a few backends: quick to read through, and few enough of them.
            file_size: ByteSize::mib(16),
            file_age: Duration::from_hours(1),
            // Small beside what else is on a disk; a day and a half of two requests a second.
            total_size: ByteSize::mib(256),
            keep: Duration::from_hours(7 * 24),
            header_tenants: Vec::new(),
            record_claims: Vec::new(),
            record_headers: Vec::new(),
        }
    }
}

/// How the gateway logs.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LogSettings {
    /// The shape of a line.
    pub format: LogFormat,
    /// Which lines.
    pub filter: LogFilter,
}

/// Models that this process runs itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSettings {
    /// Whether to load them at all.
    pub enabled: bool,
    /// What computes.
    pub device: Device,
    /// What a CPU makes of weights that are stored as floating-point numbers.
    pub dense_weights: DenseWeights,
    /// What computes attention on a GPU.
    pub attention: Attention,
    /// Requests that may wait for the engine; one more is told when to come back.
    pub queue: NonZeroUsize,
    /// Threads of computation; `None` leaves one core to the proxy where there is more than one.
    pub threads: Option<NonZeroUsize>,
    /// Where fetched models are kept; `None` is the user's cache folder.
    pub models: Option<PathBuf>,
    /// A folder with manifests of further models, which must exist; `None` is `models` in the state folder, which need not.
    pub manifests: Option<PathBuf>,
    /// Licences of models that the operator accepts, though they are not open source.
    pub accept_licences: Vec<String>,
    /// Bytes of memory that all models together may take; `None` is a share of what there is at start.
    pub memory: Option<ByteSize>,
    /// After how long without a request a model may be unloaded when another needs its memory; `None` is never.
    pub idle_unload: Option<Duration>,
    /// How long requests under way may go on when their model is unloaded.
    pub unload_grace: Duration,
}

impl Default for LocalSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            device: Device::Auto,
            dense_weights: DenseWeights::default(),
            attention: Attention::default(),
            // A CPU answers a few requests a second: a longer queue would only hold answers nobody waits for.
            queue: nonzero(64),
            threads: None,
            models: None,
            manifests: None,
            accept_licences: Vec::new(),
            memory: None,
            idle_unload: None,
            // As long as at a shutdown.
            unload_grace: Duration::from_secs(30),
        }
    }
}

/// For the constants above, of which none is zero.
const fn nonzero(count: usize) -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(count.saturating_sub(1))
}
