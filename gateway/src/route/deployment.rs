//! One model of one backend, and how it has been doing.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tradewind_policies::{
    BackendName, UpstreamModel,
    select::{Health, Monotonic, Outcome, Outlook, Removed},
};
use tradewind_protocol::Capabilities;

use crate::{backend::BackendService, telemetry::DeploymentMetrics};

/// One model of one backend: where attempts go, and what is known of them. Outlives a reload that does not change it.
pub struct Deployment {
    backend: BackendName,
    model: UpstreamModel,
    capabilities: Arc<Capabilities>,
    service: BackendService,
    metrics: DeploymentMetrics,
    /// The instant from which the decisions count time.
    epoch: Instant,
    /// Held for a few dozen arithmetic operations at a time, and never across a wait.
    health: Mutex<Health>,
    in_flight: AtomicUsize,
}

impl Deployment {
    /// A deployment that nothing is known of yet.
    #[must_use]
    pub fn new(
        backend: BackendName,
        model: UpstreamModel,
        capabilities: Arc<Capabilities>,
        service: BackendService,
        metrics: DeploymentMetrics,
        epoch: Instant,
    ) -> Self {
        let health = Mutex::new(Health::default());
        Self { backend, model, capabilities, service, metrics, epoch, health, in_flight: AtomicUsize::new(0) }
    }

    /// The backend's name.
    #[must_use]
    pub fn backend_name(&self) -> &str {
        self.backend.as_str()
    }

    /// What the backend calls the model.
    #[must_use]
    pub const fn model(&self) -> &UpstreamModel {
        &self.model
    }

    /// What the model can do there.
    #[must_use]
    pub fn capabilities(&self) -> Arc<Capabilities> {
        Arc::clone(&self.capabilities)
    }

    /// The backend itself.
    #[must_use]
    pub fn service(&self) -> BackendService {
        self.service.clone()
    }

    /// The metrics of its requests.
    #[must_use]
    pub const fn metrics(&self) -> &DeploymentMetrics {
        &self.metrics
    }

    /// What to expect of one more request.
    #[must_use]
    pub fn outlook(&self) -> Outlook {
        let now = self.now();
        self.with_health(|health| health.outlook(now, self.in_flight.load(Ordering::Relaxed)))
    }

    /// How long until `moment`.
    #[must_use]
    pub fn until(&self, moment: Monotonic) -> Duration {
        moment.since(self.now())
    }

    /// Begins an attempt.
    ///
    /// # Errors
    /// The deployment has become unavailable since it was ranked.
    pub fn start(self: &Arc<Self>) -> Result<Run, Removed> {
        let now = self.now();
        self.with_health(|health| health.start(now))?;
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Ok(Run { deployment: Arc::clone(self), started: Instant::now(), answered: None, outcome: None })
    }

    fn now(&self) -> Monotonic {
        Monotonic::since_epoch(self.epoch.elapsed())
    }

    fn with_health<T>(&self, act: impl FnOnce(&mut Health) -> T) -> T {
        // A panic in that arithmetic leaves numbers, not broken promises: they can be read on.
        act(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment").field("backend", &self.backend).field("model", &self.model).finish_non_exhaustive()
    }
}

/// An attempt under way. What became of it is reported once, when this is dropped, which for a stream is when its body ends.
#[derive(Debug)]
pub struct Run {
    deployment: Arc<Deployment>,
    started: Instant,
    answered: Option<Duration>,
    outcome: Option<Outcome>,
}

impl Run {
    /// How long it has been going.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The answer has begun. If nothing worse is heard, the attempt was a success.
    pub fn answered(&mut self) {
        self.answered = Some(self.elapsed());
    }

    /// It ended otherwise.
    pub const fn ended(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let elapsed = self.elapsed();
        let answered = self.answered.map(|latency| Outcome::Success { latency });
        let outcome = self.outcome.or(answered).unwrap_or(Outcome::Cancelled { elapsed });
        let deployment = &self.deployment;
        deployment.in_flight.fetch_sub(1, Ordering::Relaxed);
        let now = deployment.now();
        deployment.with_health(|health| health.observe(now, outcome));
        deployment.metrics.attempt(outcome);
    }
}
