//! Layer 7: the one instant by which a request must be over, and that everything below subtracts from.
//!
//! The gateway sets it; a client may bring it forward with a header. It bounds the wait for the response and then the response's body. The
//! end of the grace period at shutdown bounds both in the same way.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{Either, Ready, ready};
use http::{Request, Response};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tower::{Layer, Service};

use crate::{
    body::Body,
    context::{DEADLINE, RequestContext},
    error::{Error, Kind},
};

/// Wraps a service in [`Deadline`].
#[derive(Debug, Clone, Copy)]
pub struct DeadlineLayer {
    longest: Duration,
}

impl DeadlineLayer {
    /// Gives each request `longest` at most.
    #[must_use]
    pub const fn new(longest: Duration) -> Self {
        Self { longest }
    }
}

impl<S> Layer<S> for DeadlineLayer {
    type Service = Deadline<S>;

    fn layer(&self, inner: S) -> Deadline<S> {
        Deadline { inner, longest: self.longest }
    }
}

/// Ends what takes too long.
#[derive(Debug, Clone)]
pub struct Deadline<S> {
    inner: S,
    longest: Duration,
}

impl<S, B> Service<Request<B>> for Deadline<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Error>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = Either<ResponseFuture<S::Future>, Ready<Result<Response<Body>, Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let longest = match requested(&request) {
            Ok(asked) => asked.map_or(self.longest, |asked| asked.min(self.longest)),
            Err(error) => return Either::Right(ready(Err(error))),
        };
        let deadline = Instant::now() + longest;
        let forced = request.extensions().get::<Arc<RequestContext>>().map_or_else(CancellationToken::new, |context| {
            context.set_deadline(deadline);
            context.forced().clone()
        });
        Either::Left(ResponseFuture {
            response: self.inner.call(request),
            timer: sleep_until(deadline),
            shutdown: forced.clone().cancelled_owned(),
            forced,
        })
    }
}

/// How long the client will wait, if it says so.
fn requested<B>(request: &Request<B>) -> Result<Option<Duration>, Error> {
    let Some(value) = request.headers().get(&DEADLINE) else { return Ok(None) };
    let milliseconds = value.to_str().ok().and_then(|text| text.parse::<u64>().ok()).filter(|value| *value > 0);
    let duration = milliseconds.map(Duration::from_millis).ok_or_else(|| {
        Error::new(Kind::InvalidRequest, format!("The header `{DEADLINE}` must be a whole number of milliseconds above 0."))
    })?;
    Ok(Some(duration))
}

pin_project! {
    /// The response, or what comes first.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        response: F,
        #[pin]
        timer: Sleep,
        #[pin]
        shutdown: WaitForCancellationFutureOwned,
        forced: CancellationToken,
    }
}

impl<F: Future<Output = Result<Response<Body>, Error>>> Future for ResponseFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let Poll::Ready(outcome) = this.response.poll(cx) {
            return Poll::Ready(outcome.map(|mut response| {
                response.body_mut().limit(this.timer.deadline(), this.forced.clone().cancelled_owned());
                response
            }));
        }
        if this.timer.poll(cx).is_ready() {
            return Poll::Ready(Err(Error::new(Kind::Timeout, "The deadline of the request passed before there was an answer.")));
        }
        this.shutdown
            .poll(cx)
            .map(|()| Err(Error::new(Kind::ShuttingDown, "The gateway is shutting down; send the request again.")))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::future;
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::context::testing;

    const LONGEST: Duration = Duration::from_secs(600);

    async fn waited(request: Request<()>) -> (Kind, Duration) {
        let started = Instant::now();
        let never = service_fn(|_: Request<()>| future::pending::<Result<Response<Body>, Error>>());
        let error = DeadlineLayer::new(LONGEST).layer(never).oneshot(request).await.unwrap_err();
        (error.kind(), started.elapsed())
    }

    fn asking_for(value: &str) -> Request<()> {
        Request::builder().header(DEADLINE, value).body(()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_can_bring_the_deadline_forward_but_not_back() {
        let (kind, after) = waited(asking_for("1500")).await;
        assert_eq!(kind, Kind::Timeout);
        assert!((Duration::from_millis(1500)..Duration::from_millis(1510)).contains(&after), "{after:?}");
        let (_, after) = waited(asking_for("99999999")).await;
        assert!((LONGEST..LONGEST + Duration::from_millis(10)).contains(&after), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_that_is_none_is_refused() {
        for value in ["0", "-1", "soon", "1.5"] {
            assert_eq!(waited(asking_for(value)).await, (Kind::InvalidRequest, Duration::ZERO), "{value}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_of_the_grace_period_ends_the_wait() {
        let context = testing::context();
        context.forced().cancel();
        let mut request = Request::new(());
        request.extensions_mut().insert(context);
        assert_eq!(waited(request).await, (Kind::ShuttingDown, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn a_response_in_time_passes() {
        let answer = |_: Request<()>| async { Ok(Response::new(Body::full(Bytes::new()))) };
        let service = DeadlineLayer::new(LONGEST).layer(service_fn(answer));
        assert!(service.oneshot(Request::new(())).await.is_ok());
    }
}
