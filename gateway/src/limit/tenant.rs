//! Layer 11: at most so many requests of a tenant, so that the others get their share.
//!
//! Behind authorization, for a stranger's requests must not use up what is another's; before all that costs a backend.

use std::{
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{Either, Ready, ready};
use http::Response;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tower::{Layer, Service};
use tradewind_policies::{Quota, select::Monotonic, spec::TenantLimits};

use crate::{
    body::{Body, End, OnEnd},
    error::{Error, Kind},
    finishing::{Finish, Finishing},
    inference::Inference,
};

/// When a tenant that has as many requests under way as it may should come back: about as long as a short answer takes.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What one tenant has left. It outlives a reload that leaves its limits as they are.
#[derive(Debug)]
pub struct Allowance {
    limits: TenantLimits,
    epoch: Instant,
    quota: Option<Mutex<Quota>>,
    places: Option<Arc<Semaphore>>,
}

impl Allowance {
    /// All of it.
    #[must_use]
    pub fn new(limits: TenantLimits) -> Self {
        Self {
            limits,
            epoch: Instant::now(),
            quota: limits.requests_per_minute.map(|requests| Mutex::new(Quota::per_minute(requests))),
            places: limits.concurrency.map(|most| Arc::new(Semaphore::new(most.get() as usize))),
        }
    }

    /// Whether these are its limits.
    #[must_use]
    pub fn suits(&self, limits: TenantLimits) -> bool {
        self.limits == limits
    }

    /// The right to run one request.
    fn take(&self) -> Result<Place, Error> {
        let refused = |what: &str, after| {
            let error =
                Error::new(Kind::QuotaExceeded, format!("Your organization has as many {what} as it may have; retry later."));
            error.with_retry_after(after)
        };
        let place = self.places.as_ref().map(|places| Arc::clone(places).try_acquire_owned()).transpose();
        let place = place.map_err(|_| refused("requests at once", RETRY_AFTER))?;
        if let Some(quota) = &self.quota {
            let now = Monotonic::since_epoch(self.epoch.elapsed());
            let mut quota = quota.lock().unwrap_or_else(PoisonError::into_inner);
            quota.take(now).map_err(|after| refused("requests a minute", after))?;
        }
        Ok(Place { _permit: place })
    }
}

/// Wraps a service in [`TenantLimit`].
#[derive(Debug, Clone, Copy, Default)]
pub struct TenantLimitLayer;

impl<S> Layer<S> for TenantLimitLayer {
    type Service = TenantLimit<S>;

    fn layer(&self, inner: S) -> TenantLimit<S> {
        TenantLimit { inner }
    }
}

/// Refuses with 429 what is beyond the limits that the policy sets the caller's tenant.
#[derive(Debug, Clone)]
pub struct TenantLimit<S> {
    inner: S,
}

impl<S> Service<Inference> for TenantLimit<S>
where
    S: Service<Inference, Response = Response<Body>, Error = Error>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = Either<Finishing<S::Future, Place>, Ready<Result<Response<Body>, Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, inference: Inference) -> Self::Future {
        let context = &inference.context;
        let allowance = context.principal().and_then(|principal| context.snapshot().allowance(&principal.tenant));
        match allowance.map_or(Ok(Place { _permit: None }), |allowance| allowance.take()) {
            Ok(place) => Either::Left(Finishing::new(self.inner.call(inference), place)),
            Err(error) => Either::Right(ready(Err(error))),
        }
    }
}

/// The right to run, given back when the body ends or the request is cancelled.
#[derive(Debug)]
pub struct Place {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Finish<Result<Response<Body>, Error>> for Place {
    type Output = Result<Response<Body>, Error>;

    fn finish(self, outcome: Self::Output) -> Self::Output {
        outcome.map(|mut response| {
            if self._permit.is_some() {
                response.body_mut().on_end(self);
            }
            response
        })
    }
}

impl OnEnd for Place {
    fn on_end(self: Box<Self>, _end: End) {}
}
