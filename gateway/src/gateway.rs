//! The whole gateway, put together from its settings and run.
//!
//! [`Gateway::bind`] does everything that can fail on an operator's mistake, so that it is told at once and before a model is
//! fetched. [`Gateway::run`] then serves until a shutdown; local models come in while it already serves the clouds.

use std::{
    fmt, io,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tower::util::MapRequest;
use tradewind_models::manifest::Manifest;
use tradewind_policies::Policy;

use crate::{
    admin::{Admin, Journal},
    audit::{Audit, AuditError, AuditOptions},
    auth::{Authenticator, DevIssuer, HttpFetch, IssuerSettings, KeySource, SettingsError, SystemClock},
    backend::{Keeper, KeeperSettings, Loader, LocalEngines, LocalLoader, Manifests, Named},
    client::{ClientOptions, TlsError as ClientTlsError, client},
    config::{Certificate, DecisionSettings, IssuerKeys, LocalSettings, Settings},
    context::Origin,
    credential::{Clock, Surroundings},
    decision::{DecisionOptions, Decisions, KeptNames, Limits, TellTo},
    home::{Home, HomeError},
    idempotency::Ledger,
    in_force::{Board, History},
    limit::Spending,
    reload::{self, LoadError, Reloader, Swap},
    route::Kept,
    server::{BindError, Connection, Listeners, Server, Shutdown, Tls, TlsError},
    shadow::Shadows,
    snapshot::{Builder, Snapshot},
    stack::{self, Shared},
    telemetry,
    upkeep::{self, Memory},
};

/// How long a connection to a token endpoint or a metadata service may take.
const CREDENTIALS_CONNECT: Duration = Duration::from_secs(5);

/// A gateway that is bound and not yet running.
pub struct Gateway {
    settings: Settings,
    home: Home,
    listeners: Listeners,
    admin: Listeners,
    tls: Tls,
    snapshot: Arc<ArcSwap<Snapshot>>,
    swap: Swap,
    engines: LocalEngines,
    loader: Arc<dyn Loader>,
    authenticator: Arc<Authenticator>,
    audit: Audit,
    decisions: Decisions,
    memory: Memory,
    spending: Arc<Spending>,
    canaries: Kept,
}

/// Why a gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The state folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A listening address.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] TlsError),
    /// The policy.
    #[error(transparent)]
    Policy(#[from] LoadError),
    /// The issuers of tokens.
    #[error(transparent)]
    Issuers(#[from] SettingsError),
    /// The client for issuers' keys.
    #[error(transparent)]
    Client(#[from] ClientTlsError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The decision log.
    #[error("cannot start what writes the decision log: {0}")]
    Decisions(io::Error),
}

/// Why a running gateway ended other than by a shutdown, or not cleanly.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What a task of the gateway's own was doing.
    #[error("a task of the gateway panicked: {0}")]
    Task(#[from] tokio::task::JoinError),
    /// The last records of the audit log were not written.
    #[error(transparent)]
    Audit(#[from] AuditError),
}

impl Gateway {
    /// Reads what the settings name, and listens.
    ///
    /// # Errors
    /// The first thing that cannot be had; of a policy, all its faults.
    pub async fn bind(settings: Settings) -> Result<Self, StartError> {
        Self::bind_by(settings, Clock::system()).await
    }

    /// The same by this clock: it says when requests come, when scheduled drains begin and end, and how old credentials are.
    ///
    /// # Errors
    /// Those of [`Gateway::bind`].
    pub async fn bind_by(settings: Settings, clock: Clock) -> Result<Self, StartError> {
        let listeners = Listeners::bind(&settings.listen, "--listen").await?;
        let admin = Listeners::bind(&settings.admin, "--admin").await?;
        let home = Home::open(&settings.home)?;
        let (chain, key) = certificate(&settings, &home);
        let tls = Tls::from_pem_files(&chain, &key)?;
        let (policy, engines) = policy(&settings, &home)?;
        let canaries = Kept::open(&home)?;
        let surroundings = Surroundings { clock, ..surroundings()? };
        let builder = Builder::new(engines.clone(), surroundings).with_canaries(canaries.clone());
        let snapshot = Snapshot::build(policy, &builder, None).map_err(LoadError::Unbuildable)?;
        let memory = Memory::open(home.clone(), SystemTime::now());
        memory.recall(&snapshot);
        let spending = Arc::new(Spending::open(&home)?);
        let issuers = issuers(&settings, &home);
        let authenticator = Authenticator::new(issuers, Arc::new(HttpFetch::new()?), Arc::new(SystemClock))?;
        let folder = settings.audit.dir.clone().unwrap_or_else(|| home.audit_dir());
        let options = AuditOptions { segment_bytes: settings.audit.segment_size.0, ..AuditOptions::default() };
        let audit = Audit::open(&folder, options)?;
        let board = Arc::new(Board::new(snapshot.policy.hash(), settings.policy.as_deref()));
        let decisions = decisions(&settings, &home).map_err(StartError::Decisions)?;
        let snapshot = Arc::new(ArcSwap::from_pointee(snapshot));
        let swap = Swap::new(builder, Arc::clone(&snapshot), board);
        let authenticator = Arc::new(authenticator);
        let loader = Arc::new(LocalLoader::new(settings.local.clone(), engines.budget()));
        Ok(Self {
            settings,
            home,
            listeners,
            admin,
            tls,
            snapshot,
            swap,
            engines,
            loader,
            authenticator,
            audit,
            decisions,
            memory,
            spending,
            canaries,
        })
    }

    /// The same, whose local models come from `loader`.
    #[must_use]
    pub fn with_loader(mut self, loader: impl Loader) -> Self {
        self.loader = Arc::new(loader);
        self
    }

    /// What it was told.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Its state folder.
    #[must_use]
    pub const fn home(&self) -> &Home {
        &self.home
    }

    /// The certificate that clients have to trust.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        certificate(&self.settings, &self.home).0
    }

    /// Where applications connect.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners.addresses()
    }

    /// Where operators connect.
    ///
    /// # Errors
    /// The system does not tell.
    pub fn admin_addresses(&self) -> io::Result<Vec<SocketAddr>> {
        self.admin.addresses()
    }

    /// The policy in force, and its backends.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// What puts another policy in force. With policy files, it is they that say which: they are read again when they change.
    #[must_use]
    pub const fn swap(&self) -> &Swap {
        &self.swap
    }

    /// The local models that the policy names; they are [`loading`](crate::backend::Engine::Loading) until it [runs](Self::run).
    #[must_use]
    pub const fn engines(&self) -> &LocalEngines {
        &self.engines
    }

    /// Serves until `shutdown` has begun and the last request has ended.
    ///
    /// # Errors
    /// [`RunError`].
    pub async fn run(self, metrics: PrometheusHandle, shutdown: Shutdown) -> Result<(), RunError> {
        self.snapshot.load().warm();
        let journal = Journal { log: self.decisions.clone(), dir: decisions_dir(&self.settings, &self.home) };
        let mut background = JoinSet::new();
        let (board, replaced) = (Arc::clone(self.swap.board()), self.swap.replaced());
        if let Some(path) = &self.settings.policy {
            background.spawn(Reloader::watch(path, self.swap, History::of(self.home.clone())).run());
        }
        let LocalSettings { idle_unload, unload_grace: grace, .. } = self.settings.local;
        background.spawn(Keeper::new(self.engines.clone(), self.loader, KeeperSettings { idle_unload, grace }).run());
        background.spawn(upkeep::watch(Arc::clone(&self.snapshot), replaced));
        let end = CancellationToken::new();
        let canaries = AbortOnDropHandle::new(tokio::spawn(self.canaries.keep(self.home.clone(), end.clone())));
        let spent = Arc::clone(&self.spending).keep(self.home, end.clone());
        let spent = AbortOnDropHandle::new(tokio::spawn(spent));
        let memory = AbortOnDropHandle::new(tokio::spawn(self.memory.keep(Arc::clone(&self.snapshot), end.clone())));
        let authenticator = Arc::clone(&self.authenticator);
        background.spawn(async move { authenticator.keep_keys_fresh().await });
        background.spawn(keep_up(metrics.clone()));
        let shadows = Shadows::new(Arc::clone(&self.spending));
        let (stopped, stopping) = (shadows.clone(), shutdown.clone());
        background.spawn(async move {
            stopping.begun().await;
            stopped.stop();
        });
        let ledger = Ledger::new(self.settings.idempotency);
        let tidied = ledger.clone();
        background.spawn(async move { tidied.keep_tidy().await });

        let (engines, snapshot) = (self.engines.clone(), Arc::clone(&self.snapshot));
        let admin = Admin::new(metrics, self.audit.clone(), engines, snapshot, board, journal, shadows.clone(), shutdown.clone());
        // Operators watch the drain too, so their listener ends after the other.
        let admin_shutdown = Shutdown::new();
        let admin_server = Server::http(self.admin, self.settings.connections.clone(), admin_shutdown.clone());
        background.spawn(async move {
            admin_server.run(move |_| admin.clone()).await;
        });

        let stack = stack::requests(Shared {
            snapshot: self.snapshot,
            authenticator: self.authenticator,
            audit: self.audit.clone(),
            decisions: self.decisions.clone(),
            tell_to: TellTo::new(self.settings.decisions.header_tenants.iter().cloned()),
            in_flight: self.settings.requests.in_flight.get(),
            deadline: self.settings.requests.deadline,
            keep_alive: self.settings.requests.keep_alive,
            body_limit: usize::try_from(self.settings.requests.body.0).unwrap_or(usize::MAX),
            ledger,
            spending: self.spending,
            shadows: shadows.clone(),
        });
        let server = Server::https(self.listeners, self.tls, self.settings.connections, shutdown);
        let drained = server.run(move |connection| MapRequest::new(stack.clone(), origin(connection))).await;
        tracing::info!(forced = drained.forced, cut = drained.cut, "drained");
        shadows.end().await;
        admin_shutdown.force();
        background.shutdown().await;
        end.cancel();
        // Whatever becomes of that, the last records of requests are written.
        let (remembered, spent, canaries) = (memory.await, spent.await, canaries.await);
        self.decisions.close().await;
        self.audit.close().await?;
        remembered?;
        spent?;
        canaries?;
        Ok(())
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Tells each request where it comes from.
fn origin<B>(connection: Connection) -> impl Fn(http::Request<B>) -> http::Request<B> + Clone {
    move |mut request| {
        request.extensions_mut().insert(Origin { client: connection.peer, forced: connection.forced.clone() });
        request
    }
}

/// What was recorded is kept raw until somebody asks, or until this folds it.
async fn keep_up(metrics: PrometheusHandle) {
    let mut ticks = interval_at(Instant::now() + telemetry::UPKEEP, telemetry::UPKEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        metrics.run_upkeep();
    }
}

fn certificate(settings: &Settings, home: &Home) -> (PathBuf, PathBuf) {
    match &settings.certificate {
        Certificate::SelfSigned => (home.tls_certificate(), home.tls_key()),
        Certificate::Files { chain, key } => (chain.clone(), key.clone()),
    }
}

/// What fetches credentials. It trusts the system's authorities, whatever a backend's own connections trust.
pub(crate) fn surroundings() -> Result<Surroundings, ClientTlsError> {
    Ok(Surroundings::of_process(client(&ClientOptions::plain(CREDENTIALS_CONNECT))?))
}

/// Where the manifests of local models lie.
pub(crate) fn manifests(settings: &Settings, home: &Home) -> Manifests {
    settings.local.manifests.clone().map_or_else(|| Manifests::PerhapsIn(home.manifests_dir()), Manifests::In)
}

/// The policy, and places for the local models it names. Without a file, the built-in one serves the default models.
fn policy(settings: &Settings, home: &Home) -> Result<(Policy, LocalEngines), LoadError> {
    let engines = LocalEngines::open(manifests(settings, home))?;
    let policy = match &settings.policy {
        Some(path) => reload::read(path)?,
        None if settings.local.enabled => {
            let registry = engines.registry();
            let id = |manifest: Option<&Arc<Manifest>>| manifest.map(|manifest| manifest.id.as_str().to_owned());
            let (chat, embeddings) = (id(registry.default_chat()), id(registry.default_embeddings()));
            Policy::local(chat.as_deref(), embeddings.as_deref()).map_err(LoadError::BuiltIn)?
        }
        None => Policy::local(None, None).map_err(LoadError::BuiltIn)?,
    };
    reload::warn_of_stale_prices(&policy);
    engines.follow(&Named::of(&policy).map_err(LoadError::Local)?);
    Ok((policy, engines))
}

/// Where the decision log is.
fn decisions_dir(settings: &Settings, home: &Home) -> PathBuf {
    settings.decisions.dir.clone().unwrap_or_else(|| home.decisions_dir())
}

fn decisions(settings: &Settings, home: &Home) -> io::Result<Decisions> {
    let dir = decisions_dir(settings, home);
    let DecisionSettings { enabled, share, file_size, file_age, total_size, keep, record_claims, record_headers, .. } =
        &settings.decisions;
    if !enabled {
        return Ok(Decisions::off());
    }
    let limits = Limits { file_bytes: file_size.0, file_age: *file_age, total_bytes: total_size.0, keep: *keep };
    let named = KeptNames { claims: record_claims.clone(), headers: record_headers.clone() };
    Decisions::open(DecisionOptions { dir, share: share.get(), limits, named })
}

fn issuers(settings: &Settings, home: &Home) -> Vec<IssuerSettings> {
    let development = settings.auth.dev_issuer.then(|| DevIssuer::settings(home));
    let configured = settings.auth.issuers.iter().map(|issuer| IssuerSettings {
        issuer: issuer.issuer.clone(),
        audiences: issuer.audience.clone(),
        keys: match &issuer.keys {
            IssuerKeys::Discovery => KeySource::Discovery,
            IssuerKeys::File(path) => KeySource::File(path.clone()),
        },
        tenant_claim: issuer.tenant_claim.clone(),
        models_claim: issuer.models_claim.clone(),
    });
    development.into_iter().chain(configured).collect()
}
