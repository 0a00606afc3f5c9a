//! Layer 4: one record a request, granted or denied, closed when its body ends or is dropped.

use std::{
    borrow::Cow,
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::{Either, Ready, ready};
use http::{Request, Response, StatusCode};
use tower::{Layer, Service};

use super::{Attempt, Audit, Decision, Outcome, Record};
use crate::{
    body::Body,
    closing::{Close, Closing, Ended},
    context::{self, Copied, RequestContext, Tried},
    error::{Dialect, Error, Kind},
    finishing::Finishing,
};

/// Wraps a service in [`Audited`].
#[derive(Clone)]
pub struct AuditLayer {
    audit: Audit,
}

impl AuditLayer {
    /// Records in `audit`.
    #[must_use]
    pub const fn new(audit: Audit) -> Self {
        Self { audit }
    }
}

impl<S> Layer<S> for AuditLayer {
    type Service = Audited<S>;

    fn layer(&self, inner: S) -> Audited<S> {
        Audited { inner, audit: self.audit.clone() }
    }
}

/// Records each request, and refuses those that could not be recorded.
#[derive(Clone)]
pub struct Audited<S> {
    inner: S,
    audit: Audit,
}

impl<S, B> Service<Request<B>> for Audited<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<Finishing<S::Future, Closing<OpenRecord>>, Ready<Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let context: Option<Arc<RequestContext>> = request.extensions().get().cloned();
        match (self.audit.admit(), context) {
            (Ok(()), Some(context)) => {
                let open = OpenRecord { audit: self.audit.clone(), context };
                Either::Left(Finishing::new(self.inner.call(request), Closing::new(Some(open))))
            }
            (refused, context) => {
                let dialect = context.as_ref().map_or(Dialect::OpenAi, |context| Dialect::of(context.path()));
                let kind = if refused.is_err() { Kind::AuditUnavailable } else { Kind::Internal };
                if let Some(context) = context {
                    context.set_error(kind);
                }
                let error = Error::new(kind, "No request is served while the audit log cannot be written.");
                Either::Right(ready(Ok(error.into_response(dialect))))
            }
        }
    }
}

/// A record that is written when its request has ended.
pub struct OpenRecord {
    audit: Audit,
    context: Arc<RequestContext>,
}

impl Close for OpenRecord {
    fn close(self, ended: Ended) {
        if let Some(why) = ended.reason {
            self.context.set_reason(why);
        }
        self.audit.record(record(&self.context, ended.status, ended.outcome));
    }
}

fn record(context: &RequestContext, status: Option<StatusCode>, ended: context::Outcome) -> Record {
    let principal = context.principal();
    let asked = context.asked();
    let tokens = context.tokens();
    let denied = matches!(
        context.error(),
        Some(
            Kind::Unauthenticated
                | Kind::AuthenticationUnavailable
                | Kind::ModelNotAllowed
                | Kind::NoEligibleBackend
                | Kind::ModelNotFound
                | Kind::QuotaExceeded
                | Kind::BudgetExceeded
                | Kind::Overloaded
        )
    ) || principal.is_none();
    let taken = context.taken();
    let failed = status.is_none_or(|status| !status.is_success());
    let outcome = match ended {
        context::Outcome::Completed if failed => Outcome::Failed,
        context::Outcome::Completed => Outcome::Completed,
        context::Outcome::Interrupted => Outcome::Interrupted,
        context::Outcome::ClientClosed => Outcome::ClientClosed,
        context::Outcome::Panicked => Outcome::Failed,
    };
    Record {
        request_id: context.id().to_string().into(),
        tenant: principal.map(|principal| principal.tenant.as_str().into()),
        subject: principal.map(|principal| Arc::clone(&principal.subject)),
        issuer: principal.map(|principal| Arc::clone(&principal.issuer)),
        token_id: principal.and_then(|principal| principal.token_id.clone()),
        operation: asked.map(|asked| Cow::Borrowed(asked.operation.as_str())),
        method: Cow::Owned(context.method().to_string()),
        path: context.path().into(),
        model: asked.map(|asked| asked.model.as_str().into()),
        route: taken.as_ref().map(|taken| taken.route.as_str().into()),
        larger: taken.as_ref().filter(|taken| taken.is_larger).map(|taken| taken.model.as_str().into()),
        backend: context.served_by().map(|deployment| deployment.backend_name().into()),
        decision: if denied { Decision::Denied } else { Decision::Granted },
        reason: context.reason().map(Cow::Borrowed),
        status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).as_u16(),
        outcome,
        replay_of: context.replay_of().map(|executed| executed.to_string().into()),
        attempts: context.attempts(),
        hedges: context.hedges(),
        tried: context.tried().iter().map(attempt).collect(),
        shadow: context.copied().filter(Copied::is_sent).map(|copied| copied.backend.as_str().into()),
        prompt_tokens: tokens.map(|tokens| tokens.usage.prompt_tokens),
        completion_tokens: tokens.map(|tokens| tokens.usage.completion_tokens),
        tokens_estimated: tokens.is_some_and(|tokens| tokens.is_estimate),
        cost_nano_usd: context.cost().map(|cost| cost.0),
        wasted_nano_usd: context.waste().map(|cost| cost.0),
        duration_ms: u64::try_from(context.elapsed().as_millis()).unwrap_or(u64::MAX),
        policy: Some(context.snapshot().policy_hash()),
        client: Some(context.client().ip()),
    }
}

fn attempt(tried: &Tried) -> Attempt {
    Attempt {
        backend: tried.deployment.backend_name().into(),
        turnout: tried.turnout,
        hedge: tried.is_hedge,
        wasted_prompt_tokens: tried.wasted_prompt_tokens,
    }
}
