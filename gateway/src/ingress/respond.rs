//! Layer 5: an error from below becomes the response that tells it, and a stream that pauses is kept alive.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{Request, Response};
use tower::{Layer, Service};

use crate::{
    body::Body,
    context::RequestContext,
    error::{Dialect, Error, Fault},
    finishing::{Finish, Finishing},
};

/// Wraps a service in [`Respond`].
#[derive(Debug, Clone, Copy)]
pub struct RespondLayer {
    keep_alive: Duration,
}

impl RespondLayer {
    /// Tells the client of a stream that it goes on whenever there was nothing else to tell for `keep_alive`.
    #[must_use]
    pub const fn new(keep_alive: Duration) -> Self {
        Self { keep_alive }
    }
}

impl<S> Layer<S> for RespondLayer {
    type Service = Respond<S>;

    fn layer(&self, inner: S) -> Respond<S> {
        Respond { inner, keep_alive: self.keep_alive }
    }
}

/// Never fails: it speaks for those who do.
#[derive(Debug, Clone)]
pub struct Respond<S> {
    inner: S,
    keep_alive: Duration,
}

impl<S, B> Service<Request<B>> for Respond<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Error>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Finishing<S::Future, Outspoken>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // No layer below makes a request wait: each answers for itself.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let context = request.extensions().get().cloned();
        Finishing::new(self.inner.call(request), Outspoken { context, keep_alive: self.keep_alive })
    }
}

/// Puts an error into words.
#[derive(Debug)]
pub struct Outspoken {
    context: Option<Arc<RequestContext>>,
    keep_alive: Duration,
}

impl Finish<Result<Response<Body>, Error>> for Outspoken {
    type Output = Result<Response<Body>, Infallible>;

    fn finish(self, outcome: Result<Response<Body>, Error>) -> Self::Output {
        let mut response = outcome.unwrap_or_else(|error| {
            if let Some(context) = &self.context {
                context.set_error(error.kind());
            }
            if error.kind().fault() == Fault::Internal {
                tracing::warn!(%error, "refused");
            }
            let dialect = self.context.as_ref().map_or(Dialect::OpenAi, |context| Dialect::of(context.path()));
            error.into_response(dialect)
        });
        if let Some(context) = &self.context {
            context.mark_response();
        }
        response.body_mut().keep_alive(self.keep_alive);
        Ok(response)
    }
}
