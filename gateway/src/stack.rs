//! THE stack: what a request passes through, from top to bottom, and why each layer stands where it stands.
//!
//! Layers know nothing of each other. They are put together here and speak through [`RequestContext`](crate::context::RequestContext).

use std::{convert::Infallible, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response};
use metrics::gauge;
use tower::{Service, ServiceBuilder};

use crate::{
    audit::{Audit, AuditLayer},
    auth::{AuthenticateLayer, Authenticator, AuthorizeLayer},
    backend::{Attempt, AttemptTimeoutsLayer, BackendService},
    body::Body,
    decision::{DecisionLayer, Decisions, TellTo},
    dispatch::Dispatch,
    idempotency::{IdempotentLayer, Ledger, ReadKeyLayer},
    inference::{Answer, Failure},
    ingress::{DecodeLayer, DescribeLayer, RespondLayer},
    limit::{BudgetLayer, DeadlineLayer, InFlightLayer, Spending, TenantLimitLayer},
    route::RouteLayer,
    server::CatchPanicLayer,
    shadow::Shadows,
    snapshot::Snapshot,
    telemetry::{BeginRequestLayer, MeasureLayer, names},
};

/// What the layers share.
#[derive(Clone)]
pub struct Shared {
    /// The policy in force and its backends.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Who may come in.
    pub authenticator: Arc<Authenticator>,
    /// Where every request is recorded.
    pub audit: Audit,
    /// Where decisions are recorded.
    pub decisions: Decisions,
    /// Which tenants are told how their requests were decided, if they ask.
    pub tell_to: TellTo,
    /// How many requests may run at once.
    pub in_flight: usize,
    /// How long a request may take.
    pub deadline: Duration,
    /// After how long a pause the client of a stream is told that it goes on.
    pub keep_alive: Duration,
    /// How large its body may be, in bytes.
    pub body_limit: usize,
    /// What the tenants have spent.
    pub spending: Arc<Spending>,
    /// The copies of requests.
    pub shadows: Shadows,
    /// What was done already, by idempotency key.
    pub ledger: Ledger,
}

/// The stack that every request passes. Clones share their state: one is made for each connection.
pub fn requests<B>(
    shared: Shared,
) -> impl Service<Request<B>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + use<B>
where
    B: http_body::Body<Data = Bytes, Error: std::fmt::Display> + Send + 'static,
{
    ServiceBuilder::new()
        // A bug costs one request, not the connection.
        .layer(CatchPanicLayer)
        // Every later line has the request's name; the access log line is written when the body ends.
        .layer(BeginRequestLayer::new(shared.snapshot))
        // Counts final outcomes, shed and denied ones included.
        .layer(MeasureLayer)
        // Sees granted and denied alike; nothing is done that could not be recorded.
        .layer(AuditLayer::new(shared.audit))
        // Sees the status that the caller gets, refusals included; never refuses, and never makes a request wait.
        .layer(DecisionLayer::new(shared.decisions, shared.tell_to))
        // The only place where an error becomes HTTP; below, layers fail with an error. Keeps streams alive above all that counts events.
        .layer(RespondLayer::new(shared.keep_alive))
        // Cheapest rejection first; the permit rides in the response body.
        .layer(InFlightLayer::new(shared.in_flight, gauge!(names::IN_FLIGHT)))
        // The one instant that everything below subtracts from.
        .layer(DeadlineLayer::new(shared.deadline))
        // Headers only: nothing is parsed for strangers.
        .layer(AuthenticateLayer::new(shared.authenticator))
        // A header, which is gone below; and not a stranger's.
        .layer(ReadKeyLayer)
        // Bytes become a typed call; below here a request is no longer HTTP.
        .layer(DecodeLayer::new(shared.body_limit))
        // Principal, model and operation are known now, and nothing expensive has happened yet.
        .layer(AuthorizeLayer)
        // Cost no backend, but must be authenticated, and of a model only those are told who may use it.
        .layer(DescribeLayer)
        // Nobody's noise costs the others their share; a replay counts too.
        .layer(TenantLimitLayer)
        // A replay must be authenticated, authorized and recorded as any request, but asks no backend.
        .layer(IdempotentLayer::new(shared.ledger))
        // From the model to its eligible backends, best first.
        .layer(RouteLayer)
        // What a request may cost is known where it may go, and nothing is spent yet.
        .layer(BudgetLayer::new(shared.spending))
        // Failover across them, only before the first byte to the client; copies go beside that.
        .service(Dispatch::new(shared.shadows))
}

/// The stack that every attempt at a backend passes.
pub fn attempts<S>(backend: S) -> BackendService
where
    S: Service<Attempt, Response = Answer, Error = Failure> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    let attempts = ServiceBuilder::new()
        // Until the first event, between events, and in all; inside the plan, so that a slow backend leads to the next.
        .layer(AttemptTimeoutsLayer)
        // Dialect, credential and socket; or the engine in this process.
        .service(backend);
    BackendService::new(attempts)
}
