//! The layer that finds out who may serve a request; and who else may where it turns out to be too long for them.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::{BoxFuture, Either, Ready, ready};
use http::Response;
use metrics::counter;
use tower::{Layer, Service, ServiceExt};
use tradewind_policies::{
    Caller, Needs, NoRoute, Request, Stage, TenantId,
    canary::Arm,
    decision::Moment,
    spec::{Routing, Target},
};
use tradewind_protocol::Operation;

use super::{
    Candidates, Drawn, LiveCanary, Planned, Prefix, RouteState,
    candidates::{Like, ask, predicted},
    needs::{BYTES_PER_TOKEN, needs},
    shadow,
};
use crate::{
    body::Body,
    context::{RequestContext, Taken},
    error::{Error, Kind},
    inference::Inference,
    telemetry::names,
};

/// A request, and who may serve it.
#[derive(Debug)]
pub struct Routed {
    /// The request.
    pub inference: Inference,
    /// Where it may go.
    pub candidates: Candidates,
    /// How to choose among them, and what to do when one fails.
    pub routing: Routing,
    /// What the route remembers.
    pub state: Arc<RouteState>,
    /// Whose request it is.
    pub tenant: TenantId,
    /// How its prompt begins.
    pub prefix: Prefix,
    /// The canary of its route, and to which part of the sessions it belongs.
    pub canary: Option<(Arc<LiveCanary>, Arm)>,
    /// Where a copy of it is to go.
    pub shadow: Option<Drawn>,
    /// Whether its route leads on to a larger model, should it be too long.
    pub leads_on: bool,
}

impl AsRef<Arc<RequestContext>> for Routed {
    fn as_ref(&self) -> &Arc<RequestContext> {
        &self.inference.context
    }
}

/// Wraps a service in [`Route`].
#[derive(Debug, Clone, Copy, Default)]
pub struct RouteLayer;

impl<S> Layer<S> for RouteLayer {
    type Service = Route<S>;

    fn layer(&self, inner: S) -> Route<S> {
        Route { inner }
    }
}

/// Finds out who may serve a request, or says why nobody may.
#[derive(Debug, Clone)]
pub struct Route<S> {
    inner: S,
}

type Outcome = Result<Response<Body>, Error>;

impl<S> Service<Inference> for Route<S>
where
    S: Service<Routed, Response = Response<Body>, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = Either<S::Future, Either<BoxFuture<'static, Outcome>, Ready<Outcome>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, inference: Inference) -> Self::Future {
        match route(inference) {
            Ok(routed) if routed.leads_on => Either::Right(Either::Left(Box::pin(lead_on(self.inner.clone(), routed)))),
            Ok(routed) => Either::Left(self.inner.call(routed)),
            Err(error) => Either::Right(Either::Right(ready(Err(error)))),
        }
    }
}

/// Sends a request on to larger models as long as it turns out to be too long.
async fn lead_on<S>(inner: S, mut routed: Routed) -> Outcome
where
    S: Service<Routed, Response = Response<Body>, Error = Error> + Clone,
{
    let inference = routed.inference.clone();
    loop {
        let known = inference.context.outgrown();
        let outcome = inner.clone().oneshot(routed).await;
        if outcome.is_ok() || inference.context.outgrown() == known {
            return outcome;
        }
        routed = route(inference.clone())?;
    }
}

/// Whether a request that turned out to be too long for so much room goes on to another model than that of the route that it took.
pub fn goes_on(inference: &Inference, room: u64) -> bool {
    let context = &inference.context;
    let Some((taken, caller)) = context.taken().zip(context.caller()) else { return false };
    // What was too little before was more, perhaps.
    let room = context.outgrown().map_or(room, |known| known.max(room));
    let request = request(inference, caller, needs(inference).beyond(room));
    let policy = &context.snapshot().policy;
    if policy.eligible(&request).is_ok_and(|eligible| *eligible.model != taken.model) {
        return true;
    }
    // The record tells why it stays; where another backend of the route has room, it tells what was known when one was chosen.
    context.trace(|trace| {
        if policy.consider(&request).is_ok_and(|considered| considered.stays.is_some()) {
            trace.needs = Some(request.needs);
        }
    });
    false
}

fn request<'r>(inference: &'r Inference, caller: Caller<'r>, needs: Needs) -> Request<'r> {
    let (operation, session) = (inference.operation, inference.context.session());
    Request { caller, asked: &inference.head().model, operation, needs, session }
}

fn route(inference: Inference) -> Result<Routed, Error> {
    let context = Arc::clone(&inference.context);
    let snapshot = context.snapshot();
    let internal = || Error::new(Kind::Internal, "Internal error.");
    let tenant = context.principal().ok_or_else(internal)?.tenant.clone();
    let outgrown = context.outgrown();
    let needs = needs(&inference);
    let needs = outgrown.map_or(needs, |room| needs.beyond(room));
    let request = request(&inference, context.caller().ok_or_else(internal)?, needs);
    context.trace(|trace| trace.needs = Some(request.needs));
    if let Some(left) = context.taken() {
        context.trace(|trace| trace.outgrew(&left.model));
    }
    let eligible = snapshot.policy.eligible(&request).map_err(|error| refused(&context, request.asked, error))?;
    let canary = snapshot.canary(eligible.route);
    let eligible = if canary.is_some_and(|canary| canary.is_given_up()) { eligible.of_control() } else { eligible };
    let canary = canary.cloned().zip(eligible.arm());
    let state = Arc::clone(snapshot.route_state(eligible.route).ok_or_else(internal)?);
    state.request();

    let prefix = Prefix::of(inference.payload.body());
    let prompt_tokens = inference.payload.body().len() as f64 / BYTES_PER_TOKEN;
    // A refusal has told better.
    let prompt_tokens = outgrown.map_or(prompt_tokens, |_| prompt_tokens.max(needs.length() as f64));
    let output_tokens = match inference.operation {
        Operation::Chat | Operation::Completions => state.expected_output(&tenant, inference.head().max_tokens),
        Operation::Embeddings | Operation::Rerank | Operation::Infer => 0.0,
    };
    context.trace(|trace| trace.expected_output_tokens = output_tokens);
    let now = Moment::from(context.received());
    let plan = |target: &Target| {
        let deployment = Arc::clone(snapshot.deployment(target)?);
        let cached_tokens = deployment.cached_tokens(&prefix);
        let like = Like { prompt_tokens, cached_tokens, output_tokens, answers: request.needs.answers() };
        let cost = target.price.as_deref().map(|price| predicted(price, like));
        let ask = ask(eligible.routing, target.price.as_deref(), like);
        let is_drained = snapshot.policy.backends().get(target.backend.get()).is_some_and(|backend| backend.drained.at(now));
        let (timeouts, domain, price) = (target.timeouts, target.failure_domain.clone(), target.price.clone());
        let weights = target.weights.clone();
        Some((Planned { deployment, timeouts, domain, price, weights, tier: eligible.tier(target), is_drained, ask }, cost))
    };
    let mut dearest = None;
    let candidates = eligible.targets().filter_map(plan).map(|(planned, cost)| {
        dearest = dearest.max(cost);
        planned
    });
    let candidates = Candidates::new(candidates);
    // One copy is enough, however often the request is sent on.
    let shadow = match context.copied().is_some_and(|copied| copied.is_sent()) {
        false => shadow::draw(&eligible, &snapshot.policy, plan, &mut rand::rng()),
        true => None,
    };
    if let Some(left) = eligible.left() {
        counter!(names::LARGER_CONTEXT, names::ROUTE => left.to_string(), names::MODEL => eligible.model.to_string())
            .increment(1);
    }
    context.take(Taken {
        route: eligible.route.clone(),
        model: eligible.model.clone(),
        is_larger: eligible.left().is_some(),
        arm: canary.as_ref().map(|(_, arm)| *arm),
        predicted_cost: dearest,
    });
    let (routing, leads_on) = (*eligible.routing, eligible.leads_on());
    Ok(Routed { inference, candidates, routing, state, tenant, prefix, canary, shadow, leads_on })
}

/// What the caller is told where nobody may serve its request. Which backends there are, and what left them out, is for the log and the records.
fn refused(context: &RequestContext, asked: &str, error: NoRoute) -> Error {
    if let NoRoute::Undecided { route, error } = &error {
        tracing::warn!(%route, error, "the route's `when` says neither yes nor no, so the request is refused");
        context.set_reason("route_undecided");
        let message = format!("No backend may serve this request to the model '{asked}'.");
        return Error::new(Kind::NoEligibleBackend, message).with_param("model");
    }
    let NoRoute::NoneEligible { route, model, stage, reasons } = error else {
        tracing::debug!(%error, "no route");
        let message = format!("The model '{asked}' does not exist or you do not have access to it.");
        return Error::new(Kind::ModelNotFound, message).with_param("model");
    };
    tracing::info!(%route, %stage, %reasons, "no backend may serve the request");
    context.take(Taken::in_vain(route, model));
    let (reason, is_forbidden) = match stage {
        Stage::Operation => ("no_backend_for_operation", false),
        Stage::Residency => ("no_backend_by_residency", true),
        Stage::DataTerms => ("no_backend_by_data_terms", true),
        Stage::Capability => ("no_backend_by_capability", false),
        // A canary is never the last that is left out.
        Stage::Room | Stage::Canary => ("no_backend_with_room", false),
        Stage::CostCeiling => ("no_backend_under_ceiling", true),
    };
    context.set_reason(reason);
    if stage == Stage::CostCeiling {
        let message = format!(
            "This request to the model '{asked}' may cost more than is allowed: shorten its prompt, or lower max_tokens or n."
        );
        return Error::new(Kind::NoEligibleBackend, message).with_param("model");
    }
    if is_forbidden {
        let message = format!("No backend may serve this request to the model '{asked}'.");
        return Error::new(Kind::NoEligibleBackend, message).with_param("model");
    }
    let message = format!("The model '{asked}' cannot do what this request asks for.");
    Error::new(Kind::NoCapableBackend, message).with_param("model")
}
