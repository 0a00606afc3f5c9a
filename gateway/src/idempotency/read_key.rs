//! Takes the key out of a request's headers, which those who need it no longer see.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::{Either, Ready, ready};
use http::{Request, Response};
use tower::{Layer, Service};

use super::IdempotencyKey;
use crate::{body::Body, context::RequestContext, error::Error};

/// Wraps a service in [`ReadKey`].
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadKeyLayer;

impl<S> Layer<S> for ReadKeyLayer {
    type Service = ReadKey<S>;

    fn layer(&self, inner: S) -> ReadKey<S> {
        ReadKey { inner }
    }
}

/// Notes the key in the context, or refuses what is none.
#[derive(Debug, Clone)]
pub struct ReadKey<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for ReadKey<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Error>,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match IdempotencyKey::of(request.headers()) {
            Ok(None) => {}
            Ok(Some(key)) => {
                if let Some(context) = request.extensions().get::<Arc<RequestContext>>() {
                    context.set_idempotency_key(key);
                }
            }
            Err(error) => return Either::Right(ready(Err(error))),
        }
        Either::Left(self.inner.call(request))
    }
}
