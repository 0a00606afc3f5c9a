//! Layer 10: whether the caller may ask this of that model.

use std::task::{Context, Poll};

use futures_util::future::{Either, Ready, ready};
use http::Response;
use tower::{Layer, Service};
use tradewind_policies::{Denied, Operation};

use crate::{
    body::Body,
    context::RequestContext,
    error::{Error, Kind},
    inference::Call,
};

/// Wraps a service in [`Authorize`].
#[derive(Debug, Clone, Copy, Default)]
pub struct AuthorizeLayer;

impl<S> Layer<S> for AuthorizeLayer {
    type Service = Authorize<S>;

    fn layer(&self, inner: S) -> Authorize<S> {
        Authorize { inner }
    }
}

/// Refuses what neither token nor policy grants.
#[derive(Debug, Clone)]
pub struct Authorize<S> {
    inner: S,
}

impl<S: Service<Call, Response = Response<Body>, Error = Error>> Service<Call> for Authorize<S> {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let allowed = match &call {
            // The list itself holds only what the caller may use.
            Call::ListModels(_) => Ok(()),
            Call::Describe(context, path) => path.model().map_or(Ok(()), |model| authorize(context, model, Operation::Infer)),
            Call::Infer(inference) => authorize(&inference.context, &inference.head().model, inference.operation),
        };
        match allowed {
            Ok(()) => Either::Left(self.inner.call(call)),
            Err(error) => Either::Right(ready(Err(error))),
        }
    }
}

fn authorize(context: &RequestContext, model: &str, operation: Operation) -> Result<(), Error> {
    let Some(principal) = context.principal() else {
        return Err(Error::new(Kind::Internal, "Internal error."));
    };
    let policy = &context.snapshot().policy;
    policy.authorize(&principal.tenant, principal.models.as_deref(), model, operation).map_err(|denied| {
        tracing::debug!(%denied, "not authorized");
        match denied {
            Denied::UnknownTenant(_) | Denied::NotGranted { .. } | Denied::NothingGrants { .. } => {
                let message = format!("This credential is not allowed to use model '{}'.", shown(model));
                Error::new(Kind::ModelNotAllowed, message)
            }
            Denied::NoSuchModel { .. } => {
                let message = format!("The model '{}' does not exist or you do not have access to it.", shown(model));
                Error::new(Kind::ModelNotFound, message).with_param("model")
            }
            Denied::OperationNotServed { operation, .. } => {
                let message = format!("The model '{}' does not serve {operation}.", shown(model));
                Error::new(Kind::InvalidRequest, message).with_param("model")
            }
        }
    })
}

/// A name from outside, fit to be shown.
fn shown(model: &str) -> String {
    model.chars().filter(|c| !c.is_control()).take(100).collect()
}
