//! Layer 6: at most so many requests at once; the permit rides in the response body.
//!
//! One too many is refused at once and not queued: a queue in front of a full gateway only adds the wait to the refusal.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{Either, Ready, ready};
use http::{Request, Response};
use metrics::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::{Layer, Service};

use crate::{
    body::{Body, End, OnEnd},
    error::{Error, Kind},
    finishing::{Finish, Finishing},
};

/// When a refused client should come back: about as long as a short answer takes.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Wraps a service in [`InFlight`].
#[derive(Debug, Clone)]
pub struct InFlightLayer {
    permits: Arc<Semaphore>,
    gauge: Gauge,
}

impl InFlightLayer {
    /// Lets `limit` requests run at once, and tells `gauge` how many do.
    #[must_use]
    pub fn new(limit: usize, gauge: Gauge) -> Self {
        Self { permits: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))), gauge }
    }
}

impl<S> Layer<S> for InFlightLayer {
    type Service = InFlight<S>;

    fn layer(&self, inner: S) -> InFlight<S> {
        InFlight { inner, limit: self.clone() }
    }
}

/// Refuses with 503 what is beyond the limit.
#[derive(Debug, Clone)]
pub struct InFlight<S> {
    inner: S,
    limit: InFlightLayer,
}

impl<S, B> Service<Request<B>> for InFlight<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Error>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = Either<Finishing<S::Future, Permit>, Ready<Result<Response<Body>, Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match Arc::clone(&self.limit.permits).try_acquire_owned() {
            Ok(permit) => {
                self.limit.gauge.increment(1.0);
                let permit = Permit { _permit: permit, gauge: self.limit.gauge.clone() };
                Either::Left(Finishing::new(self.inner.call(request), permit))
            }
            Err(_) => {
                let error = Error::new(Kind::Overloaded, "The gateway is at its limit of concurrent requests; retry shortly.");
                Either::Right(ready(Err(error.with_retry_after(RETRY_AFTER))))
            }
        }
    }
}

/// The right to run, given back when the body ends or the request is cancelled.
#[derive(Debug)]
pub struct Permit {
    _permit: OwnedSemaphorePermit,
    gauge: Gauge,
}

impl Finish<Result<Response<Body>, Error>> for Permit {
    type Output = Result<Response<Body>, Error>;

    fn finish(self, outcome: Self::Output) -> Self::Output {
        outcome.map(|mut response| {
            response.body_mut().on_end(self);
            response
        })
    }
}

impl OnEnd for Permit {
    fn on_end(self: Box<Self>, _end: End) {}
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.gauge.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::BodyExt;
    use tower::{ServiceExt, service_fn};

    use super::*;

    #[tokio::test]
    async fn the_permit_is_held_until_the_body_ends() {
        let answer = |_: Request<()>| async { Ok(Response::new(Body::full(Bytes::from_static(b"x")))) };
        let service = InFlightLayer::new(1, Gauge::noop()).layer(service_fn(answer));
        let ask = || service.clone().oneshot(Request::new(()));
        let first = ask().await.unwrap();
        let refused = ask().await.unwrap_err();
        assert_eq!((refused.kind(), refused.retry_after()), (Kind::Overloaded, Some(RETRY_AFTER)));
        first.into_body().collect().await.unwrap();
        let second = ask().await.unwrap();
        drop(second);
        ask().await.unwrap();
    }
}
