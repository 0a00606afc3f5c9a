//! One model of one backend, and how it has been doing.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};
use tradewind_models::load::Full;
use tradewind_policies::{
    BackendName, UpstreamModel,
    select::{Ask, Forecast, Health, Learnt, Monotonic, Outcome, Outlook, Remaining, Removed, Started},
    spec::Concurrency,
};
use tradewind_protocol::{Capabilities, oip::TensorMetadata};

use super::{
    Server, Switch, Watch,
    prompts::{Prefix, Prompts},
};
use crate::{
    backend::{BackendService, Engine, LocalEngines},
    telemetry::DeploymentMetrics,
};

/// How much one stream counts in what is known of the size of events.
const EVENT_WEIGHT: f64 = 0.1;

/// Where a deployment is, and what it can do.
pub struct Site {
    /// The backend.
    pub backend: BackendName,
    /// What it calls the model.
    pub model: UpstreamModel,
    /// What the model can do there.
    pub capabilities: Arc<Capabilities>,
    /// The backend itself.
    pub service: BackendService,
    /// The server, which its other models share.
    pub server: Arc<Server>,
    /// The engines of this process, where the model is one of theirs: they forecast themselves.
    pub engines: Option<LocalEngines>,
}

/// One model of one backend: where attempts go, and what is known of them. Outlives a reload that does not change it.
pub struct Deployment {
    site: Site,
    metrics: DeploymentMetrics,
    /// The instant from which the decisions count time.
    epoch: Instant,
    /// Held for a few dozen arithmetic operations at a time, and never across a wait.
    health: Mutex<Health>,
    /// Which prompts it has seen, and may have in its cache.
    prompts: Mutex<Prompts>,
    /// How many tokens an event of its streams holds, once that is known.
    tokens_per_event: Mutex<Option<f64>>,
    /// What an active check found; where there is none, all is well.
    is_unhealthy: AtomicBool,
    /// Whether an operator took its backend out of service.
    switch: Switch,
    /// Somebody has left, so there may be room.
    left: Notify,
}

impl Deployment {
    /// A deployment of which no more is known than `health` says, out of service while `switch` is off.
    #[must_use]
    pub fn new(site: Site, metrics: DeploymentMetrics, epoch: Instant, health: Health, switch: Switch) -> Self {
        Self {
            site,
            metrics,
            epoch,
            health: Mutex::new(health),
            prompts: Mutex::default(),
            tokens_per_event: Mutex::default(),
            is_unhealthy: AtomicBool::new(false),
            switch,
            left: Notify::new(),
        }
    }

    /// The backend's name.
    #[must_use]
    pub fn backend_name(&self) -> &str {
        self.site.backend.as_str()
    }

    /// What the backend calls the model.
    #[must_use]
    pub const fn model(&self) -> &UpstreamModel {
        &self.site.model
    }

    /// What the model can do there.
    #[must_use]
    pub fn capabilities(&self) -> Arc<Capabilities> {
        Arc::clone(&self.site.capabilities)
    }

    /// What the model takes and gives by the Open Inference Protocol, where it is one of this process.
    #[must_use]
    pub fn tensors(&self) -> Option<(Vec<TensorMetadata>, Vec<TensorMetadata>)> {
        self.site.engines.as_ref()?.tensors(self.site.model.as_str())
    }

    /// Whether it is one of this process that is not there yet.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.local_engine().is_some_and(|engine| matches!(*engine, Engine::Loading))
    }

    /// Whether it can be asked, as far as is known.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.is_unhealthy.load(Ordering::Relaxed) && self.local_engine().is_none_or(|engine| engine.is_ready())
    }

    fn local_engine(&self) -> Option<Arc<Engine>> {
        self.site.engines.as_ref()?.get(self.site.model.as_str())
    }

    /// The backend itself.
    #[must_use]
    pub fn service(&self) -> BackendService {
        self.site.service.clone()
    }

    /// Its server.
    #[must_use]
    pub const fn server(&self) -> &Arc<Server> {
        &self.site.server
    }

    /// The metrics of its requests.
    #[must_use]
    pub const fn metrics(&self) -> &DeploymentMetrics {
        &self.metrics
    }

    /// What to expect of one more request.
    #[must_use]
    pub fn outlook(&self, ask: &Ask) -> Outlook {
        let now = self.now();
        let (ask, full) = self.forecast(ask);
        let outlook = self.with_health(|health| health.outlook(now, &ask));
        if self.is_drained() {
            outlook.without(Removed::Drained)
        } else if let Some(Full { retry_after }) = full {
            outlook.without(Removed::CoolingDown { until: now + retry_after })
        } else if !self.is_healthy() && outlook.removed.is_none() {
            outlook.without(Removed::Unhealthy)
        } else {
            outlook
        }
    }

    /// How long until `moment`.
    #[must_use]
    pub fn until(&self, moment: Monotonic) -> Duration {
        moment.since(self.now())
    }

    /// Begins an attempt. `despite` is why it had been removed, where it was chosen all the same.
    ///
    /// # Errors
    /// The deployment has become unavailable since it was chosen.
    pub fn start(self: &Arc<Self>, ask: &Ask, despite: Option<Removed>) -> Result<Run, Removed> {
        if self.is_drained() {
            return Err(Removed::Drained);
        }
        let now = self.now();
        let (ask, full) = self.forecast(ask);
        if let Some(Full { retry_after }) = full {
            return Err(Removed::CoolingDown { until: now + retry_after });
        }
        let started = self.with_health(|health| health.start(now, &ask, despite))?;
        Ok(Run { deployment: Arc::clone(self), begun: Instant::now(), started: Some(started), outcome: None, watch: None })
    }

    /// Waits until an attempt has ended, so that there may be room for another.
    pub async fn has_room(&self) {
        self.left.notified().await;
    }

    /// How many tokens of a prompt with this beginning it is thought to have in its cache.
    #[must_use]
    pub fn cached_tokens(&self, prefix: &Prefix) -> f64 {
        self.with_prompts(|prompts| prompts.cached_tokens(prefix))
    }

    /// It has seen a prompt with this beginning, and says how many tokens of it had been in its cache, if it says.
    pub fn saw_prompt(&self, prefix: &Prefix, cached_tokens: Option<u64>) {
        self.with_prompts(|prompts| prompts.saw(prefix, cached_tokens));
    }

    /// An active check of its backend found that it can serve, or cannot.
    pub fn checked(&self, is_healthy: bool) {
        self.is_unhealthy.store(!is_healthy, Ordering::Relaxed);
    }

    /// Whether it can serve, as far as active checks tell.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.is_unhealthy.load(Ordering::Relaxed)
    }

    /// Whether an operator took its backend out of service.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.switch.is_off()
    }

    /// Its server told how many requests it works on and how many wait there, whoever sent them. That is believed for `fresh`.
    pub fn observe_load(&self, running: f64, waiting: f64, fresh: Duration) {
        let now = self.now();
        self.with_health(|health| health.observe_load(now, running, waiting, fresh));
    }

    /// How many requests of others its server has, as far as it tells.
    #[must_use]
    pub fn shared_with(&self) -> f64 {
        let now = self.now();
        self.with_health(|health| health.shared_with(now))
    }

    /// What was learnt, once there is something.
    #[must_use]
    pub fn learnt(&self) -> Option<Learnt> {
        self.with_health(|health| health.learnt())
    }

    /// What was learnt before a restart.
    pub fn recall(&self, learnt: &Learnt) {
        self.with_health(|health| health.recall(learnt));
    }

    /// The operator changed how many requests may be under way.
    pub fn limit_to(&self, concurrency: Concurrency) {
        self.with_health(|health| health.limit_to(concurrency));
    }

    /// How many tokens an event of its streams holds, once some streams told.
    #[must_use]
    pub fn tokens_per_event(&self) -> Option<f64> {
        *self.tokens_per_event.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A stream told how many tokens its events held.
    pub fn observe_tokens_per_event(&self, tokens: f64) {
        let mut known = self.tokens_per_event.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(known.map_or(tokens, |known| known + EVENT_WEIGHT * (tokens - known)));
    }

    /// How many requests are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.with_health(|health| health.in_flight())
    }

    /// The request with what the engine itself expects of it, where the model is in this process; or that the engine is full.
    fn forecast(&self, ask: &Ask) -> (Ask, Option<Full>) {
        let whole = |tokens: f64| tokens.max(0.0).round() as usize;
        let told =
            self.site.engines.as_ref().and_then(|engines| {
                engines.forecast(self.site.model.as_str(), whole(ask.prompt_tokens), whole(ask.output_tokens))
            });
        match told {
            None => (*ask, None),
            Some(Err(full)) => (*ask, Some(full)),
            Some(Ok(told)) => {
                let (first_token, per_token) = (told.first_token.as_secs_f64(), told.per_token.as_secs_f64());
                (Ask { forecast: Some(Forecast { first_token, per_token }), ..*ask }, None)
            }
        }
    }

    /// How many requests may be under way, if that is limited.
    #[must_use]
    pub fn allowed(&self) -> Option<f64> {
        self.with_health(|health| health.allowed())
    }

    fn now(&self) -> Monotonic {
        Monotonic::since_epoch(self.epoch.elapsed())
    }

    fn with_health<T>(&self, act: impl FnOnce(&mut Health) -> T) -> T {
        // A panic in that arithmetic leaves numbers, not broken promises: they can be read on.
        act(&mut self.health.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_prompts<T>(&self, act: impl FnOnce(&mut Prompts) -> T) -> T {
        act(&mut self.prompts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Deployment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deployment").field("backend", &self.site.backend).field("model", &self.site.model).finish_non_exhaustive()
    }
}

/// An attempt under way. What became of it is reported once, when this is dropped, which for a stream is when its body ends.
#[derive(Debug)]
pub struct Run {
    deployment: Arc<Deployment>,
    begun: Instant,
    /// Taken when this is dropped.
    started: Option<Started>,
    outcome: Option<Outcome>,
    /// Who else wants to hear of it.
    watch: Option<Watch>,
}

impl Run {
    /// Where it runs.
    #[must_use]
    pub const fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }

    /// How long it has been going.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Tells `watch` of it too, from here on.
    pub fn watched_by(&mut self, watch: Option<Watch>) {
        self.watch = watch;
    }

    /// The first token of a stream has come. If nothing worse is heard, the attempt is a success.
    pub fn first_token(&mut self) {
        if let Some(watch) = &self.watch {
            watch.first_token(self.begun.elapsed());
        }
        let now = self.deployment.now();
        if let Some(started) = &mut self.started {
            self.deployment.with_health(|health| health.first_token(now, started));
        }
        self.ended(Outcome::Success { output_tokens: 0 });
    }

    /// The stream brings a token in so many seconds.
    pub fn pace(&self, per_token: f64) {
        if let Some(watch) = &self.watch {
            watch.per_token(per_token);
        }
        let now = self.deployment.now();
        if let Some(started) = &self.started {
            self.deployment.with_health(|health| health.pace(now, started, per_token));
        }
    }

    /// The provider told what is left of its limits.
    pub fn remaining(&self, requests: Option<Remaining>, tokens: Option<Remaining>) {
        if requests.is_none() && tokens.is_none() {
            return;
        }
        let now = self.deployment.now();
        self.deployment.with_health(|health| health.observe_remaining(now, requests, tokens));
    }

    /// What became of it; the last word counts. Without any, it was called off.
    pub const fn ended(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let outcome = self.outcome.unwrap_or(Outcome::Cancelled);
        let deployment = &self.deployment;
        let now = deployment.now();
        if let Some(started) = self.started.take() {
            deployment.with_health(|health| health.end(now, started, outcome, &mut rand::rng()));
        }
        deployment.metrics.attempt(outcome);
        if let Some(watch) = &self.watch {
            watch.ended(outcome, self.begun.elapsed());
        }
        deployment.left.notify_one();
    }
}
