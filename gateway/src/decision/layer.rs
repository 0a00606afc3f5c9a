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
    body::{Body, End, OnEnd},
    context::{Outcome, RequestContext},
    finishing::{Finish, Finishing},
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
    type Future = Finishing<S::Future, OpenDecision>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let context: Option<Arc<RequestContext>> = request.extensions().get().cloned();
        let is_recorded = self.log.takes_one();
        let tell_to = self.tell_to.if_asked(request.headers());
        if let Some(context) = context.as_ref().filter(|_| is_recorded || tell_to.is_some()) {
            context.begin_trace();
        }
        let log = if is_recorded { self.log.keep(request.headers()).map(|kept| (self.log.clone(), kept)) } else { None };
        Finishing::new(self.inner.call(request), OpenDecision { log, tell_to, context, status: None })
    }
}

/// A decision that is recorded when its request has ended.
#[derive(Debug)]
pub struct OpenDecision {
    /// Where it is recorded, with what; taken when it is. `None` where it is not.
    log: Option<(Decisions, KeptUntilTheEnd)>,
    /// Who is told, if the caller asked.
    tell_to: Option<TellTo>,
    /// Taken when it is recorded.
    context: Option<Arc<RequestContext>>,
    status: Option<u16>,
}

impl Finish<Result<Response<Body>, Infallible>> for OpenDecision {
    type Output = Result<Response<Body>, Infallible>;

    fn finish(mut self, outcome: Self::Output) -> Self::Output {
        let Ok(mut response) = outcome;
        self.status = Some(response.status().as_u16());
        if let Some((tell_to, context)) = self.tell_to.take().zip(self.context.as_ref())
            && context.principal().is_some_and(|principal| tell_to.includes(&principal.tenant))
            && let Some(told) = header(context)
        {
            response.headers_mut().insert(DECISION, told);
        }
        if self.log.is_some() {
            response.body_mut().on_end(self);
        }
        Ok(response)
    }
}

impl OpenDecision {
    fn close(&mut self, outcome: Outcome, reason: Option<&'static str>) {
        if let Some((context, (log, kept))) = self.context.take().zip(self.log.take()) {
            log.record(Ended::new(context, self.status, outcome, reason, kept));
        }
    }
}

impl OnEnd for OpenDecision {
    fn on_end(mut self: Box<Self>, end: End) {
        let reason = match end {
            End::Interrupted(why) => Some(why),
            End::Completed | End::Dropped => None,
        };
        self.close(Outcome::of(end), reason);
    }
}

impl Drop for OpenDecision {
    fn drop(&mut self) {
        self.close(Outcome::of_abandoned(), None);
    }
}
