//! The layer that plans the attempts.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{Either, Ready, ready};
use http::Response;
use smallvec::SmallVec;
use tower::{Layer, Service};
use tradewind_policies::{
    Eligible,
    select::{Candidate, Ranking, Removed, rank},
    spec::Timeouts,
};

use super::Deployment;
use crate::{
    body::Body,
    error::{Error, Kind},
    inference::Inference,
    snapshot::Snapshot,
};

/// A request, and where to try it.
#[derive(Debug)]
pub struct Routed {
    /// The request.
    pub inference: Inference,
    /// The attempts to make, in order; at least one.
    pub plan: SmallVec<[Planned; 4]>,
    /// How many of them may be made.
    pub max_attempts: u32,
}

/// An attempt to make.
#[derive(Debug, Clone)]
pub struct Planned {
    /// Where.
    pub deployment: Arc<Deployment>,
    /// Its limits.
    pub timeouts: Timeouts,
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

/// Plans, or says why there is nothing to plan.
#[derive(Debug, Clone)]
pub struct Route<S> {
    inner: S,
}

impl<S: Service<Routed, Response = Response<Body>, Error = Error>> Service<Inference> for Route<S> {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, inference: Inference) -> Self::Future {
        match plan(inference) {
            Ok(routed) => Either::Left(self.inner.call(routed)),
            Err(error) => Either::Right(ready(Err(error))),
        }
    }
}

fn plan(inference: Inference) -> Result<Routed, Error> {
    let context = Arc::clone(&inference.context);
    let snapshot = context.snapshot();
    let principal = context.principal().ok_or_else(|| Error::new(Kind::Internal, "Internal error."))?;
    let eligible =
        snapshot.policy.eligible(&principal.tenant, &inference.head().model, inference.operation).map_err(|error| {
            tracing::debug!(%error, "no route");
            let message = format!("The model '{}' does not exist or you do not have access to it.", inference.head().model);
            Error::new(Kind::ModelNotFound, message).with_param("model")
        })?;
    context.set_route(eligible.route.clone());

    let planned = candidates(snapshot, &eligible);
    let ranking = order(&planned);
    let plan: SmallVec<_> = ranking.attempts.iter().filter_map(|attempt| Some(planned.get(attempt.target)?.1.clone())).collect();
    if plan.is_empty() {
        return Err(unavailable(&ranking, &planned));
    }
    Ok(Routed { inference, plan, max_attempts: eligible.routing.max_attempts.get() })
}

type Candidates = SmallVec<[(usize, Planned); 4]>;

/// The deployments of each tier, with the number of their tier.
fn candidates(snapshot: &Snapshot, eligible: &Eligible<'_>) -> Candidates {
    let tiers = eligible.tiers.iter().enumerate();
    let targets = tiers.flat_map(|(tier, targets)| targets.iter().map(move |target| (tier, target)));
    let planned = targets.filter_map(|(tier, target)| {
        let deployment = Arc::clone(snapshot.deployment(target)?);
        Some((tier, Planned { deployment, timeouts: target.timeouts }))
    });
    planned.collect()
}

fn order(planned: &Candidates) -> Ranking<usize> {
    let mut tiers: SmallVec<[SmallVec<[Candidate<usize>; 4]>; 2]> = SmallVec::new();
    for (place, (tier, planned)) in planned.iter().enumerate() {
        if tiers.len() <= *tier {
            tiers.resize_with(tier + 1, SmallVec::new);
        }
        if let Some(candidates) = tiers.get_mut(*tier) {
            candidates.push(Candidate { target: place, outlook: planned.deployment.outlook() });
        }
    }
    let tiers: SmallVec<[&[Candidate<usize>]; 2]> = tiers.iter().map(SmallVec::as_slice).collect();
    rank(&tiers, &mut rand::rng())
}

/// Every backend is out for now: the caller is told when the first of them comes back, and by which status whose limit it is.
fn unavailable(ranking: &Ranking<usize>, planned: &Candidates) -> Error {
    let wait = |(place, removed): &(usize, Removed)| Some(planned.get(*place)?.1.deployment.until(removed.until()));
    let after = ranking.removed.iter().filter_map(wait).min().unwrap_or(Duration::from_secs(1));
    let limited = ranking.removed.iter().all(|(_, removed)| matches!(removed, Removed::CoolingDown { .. }));
    let error = if limited && !ranking.removed.is_empty() {
        Error::new(Kind::RateLimited, "Every upstream for this model is rate limited.")
    } else {
        Error::new(Kind::NoHealthyUpstream, "No healthy upstream for this model.")
    };
    error.with_retry_after(after)
}
