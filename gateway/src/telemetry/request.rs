//! Layer 2: the request gets its name, its context and its trace span; its line in the access log is written when the body ends.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use arc_swap::ArcSwap;
use http::{HeaderName, Request, Response};
use tower::{Layer, Service};
use tracing::{Instrument, Span, instrument::Instrumented};

use crate::{
    body::Body,
    closing::{Close, Closing, Ended},
    context::{Origin, RequestContext},
    finishing::Finishing,
    snapshot::Snapshot,
};

/// The response header that carries the request's name.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Wraps a service in [`BeginRequest`].
#[derive(Clone)]
pub struct BeginRequestLayer {
    snapshot: Arc<ArcSwap<Snapshot>>,
}

impl BeginRequestLayer {
    /// Requests are served by what `snapshot` holds when they arrive.
    #[must_use]
    pub const fn new(snapshot: Arc<ArcSwap<Snapshot>>) -> Self {
        Self { snapshot }
    }
}

impl fmt::Debug for BeginRequestLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeginRequestLayer")
    }
}

impl<S> Layer<S> for BeginRequestLayer {
    type Service = BeginRequest<S>;

    fn layer(&self, inner: S) -> BeginRequest<S> {
        BeginRequest { inner, snapshot: Arc::clone(&self.snapshot) }
    }
}

/// Puts an [`Arc<RequestContext>`](RequestContext) into the request's extensions.
#[derive(Clone)]
pub struct BeginRequest<S> {
    inner: S,
    snapshot: Arc<ArcSwap<Snapshot>>,
}

impl<S, B> Service<Request<B>> for BeginRequest<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Finishing<Instrumented<S::Future>, Closing<AccessLog>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let origin = request.extensions_mut().remove::<Origin>().unwrap_or_else(Origin::unknown);
        let (method, path) = (request.method().clone(), request.uri().path());
        let context = Arc::new(RequestContext::new(origin, method, path, self.snapshot.load_full()));
        let span = tracing::info_span!("request", id = %context.id());
        request.extensions_mut().insert(Arc::clone(&context));
        let inner = span.in_scope(|| self.inner.call(request));
        Finishing::new(inner.instrument(span.clone()), Closing::new(Some(AccessLog { context, span })))
    }
}

/// The access log line in the making.
#[derive(Debug)]
pub struct AccessLog {
    context: Arc<RequestContext>,
    span: Span,
}

impl Close for AccessLog {
    fn answered(&mut self, response: &mut Response<Body>) {
        response.headers_mut().insert(REQUEST_ID, self.context.id().to_header());
    }

    fn close(self, ended: Ended) {
        let context = &*self.context;
        let asked = context.asked();
        let usage = context.tokens().map(|tokens| tokens.usage);
        tracing::info!(
            target: "tradewind::access",
            parent: &self.span,
            client = %context.client(),
            tenant = context.principal().map(|principal| principal.tenant.as_str()),
            method = %context.method(),
            path = context.path(),
            model = asked.map(|asked| asked.model.as_str()),
            backend = context.served_by().map(|deployment| deployment.backend_name()),
            status = ended.status.map(|status| status.as_u16()),
            error = context.reason(),
            outcome = ended.outcome.as_str(),
            replay_of = context.replay_of().map(tracing::field::display),
            attempts = context.attempts(),
            prompt_tokens = usage.map(|usage| usage.prompt_tokens),
            completion_tokens = usage.map(|usage| usage.completion_tokens),
            cost_nano_usd = context.cost().map(|cost| cost.0),
            duration_ms = context.elapsed().as_secs_f64() * 1e3,
            "served"
        );
    }
}
