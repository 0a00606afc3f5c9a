//! Layer 3: counts final outcomes, shed and denied ones included, when the body ends.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tower::{Layer, Service};
use tradewind_policies::select;

use super::names;
use crate::{
    body::Body,
    closing::{Close, Closing, Ended},
    context::{RequestContext, TokenCount},
    finishing::Finishing,
};

/// Buckets of durations, in seconds, as the semantic conventions advise; finer at the low end, where the gateway's own share lies.
const DURATIONS: [f64; 14] = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const FIRST_TOKEN: [f64; 16] = [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const PER_TOKEN: [f64; 13] = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];
const TOKENS: [f64; 11] = [1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262_144.0, 1_048_576.0];
const LOADS: [f64; 10] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 256.0];
const OVERHEAD: [f64; 10] = [25e-6, 50e-6, 100e-6, 200e-6, 400e-6, 800e-6, 1.6e-3, 3.2e-3, 12.8e-3, 0.1];

const RATIOS: [f64; 11] = [0.1, 0.25, 0.5, 0.8, 0.9, 1.0, 1.1, 1.25, 2.0, 4.0, 10.0];
/// Finer where models that differ in their rounding alone lie.
const COSINES: [f64; 9] = [0.0, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0];

/// A histogram has no buckets.
pub type InvalidBuckets = BuildError;

/// Starts counting for the whole process and returns what renders the counts. Its `run_upkeep` must be called every few seconds.
///
/// # Errors
/// [`InvalidBuckets`], or a recorder is installed already.
pub fn install() -> Result<PrometheusHandle, InvalidBuckets> {
    let buckets: [(&str, &[f64]); 11] = [
        (names::REQUEST_DURATION, &DURATIONS),
        (names::TIME_TO_FIRST_TOKEN, &FIRST_TOKEN),
        (names::CANARY_FIRST_TOKEN, &FIRST_TOKEN),
        (names::TIME_PER_OUTPUT_TOKEN, &PER_TOKEN),
        (names::TOKEN_USAGE, &TOKENS),
        (names::OVERHEAD, &OVERHEAD),
        (names::LOCAL_LOAD, &LOADS),
        (names::SHADOW_DURATION, &DURATIONS),
        (names::SHADOW_FIRST_TOKEN, &FIRST_TOKEN),
        (names::SHADOW_LENGTH_RATIO, &RATIOS),
        (names::SHADOW_SIMILARITY, &COSINES),
    ];
    let mut builder = PrometheusBuilder::new();
    for (name, bounds) in buckets {
        builder = builder.set_buckets_for_metric(Matcher::Full(name.to_owned()), bounds)?;
    }
    let handle = builder.install_recorder()?;
    describe();
    Ok(handle)
}

fn describe() {
    describe_counter!(names::REQUESTS, "Requests that have ended.");
    describe_gauge!(names::IN_FLIGHT, "Requests that are being served.");
    describe_counter!(
        names::LARGER_CONTEXT,
        "Requests that went on to a larger model, by the route for which they are too long, and that model."
    );
    describe_counter!(names::CANARY_REQUESTS, "First attempts of requests of routes with a canary, by arm.");
    describe_counter!(names::CANARY_ERRORS, "First attempts of them that failed, by arm.");
    describe_histogram!(names::CANARY_FIRST_TOKEN, Unit::Seconds, "First tokens of such attempts, by arm.");
    describe_histogram!(names::REQUEST_DURATION, Unit::Seconds, "From a request's head to the end of its answer.");
    describe_histogram!(names::TIME_TO_FIRST_TOKEN, Unit::Seconds, "From a request's head to the first content of its stream.");
    describe_histogram!(names::TIME_PER_OUTPUT_TOKEN, Unit::Seconds, "Time per token of a stream after the first.");
    describe_histogram!(names::TOKEN_USAGE, "Tokens of a request.");
    describe_histogram!(names::OVERHEAD, Unit::Seconds, "Time to the response's head that was not spent waiting for a backend.");
    describe_counter!(names::ATTEMPTS, "Attempts at backends.");
    describe_counter!(names::HEDGES, "Second attempts beside slow ones.");
    describe_counter!(
        names::HEDGE_COST,
        "Estimated price of attempts called off because another was quicker, in billionths of a US dollar."
    );
    describe_gauge!(names::BUDGET_LEFT, "What is left of a tenant's budget, in billionths of a US dollar.");
    describe_gauge!(
        names::CEILING_LEFT,
        "What is left of what a tenant may spend on a route today, in billionths of a US dollar."
    );
    describe_counter!(names::SPILLS, "Requests that went to a later tier to be in time.");
    describe_counter!(names::COST, "What answers cost, in billionths of a US dollar.");
    describe_counter!(
        names::FAILED_COST,
        "Estimated price of attempts given up because they took too long, in billionths of a US dollar."
    );
    describe_counter!(names::HEDGES_WON, "Second attempts that answered first.");
    describe_counter!(names::IDEMPOTENCY_REQUESTS, "Requests with an idempotency key.");
    describe_counter!(names::IDEMPOTENCY_EXECUTIONS, "Executions for an idempotency key that have ended.");
    describe_gauge!(names::IDEMPOTENCY_STORED_ANSWERS, "Answers that are kept for their idempotency keys.");
    describe_gauge!(names::IDEMPOTENCY_STORED_BYTES, Unit::Bytes, "What the kept answers count for in memory.");
    describe_counter!(names::SHADOW_REQUESTS, "Copies of requests, by what became of them.");
    describe_histogram!(
        names::SHADOW_FIRST_TOKEN,
        Unit::Seconds,
        "Time to the first content, of the client's answer and its copy's."
    );
    describe_histogram!(names::SHADOW_DURATION, Unit::Seconds, "Time to the end, of the client's answer and its copy's.");
    describe_histogram!(names::SHADOW_LENGTH_RATIO, "How many times as many tokens the copy's answer has as the client's.");
    describe_histogram!(names::SHADOW_SIMILARITY, "The least cosine between the embeddings of an answer and its copy's.");
    describe_counter!(names::SHADOW_COST, "What the answers to copies cost, in billionths of a US dollar.");
    describe_gauge!(names::SHADOW_BUDGET_LEFT, "What is left of what copies may cost today, in billionths of a US dollar.");
    describe_counter!(names::CONTINUATIONS, "Answers that broke off and went on at another backend.");
    describe_counter!(names::DECISIONS, "Records of the decision log, written or dropped.");
    describe_counter!(names::POLICY_RELOADS, "Reloads of the policy.");
    describe_gauge!(names::POLICY_LOADED, Unit::Seconds, "When the policy in force was loaded, since 1970.");
    describe_gauge!(names::LOCAL_MODELS, "Local models, by how far they have come.");
    describe_gauge!(names::LOCAL_MEMORY, Unit::Bytes, "What is set aside of memory for a local model.");
    describe_histogram!(names::LOCAL_LOAD, Unit::Seconds, "From the wish for a local model to its readiness.");
    describe_counter!(names::LOCAL_LOADS, "Attempts to bring a local model in.");
    describe_gauge!(names::LOCAL_WAIT, Unit::Seconds, "How long a request that came now would wait for a local model.");
    describe_gauge!(names::POLICY_STALE, "1 where the last reload failed and an older policy is in force.");
}

/// The metrics of one deployment, looked up once and not at every request.
#[derive(Clone)]
pub struct DeploymentMetrics {
    duration: Histogram,
    first_token: Histogram,
    per_token: Histogram,
    input: Histogram,
    output: Histogram,
    overhead: Histogram,
    success: Counter,
    rate_limited: Counter,
    failure: Counter,
    client_fault: Counter,
    misconfigured: Counter,
    cancelled: Counter,
    hedges: Counter,
    spills: Counter,
    hedges_won: Counter,
    hedge_cost: Counter,
    cost: Counter,
    failed_cost: Counter,
    continuations: Counter,
}

impl DeploymentMetrics {
    /// The metrics of `model` at `backend`, which speaks `provider`'s API.
    #[must_use]
    pub fn new(backend: &str, provider: &'static str, model: &str) -> Self {
        let labels = || {
            let (backend, model) = (backend.to_owned(), model.to_owned());
            vec![
                metrics::Label::new(names::BACKEND, backend),
                metrics::Label::from_static_parts(names::PROVIDER, provider),
                metrics::Label::new(names::MODEL, model),
            ]
        };
        let with = |name, value| {
            let mut labels = labels();
            labels.push(metrics::Label::from_static_parts(name, value));
            labels
        };
        let attempts = |outcome| counter!(names::ATTEMPTS, with(names::OUTCOME, outcome));
        Self {
            duration: histogram!(names::REQUEST_DURATION, labels()),
            first_token: histogram!(names::TIME_TO_FIRST_TOKEN, labels()),
            per_token: histogram!(names::TIME_PER_OUTPUT_TOKEN, labels()),
            input: histogram!(names::TOKEN_USAGE, with(names::TOKEN_TYPE, "input")),
            output: histogram!(names::TOKEN_USAGE, with(names::TOKEN_TYPE, "output")),
            overhead: histogram!(names::OVERHEAD, labels()),
            success: attempts("success"),
            rate_limited: attempts("rate_limited"),
            failure: attempts("failure"),
            client_fault: attempts("client_fault"),
            misconfigured: attempts("misconfigured"),
            cancelled: attempts("cancelled"),
            hedges: counter!(names::HEDGES, labels()),
            spills: counter!(names::SPILLS, labels()),
            hedges_won: counter!(names::HEDGES_WON, labels()),
            hedge_cost: counter!(names::HEDGE_COST, labels()),
            cost: counter!(names::COST, labels()),
            failed_cost: counter!(names::FAILED_COST, labels()),
            continuations: counter!(names::CONTINUATIONS, labels()),
        }
    }

    /// Counts an attempt.
    pub fn attempt(&self, outcome: select::Outcome) {
        let counter = match outcome {
            select::Outcome::Success { .. } => &self.success,
            select::Outcome::RateLimited { .. } => &self.rate_limited,
            select::Outcome::Failure { .. } => &self.failure,
            select::Outcome::Misconfigured => &self.misconfigured,
            select::Outcome::ClientFault => &self.client_fault,
            select::Outcome::Cancelled => &self.cancelled,
        };
        counter.increment(1);
    }

    /// Counts a second attempt beside a slow one.
    pub fn hedged(&self) {
        self.hedges.increment(1);
    }

    /// Counts a request that came here because an earlier tier is not in time.
    pub fn spilled(&self) {
        self.spills.increment(1);
    }

    /// Counts one that answered first.
    pub fn hedge_won(&self) {
        self.hedges_won.increment(1);
    }

    /// Counts what an attempt cost that was called off because another was quicker.
    pub fn called_off(&self, nano_usd: u64) {
        self.hedge_cost.increment(nano_usd);
    }

    /// Counts what an answer cost.
    pub fn paid(&self, nano_usd: u64) {
        self.cost.increment(nano_usd);
    }

    /// Counts what an attempt cost that was given up because it took too long.
    pub fn failed(&self, nano_usd: u64) {
        self.failed_cost.increment(nano_usd);
    }

    /// Counts an answer that broke off elsewhere and goes on here.
    pub fn continued(&self) {
        self.continuations.increment(1);
    }

    /// Counts a request that this deployment answered.
    fn request(&self, context: &RequestContext) {
        let total = context.elapsed();
        self.duration.record(total);
        if let Some(overhead) = context.overhead() {
            self.overhead.record(overhead);
        }
        let first = context.time_to_first_content();
        if let Some(first) = first {
            self.first_token.record(first);
        }
        let Some(TokenCount { usage, .. }) = context.tokens() else { return };
        self.input.record(usage.prompt_tokens as f64);
        if usage.completion_tokens > 0 {
            self.output.record(usage.completion_tokens as f64);
        }
        if let (Some(first), 2..) = (first, usage.completion_tokens) {
            let rest = total.saturating_sub(first);
            self.per_token.record(rest.div_f64((usage.completion_tokens - 1) as f64));
        }
    }
}

impl std::fmt::Debug for DeploymentMetrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeploymentMetrics")
    }
}

/// How often [`PrometheusHandle::run_upkeep`] is to be called: what was recorded is kept raw until then.
pub(crate) const UPKEEP: Duration = Duration::from_secs(5);

/// Wraps a service in [`Measured`].
#[derive(Debug, Clone, Copy, Default)]
pub struct MeasureLayer;

impl<S> Layer<S> for MeasureLayer {
    type Service = Measured<S>;

    fn layer(&self, inner: S) -> Measured<S> {
        Measured { inner }
    }
}

/// Counts every request once.
#[derive(Debug, Clone)]
pub struct Measured<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for Measured<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Finishing<S::Future, Closing<Measurement>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let context: Option<Arc<RequestContext>> = request.extensions().get().cloned();
        Finishing::new(self.inner.call(request), Closing::new(context.map(|context| Measurement { context })))
    }
}

/// A request to be counted when it ends.
#[derive(Debug)]
pub struct Measurement {
    context: Arc<RequestContext>,
}

impl Close for Measurement {
    fn close(self, ended: Ended) {
        if let Some(deployment) = self.context.served_by() {
            deployment.metrics().request(&self.context);
        }
        let operation = self.context.asked().map_or("none", |asked| asked.operation.as_str());
        let status = ended.status.map_or_else(|| "none".into(), |status| status.as_u16().to_string());
        let outcome = ended.outcome.as_str();
        counter!(names::REQUESTS, names::OPERATION => operation, names::STATUS => status, names::OUTCOME => outcome).increment(1);
    }
}
