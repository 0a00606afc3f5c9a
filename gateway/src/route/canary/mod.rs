//! The canary of a route, as it does: what is heard of both arms, and whether it was given up.
//!
//! Only the first attempt of a request counts, and only where it was made for the sake of its arm: of the canary's sessions those at the canary, of the
//! others those at other backends. So no failover hides what the canary did.

mod kept;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use metrics::{Counter, Histogram, counter, histogram};
use serde::Serialize;
use tokio::time::Instant;
use tradewind_policies::{
    RouteName,
    canary::{Arm, Counts, Sample, Trial},
    select::{Monotonic, Outcome, Removed},
    spec::Canary,
};

pub use self::kept::Kept;
use self::kept::{By, GivenUp};
use super::{Candidates, Deployment};
use crate::{context::RequestContext, telemetry::names};

/// The canary of a route. It outlives a reload that leaves it as it is.
#[derive(Debug)]
pub struct LiveCanary {
    route: RouteName,
    canary: Canary,
    epoch: Instant,
    kept: Kept,
    is_given_up: AtomicBool,
    /// Held for a few additions, and a look at some hundred counts.
    trial: Mutex<Trial>,
    metrics: Metrics,
}

/// What is told of one, in JSON.
#[derive(Debug, Serialize)]
pub struct Report<'c> {
    route: &'c str,
    backend: &'c str,
    share: String,
    abort_if: Option<String>,
    /// `running` or `aborted`.
    state: &'static str,
    aborted: Option<Aborted>,
    /// What was counted of both arms since the start, or since it was resumed.
    counts: Vec<Counts>,
}

#[derive(Debug, Serialize)]
struct Aborted {
    at: String,
    by: By,
    reason: String,
}

impl LiveCanary {
    /// A canary of which nothing is known but whether it was given up.
    #[must_use]
    pub fn new(route: &RouteName, canary: &Canary, kept: Kept) -> Self {
        let is_given_up = kept.get(route, &canary.to_string()).is_some();
        Self {
            route: route.clone(),
            canary: canary.clone(),
            epoch: Instant::now(),
            kept,
            is_given_up: AtomicBool::new(is_given_up),
            trial: Mutex::default(),
            metrics: Metrics::of(route),
        }
    }

    /// Whether this is what the policy says.
    #[must_use]
    pub fn suits(&self, canary: &Canary) -> bool {
        self.canary == *canary
    }

    /// The route.
    #[must_use]
    pub const fn route(&self) -> &RouteName {
        &self.route
    }

    /// Whether no session goes there first any more.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.is_given_up.load(Ordering::Relaxed)
    }

    /// An operator gives it up.
    pub fn abort(&self) {
        self.give_up(By::Operator, "an operator gave it up".to_owned());
    }

    /// Begins anew.
    pub fn resume(&self) {
        self.with_trial(|trial| *trial = Trial::default());
        self.kept.forget(&self.route);
        self.is_given_up.store(false, Ordering::Relaxed);
        tracing::info!(route = %self.route, backend = %self.canary.backend(), "a canary was resumed");
    }

    /// What is to be heard of the first attempt of a request of that arm, which is made at `deployment`, if that shows the arm. A canary
    /// that was passed over because it is known to fail has failed the request.
    #[must_use]
    pub fn watch(
        self: &Arc<Self>,
        arm: Arm,
        deployment: &Deployment,
        others: &Candidates,
        context: &Arc<RequestContext>,
    ) -> Option<Watch> {
        let is_canary = deployment.backend_name() == self.canary.backend().as_str();
        if is_canary == (arm == Arm::Canary) {
            return Some(Watch { canary: Arc::clone(self), arm, context: Arc::clone(context) });
        }
        if arm == Arm::Canary {
            use Removed::{BreakerOpen, Misconfigured, Unhealthy};
            if let Some(BreakerOpen { .. } | Misconfigured { .. } | Unhealthy) = others.removed(self.canary.backend()) {
                self.observe(arm, Sample::Failed);
            }
        }
        None
    }

    /// What is told of it.
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        let given_up = self.kept.get(&self.route, &self.canary.to_string());
        let now = self.now();
        Report {
            route: self.route.as_str(),
            backend: self.canary.backend().as_str(),
            share: self.canary.share().to_string(),
            abort_if: self.canary.abort_if().map(ToString::to_string),
            state: if self.is_given_up() { "aborted" } else { "running" },
            aborted: given_up.map(|GivenUp { at, by, reason, .. }| Aborted { at: at.to_string(), by, reason }),
            counts: self.with_trial(|trial| trial.counts(now)),
        }
    }

    fn observe(&self, arm: Arm, sample: Sample) {
        self.metrics.count(arm, sample);
        let now = self.now();
        let exceeded = self.with_trial(|trial| {
            trial.observe(now, arm, sample);
            let conditions = self.canary.abort_if().filter(|_| arm == Arm::Canary && !self.is_given_up())?;
            trial.exceeded(now, conditions)
        });
        if let Some(exceeded) = exceeded {
            self.give_up(By::Condition, exceeded.to_string());
        }
    }

    fn give_up(&self, by: By, reason: String) {
        if self.is_given_up.swap(true, Ordering::Relaxed) {
            return;
        }
        let backend = self.canary.backend();
        tracing::warn!(route = %self.route, %backend, reason, "a canary was given up: its sessions go where all others do");
        self.kept.put(&self.route, self.canary.to_string(), by, reason);
    }

    fn now(&self) -> Monotonic {
        Monotonic::since_epoch(self.epoch.elapsed())
    }

    fn with_trial<T>(&self, act: impl FnOnce(&mut Trial) -> T) -> T {
        act(&mut self.trial.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is heard of a first attempt.
#[derive(Debug)]
pub struct Watch {
    canary: Arc<LiveCanary>,
    arm: Arm,
    context: Arc<RequestContext>,
}

impl Watch {
    /// The first token of a stream has come.
    pub(super) fn first_token(&self, after: Duration) {
        self.canary.observe(self.arm, Sample::FirstToken(after.as_secs_f64()));
    }

    /// A stream brings a token in so many seconds.
    pub(super) fn per_token(&self, seconds: f64) {
        self.canary.observe(self.arm, Sample::PerToken(seconds));
    }

    /// The attempt is over, that long after it began.
    pub(super) fn ended(&self, outcome: Outcome, after: Duration) {
        match outcome {
            Outcome::Success { .. } => self.canary.observe(self.arm, Sample::Answered),
            Outcome::Failure { .. } | Outcome::RateLimited { .. } | Outcome::Misconfigured => {
                self.canary.observe(self.arm, Sample::Failed);
            }
            // Another backend was quicker: its first token would have come no sooner than now.
            Outcome::Cancelled if self.is_streamed() && self.context.served_by().is_some() => self.first_token(after),
            // The caller's fault, or the caller left.
            Outcome::Cancelled | Outcome::ClientFault => {}
        }
    }

    fn is_streamed(&self) -> bool {
        self.context.asked().is_some_and(|asked| asked.streamed)
    }
}

/// The same for Prometheus.
#[derive(Debug)]
struct Metrics {
    canary: ArmMetrics,
    control: ArmMetrics,
}

struct ArmMetrics {
    requests: Counter,
    errors: Counter,
    first_token: Histogram,
}

impl Metrics {
    fn of(route: &RouteName) -> Self {
        let arm = |arm: Arm| {
            let labels =
                || vec![metrics::Label::new(names::ROUTE, route.to_string()), metrics::Label::new(names::ARM, arm.as_str())];
            ArmMetrics {
                requests: counter!(names::CANARY_REQUESTS, labels()),
                errors: counter!(names::CANARY_ERRORS, labels()),
                first_token: histogram!(names::CANARY_FIRST_TOKEN, labels()),
            }
        };
        Self { canary: arm(Arm::Canary), control: arm(Arm::Control) }
    }

    fn count(&self, arm: Arm, sample: Sample) {
        let metrics = match arm {
            Arm::Canary => &self.canary,
            Arm::Control => &self.control,
        };
        match sample {
            Sample::Answered => metrics.requests.increment(1),
            Sample::Failed => {
                metrics.requests.increment(1);
                metrics.errors.increment(1);
            }
            Sample::FirstToken(seconds) => metrics.first_token.record(seconds),
            Sample::PerToken(_) => {}
        }
    }
}

impl std::fmt::Debug for ArmMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ArmMetrics")
    }
}
