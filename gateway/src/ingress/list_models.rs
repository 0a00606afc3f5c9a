//! `GET /v1/models`: answered from the policy, without asking a backend.

use std::task::{Context, Poll};

use futures_util::future::{Either, Ready, ready};
use http::{HeaderValue, Response, header::CONTENT_TYPE};
use tower::{Layer, Service};
use tradewind_protocol::openai::ModelList;

use crate::{
    body::Body,
    context::RequestContext,
    error::{Error, Kind},
    inference::{Call, Inference},
};

/// Wraps a service in [`ListModels`].
#[derive(Debug, Clone, Copy, Default)]
pub struct ListModelsLayer;

impl<S> Layer<S> for ListModelsLayer {
    type Service = ListModels<S>;

    fn layer(&self, inner: S) -> ListModels<S> {
        ListModels { inner }
    }
}

/// Lists what the caller may use; hands the rest on.
#[derive(Debug, Clone)]
pub struct ListModels<S> {
    inner: S,
}

impl<S: Service<Inference, Response = Response<Body>, Error = Error>> Service<Call> for ListModels<S> {
    type Response = Response<Body>;
    type Error = Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        match call {
            Call::Infer(inference) => Either::Left(self.inner.call(inference)),
            Call::ListModels(context) => Either::Right(ready(list(&context))),
            // Answered by the layer above.
            Call::Describe(..) => Either::Right(ready(Err(Error::new(Kind::Internal, "Internal error.")))),
        }
    }
}

fn list(context: &RequestContext) -> Result<Response<Body>, Error> {
    let internal = || Error::new(Kind::Internal, "Internal error.");
    let principal = context.principal().ok_or_else(internal)?;
    let caller = context.caller().ok_or_else(internal)?;
    let models = context.snapshot().policy.models_for(&caller, principal.models.as_deref());
    let list = ModelList::new(models.iter().map(|model| model.name), "tradewind");
    let body = serde_json::to_vec(&list).map_err(|_| internal())?;
    let mut response = Response::new(Body::full(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
