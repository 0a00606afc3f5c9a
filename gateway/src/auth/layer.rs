//! Layer 8: who is asking. Headers only: nothing is parsed for strangers.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode, header::WWW_AUTHENTICATE};
use tower::{Layer, Service};

use super::{AuthError, Authenticator, Identity, Principal};
use crate::{
    body::Body,
    context::RequestContext,
    error::{Error, Kind},
};

/// Wraps a service in [`Authenticate`].
#[derive(Clone)]
pub struct AuthenticateLayer {
    authenticator: Arc<Authenticator>,
}

impl AuthenticateLayer {
    /// Lets through whom `authenticator` knows.
    #[must_use]
    pub const fn new(authenticator: Arc<Authenticator>) -> Self {
        Self { authenticator }
    }
}

impl<S> Layer<S> for AuthenticateLayer {
    type Service = Authenticate<S>;

    fn layer(&self, inner: S) -> Authenticate<S> {
        Authenticate { inner, authenticator: Arc::clone(&self.authenticator) }
    }
}

/// Puts the [`Principal`](super::Principal) into the request's context, or refuses.
#[derive(Clone)]
pub struct Authenticate<S> {
    inner: S,
    authenticator: Arc<Authenticator>,
}

impl<S, B> Service<Request<B>> for Authenticate<S>
where
    S: Service<Request<B>, Response = Response<Body>, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Response<Body>, Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let authenticator = Arc::clone(&self.authenticator);
        Box::pin(async move {
            let context = request.extensions().get::<Arc<RequestContext>>().cloned();
            let identity = authenticator.authenticate(request.headers()).await;
            let principal = identity.and_then(|identity| principal(identity, context.as_deref()));
            let principal = principal.map_err(|error| {
                if let Some(context) = &context {
                    context.set_reason(error.code());
                }
                tracing::debug!(%error, "not authenticated");
                refusal(&error)
            })?;
            if let Some((context, principal)) = context.zip(principal) {
                context.set_principal(Arc::new(principal));
            }
            inner.call(request).await
        })
    }
}

/// Whose the token is by the policy that the request is served by.
fn principal(identity: Arc<Identity>, context: Option<&RequestContext>) -> Result<Option<Principal>, AuthError> {
    let Some(context) = context else { return Ok(None) };
    let tenant = context.snapshot().policy.tenant_of(&identity.claims, identity.named.as_ref())?;
    Ok(Some(Principal { tenant, identity }))
}

/// What the caller is told; the exact reason is for the audit record and the log.
fn refusal(error: &AuthError) -> Error {
    let kind = match error.status() {
        StatusCode::BAD_REQUEST => Kind::InvalidRequest,
        StatusCode::SERVICE_UNAVAILABLE => Kind::AuthenticationUnavailable,
        _ => Kind::Unauthenticated,
    };
    let mut refusal = Error::new(kind, error.description());
    if let Some(challenge) = error.www_authenticate() {
        refusal = refusal.with_header(WWW_AUTHENTICATE, challenge);
    }
    match error.retry_after() {
        Some(after) => refusal.with_retry_after(after),
        None => refusal,
    }
}
