//! Layer 4a: one record of each decision, closed when the request's body ends or is dropped.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower::{Layer, Service};

use super::{
    Decisions,
    header::{DECISION, TellTo, header},
    kept::KeptUntilTheEnd,
    record::Ended,
};
use crate::{
    body::Body,
    closing::{self, Close, Closing},
    context::RequestContext,
    finishing::Finishing,
};

/// Wraps a service in [`Recorded`].
#[derive(Clone, Debug)]
pub struct DecisionLayer {
    log: Decisions,
    tell_to: TellTo,
}

impl DecisionLayer {
    /// Records in `log`, and tells those callers how their requests were decided that ask and are among `tell_to`.
    #[must_use]
    pub const fn new(log: Decisions, tell_to: TellTo) -> Self {
        Self { log, tell_to }
    }
}

impl<S> Layer<S> for DecisionLayer {
    type Service = Recorded<S>;

    fn layer(&self, inner: S) -> Recorded<S> {
        Recorded { inner, log: self.log.clone(), tell_to: self.tell_to.clone() }
    }
}

/// Records how each request is decided.
#[derive(Clone, Debug)]
pub struct Recorded<S> {
    inner: S,
    log: Decisions,
    tell_to: TellTo,
}

impl<S, B> Service<Request<B>> for Recorded<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Finishing<S::Future, Closing<OpenDecision>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let context: Option<Arc<RequestContext>> = request.extensions().get().cloned();
        let is_recorded = self.log.takes_one();
        let tell_to = self.tell_to.if_asked(request.headers());
        let log = if is_recorded { self.log.keep(request.headers()).map(|kept| (self.log.clone(), kept)) } else { None };
        let open = context.filter(|_| is_recorded || tell_to.is_some()).map(|context| {
            context.begin_trace();
            OpenDecision { log, tell_to, context }
        });
        Finishing::new(self.inner.call(request), Closing::new(open))
    }
}

/// A decision that is recorded when its request has ended.
#[derive(Debug)]
pub struct OpenDecision {
    /// Where it is recorded, with what; `None` where it is not.
    log: Option<(Decisions, KeptUntilTheEnd)>,
    /// Who is told, if the caller asked.
    tell_to: Option<TellTo>,
    context: Arc<RequestContext>,
}

impl Close for OpenDecision {
    fn answered(&mut self, response: &mut Response<Body>) {
        let context = &self.context;
        if let Some(tell_to) = self.tell_to.take()
            && context.principal().is_some_and(|principal| tell_to.includes(&principal.tenant))
            && let Some(told) = header(context)
        {
            response.headers_mut().insert(DECISION, told);
        }
    }

    fn close(self, ended: closing::Ended) {
        if let Some((log, kept)) = self.log {
            log.record(Ended::new(self.context, ended, kept));
        }
    }
}
