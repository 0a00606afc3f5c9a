//! Layer 1: a bug costs one request.
//!
//! The request's future is moved into the poll that might panic, so that it is dropped while the stack unwinds: what it owned (a
//! permit, an audit record, a metric) sees [`std::thread::panicking`] and settles as panicked, not as a client that left.

use std::{
    convert::Infallible,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::{Layer, Service};

use crate::{
    body::Body,
    error::{Dialect, Error, Kind},
};

/// Wraps a service in [`CatchPanic`].
#[derive(Debug, Clone, Copy, Default)]
pub struct CatchPanicLayer;

/// Answers 500 where the inner service panics.
#[derive(Debug, Clone)]
pub struct CatchPanic<S> {
    inner: S,
}

/// The request, until it panics.
#[derive(Debug)]
pub struct ResponseFuture<F> {
    request: Option<Pin<Box<F>>>,
}

impl<S> Layer<S> for CatchPanicLayer {
    type Service = CatchPanic<S>;

    fn layer(&self, inner: S) -> CatchPanic<S> {
        CatchPanic { inner }
    }
}

impl<S, B> Service<Request<B>> for CatchPanic<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The outer layers act within `call`, so a panic there counts too.
        let request = catch_unwind(AssertUnwindSafe(|| Box::pin(self.inner.call(request)))).ok();
        ResponseFuture { request }
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for ResponseFuture<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Some(mut request) = self.request.take() else { return Poll::Ready(Ok(bug())) };
        let polled = catch_unwind(AssertUnwindSafe(move || {
            let poll = request.as_mut().poll(cx);
            (poll, request)
        }));
        match polled {
            Ok((Poll::Pending, request)) => {
                self.request = Some(request);
                Poll::Pending
            }
            Ok((ready, _)) => ready,
            // The panic hook has logged where and why.
            Err(_) => Poll::Ready(Ok(bug())),
        }
    }
}

fn bug() -> Response<Body> {
    Error::new(Kind::Internal, "Internal error.").into_response(Dialect::OpenAi)
}

#[cfg(test)]
mod tests {
    use tower::{ServiceExt, service_fn};

    use super::*;

    #[tokio::test]
    async fn a_panic_becomes_a_500_and_is_seen_by_what_the_request_owned() {
        struct Owned(std::sync::mpsc::Sender<bool>);
        impl Drop for Owned {
            fn drop(&mut self) {
                self.0.send(std::thread::panicking()).unwrap();
            }
        }
        let (tell, told) = std::sync::mpsc::channel();
        let service = CatchPanicLayer.layer(service_fn(move |_: Request<()>| {
            let owned = Owned(tell.clone());
            async move {
                tokio::task::yield_now().await;
                let _owned = owned;
                panic!("a bug")
            }
        }));
        let response = service.oneshot(Request::new(())).await.unwrap();
        assert_eq!(response.status(), 500);
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [true]);
    }
}
