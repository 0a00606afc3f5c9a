//! What asks no backend: `GET /v1/models`, and the Open Inference Protocol's questions about the server and its models.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::{Either, Ready, ready};
use http::{HeaderValue, Response, header::CONTENT_TYPE};
use serde::Serialize;
use tower::{Layer, Service};
use tradewind_policies::{Caller, NoRoute};
use tradewind_protocol::{
    Operation,
    oip::{self, LIVE, ModelMetadata, ModelReady, Path, ServerMetadata},
    openai::ModelList,
};

use crate::{
    body::Body,
    context::RequestContext,
    error::{Error, Kind},
    inference::{Call, Inference},
};

/// Wraps a service in [`Describe`].
#[derive(Debug, Clone, Copy, Default)]
pub struct DescribeLayer;

impl<S> Layer<S> for DescribeLayer {
    type Service = Describe<S>;

    fn layer(&self, inner: S) -> Describe<S> {
        Describe { inner }
    }
}

/// Tells what the server is, which models the caller may use and what they take; hands the rest on.
#[derive(Debug, Clone)]
pub struct Describe<S> {
    inner: S,
}

impl<S: Service<Inference, Response = Response<Body>, Error = Error>> Service<Call> for Describe<S> {
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
            Call::Describe(context, path) => Either::Right(ready(describe(&context, &path))),
        }
    }
}

fn list(context: &RequestContext) -> Result<Response<Body>, Error> {
    let principal = context.principal().ok_or_else(internal)?;
    let models = context.snapshot().policy.models_for(&caller(context)?, principal.models.as_deref());
    told(&ModelList::new(models.iter().map(|model| model.name), "tradewind"))
}

fn describe(context: &Arc<RequestContext>, path: &Path) -> Result<Response<Body>, Error> {
    match path {
        Path::Server => told(&ServerMetadata { name: "tradewind", version: env!("CARGO_PKG_VERSION"), extensions: &[] }),
        Path::Live => told(&LIVE),
        Path::Ready if context.snapshot().deployments().any(|(_, deployment)| deployment.is_loading()) => {
            Err(not_ready("Models are still being loaded."))
        }
        Path::Ready => told(&oip::Ready { ready: true }),
        Path::Model(model) | Path::Infer(model) => {
            let snapshot = context.snapshot();
            let mut serving = snapshot.serving(caller(context)?, model, Operation::Infer).map_err(|error| not_served(&error))?;
            let tensors = serving.find_map(|deployment| deployment.tensors());
            let Some((inputs, outputs)) = tensors else {
                return Err(Error::new(
                    Kind::InvalidRequest,
                    "What this model takes and gives is its server's affair; none can be asked.",
                ));
            };
            told(&ModelMetadata { name: model, platform: "candle", inputs, outputs })
        }
        Path::ModelReady(model) => {
            let snapshot = context.snapshot();
            let mut serving = snapshot.serving(caller(context)?, model, Operation::Infer).map_err(|error| not_served(&error))?;
            if !serving.any(|deployment| deployment.is_ready()) {
                return Err(not_ready("The model cannot be asked now."));
            }
            told(&ModelReady { name: model, ready: true })
        }
    }
}

fn caller(context: &RequestContext) -> Result<Caller<'_>, Error> {
    context.caller().ok_or_else(internal)
}

fn internal() -> Error {
    Error::new(Kind::Internal, "Internal error.")
}

/// A model that nobody serves, as far as the caller may know.
fn not_served(error: &NoRoute) -> Error {
    tracing::debug!(%error, "no route");
    Error::new(Kind::ModelNotFound, "The model does not exist or you do not have access to it.")
}

fn not_ready(message: &'static str) -> Error {
    Error::new(Kind::NoHealthyUpstream, message)
}

fn told(answer: &impl Serialize) -> Result<Response<Body>, Error> {
    let body = serde_json::to_vec(answer).map_err(|_| internal())?;
    let mut response = Response::new(Body::full(body.into()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
