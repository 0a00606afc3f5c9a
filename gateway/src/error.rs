//! One error for everything that can end a request, and the only place where it becomes HTTP.
//!
//! A [`Kind`] says what happened; status, class and code of OpenAI's API, and whose fault it is, follow from it in one table. Layers below
//! [`Respond`](crate::ingress::Respond) return an [`Error`] and never build a response of their own for it.

use std::{borrow::Cow, fmt, time::Duration};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use tradewind_protocol::{
    oip::{self, Path},
    openai::{ErrorBody, ErrorDetail},
    sse,
};

use crate::body::Body;

/// Why a request could not be served.
#[derive(Debug, Clone)]
pub struct Error(Box<Details>);

/// Boxed, because errors are rare and results are passed on by every layer.
#[derive(Debug, Clone)]
struct Details {
    kind: Kind,
    message: Cow<'static, str>,
    param: Option<Cow<'static, str>>,
    /// An upstream's own name for it, in place of the kind's.
    code: Option<String>,
    retry_after: Option<Duration>,
    header: Option<(HeaderName, HeaderValue)>,
}

/// In which API's words an error is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's.
    OpenAi,
    /// The Open Inference Protocol's.
    OpenInference,
}

impl Dialect {
    /// That of the API that `path` belongs to.
    #[must_use]
    pub fn of(path: &str) -> Self {
        if Path::is_of_protocol(path) { Self::OpenInference } else { Self::OpenAi }
    }
}

/// Whose doing an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The application's: the same request will fail again.
    Downstream,
    /// A backend's.
    Upstream,
    /// The gateway's own, or its operator's.
    Internal,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No credential, or one that is not valid.
    Unauthenticated,
    /// The keys that a credential would be checked with cannot be had.
    AuthenticationUnavailable,
    /// The caller may not use this model.
    ModelNotAllowed,
    /// The policy lets no backend serve the request.
    NoEligibleBackend,
    /// No backend of the model can do what the request needs.
    NoCapableBackend,
    /// There is no such model.
    ModelNotFound,
    /// Nothing is served at this path.
    UnknownPath,
    /// The path is served, but not by this method.
    MethodNotAllowed,
    /// The body is not a request.
    InvalidRequest,
    /// The request asks for what the backend cannot do.
    UnsupportedParameter,
    /// The prompt does not fit the model.
    ContextLengthExceeded,
    /// A provider's filter does not allow the content.
    ContentFiltered,
    /// The body is too large.
    RequestTooLarge,
    /// The body is compressed, or not JSON.
    UnsupportedMediaType,
    /// The body did not arrive.
    RequestAborted,
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// The request with this idempotency key is under way, and its answer cannot be shared.
    IdempotencyKeyInUse,
    /// Every backend has had enough for now.
    RateLimited,
    /// The caller's tenant has had as much as its policy grants.
    QuotaExceeded,
    /// The caller's tenant has spent what its policy grants.
    BudgetExceeded,
    /// The gateway itself has had enough for now.
    Overloaded,
    /// The gateway is going down.
    ShuttingDown,
    /// The audit log cannot be written, so nothing may be done.
    AuditUnavailable,
    /// No backend is fit to be tried.
    NoHealthyUpstream,
    /// An upstream failed, or answered with what is not an answer.
    UpstreamFailed,
    /// An upstream, or the request as a whole, took too long.
    Timeout,
    /// A stream broke off after it had begun.
    StreamInterrupted,
    /// A bug.
    Internal,
}

/// What a [`Kind`] is called in OpenAI's API.
struct Face {
    status: StatusCode,
    r#type: &'static str,
    code: &'static str,
    fault: Fault,
}

impl Kind {
    const fn face(self) -> Face {
        use Fault::{Downstream, Internal, Upstream};
        const INVALID: &str = "invalid_request_error";
        const SERVER: &str = "server_error";
        let (status, r#type, code, fault) = match self {
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, INVALID, "invalid_api_key", Downstream),
            Self::AuthenticationUnavailable => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "authentication_unavailable", Internal),
            Self::ModelNotAllowed => (StatusCode::FORBIDDEN, "permission_error", "model_not_allowed", Downstream),
            Self::NoEligibleBackend => (StatusCode::FORBIDDEN, "permission_error", "no_eligible_backend", Downstream),
            Self::NoCapableBackend => (StatusCode::UNPROCESSABLE_ENTITY, INVALID, "no_eligible_backend", Downstream),
            Self::ModelNotFound => (StatusCode::NOT_FOUND, INVALID, "model_not_found", Downstream),
            Self::UnknownPath => (StatusCode::NOT_FOUND, INVALID, "unknown_url", Downstream),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, INVALID, "method_not_allowed", Downstream),
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, INVALID, "invalid_request", Downstream),
            Self::UnsupportedParameter => (StatusCode::BAD_REQUEST, INVALID, "unsupported_parameter", Downstream),
            Self::ContextLengthExceeded => (StatusCode::BAD_REQUEST, INVALID, "context_length_exceeded", Downstream),
            Self::ContentFiltered => (StatusCode::BAD_REQUEST, INVALID, "content_filter", Downstream),
            Self::RequestTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, INVALID, "request_too_large", Downstream),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID, "unsupported_media_type", Downstream),
            Self::RequestAborted => (StatusCode::BAD_REQUEST, INVALID, "request_aborted", Downstream),
            Self::IdempotencyKeyReused => (StatusCode::UNPROCESSABLE_ENTITY, INVALID, "idempotency_key_reused", Downstream),
            Self::IdempotencyKeyInUse => (StatusCode::CONFLICT, INVALID, "idempotency_key_in_use", Downstream),
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "rate_limit_exceeded", Upstream),
            Self::QuotaExceeded => (StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "tenant_limit_exceeded", Downstream),
            Self::BudgetExceeded => (StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", "budget_exceeded", Downstream),
            Self::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "overloaded", Internal),
            Self::ShuttingDown => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "shutting_down", Internal),
            Self::AuditUnavailable => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "audit_unavailable", Internal),
            Self::NoHealthyUpstream => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "service_unavailable", Upstream),
            Self::UpstreamFailed => (StatusCode::BAD_GATEWAY, SERVER, "upstream_error", Upstream),
            Self::Timeout => (StatusCode::GATEWAY_TIMEOUT, SERVER, "upstream_timeout", Upstream),
            Self::StreamInterrupted => (StatusCode::BAD_GATEWAY, "upstream_interrupted", "stream_interrupted", Upstream),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, SERVER, "internal_error", Internal),
        };
        Face { status, r#type, code, fault }
    }

    /// The stable name for programs: the `code` of the body, and the reason in the audit record.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.face().code
    }

    /// Whose doing it is.
    #[must_use]
    pub const fn fault(self) -> Fault {
        self.face().fault
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.face().status
    }
}

impl Error {
    /// An error with a sentence for a person: what was wrong, where, and what is accepted. It goes to the caller, so it names
    /// nothing that is the operator's affair.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Details { kind, message: message.into(), param: None, code: None, retry_after: None, header: None }))
    }

    /// Names the request field at fault.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.0.param = Some(param.into());
        self
    }

    /// Gives the caller the code that an upstream has for it, where the kind's says less.
    #[must_use]
    pub fn with_code(mut self, code: String) -> Self {
        self.0.code = Some(code);
        self
    }

    /// Says when to come back.
    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// Adds the header that belongs to the status: `WWW-Authenticate` to a 401, `Allow` to a 405.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.header = Some((name, value));
        self
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// When to come back, where that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The response that tells it.
    #[must_use]
    pub fn into_response(self, dialect: Dialect) -> Response<Body> {
        let mut response = Response::new(Body::full(self.body(dialect)));
        *response.status_mut() = self.0.kind.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(after) = self.0.retry_after {
            // Rounded up: a client that comes back a moment early is refused again, and none is asked to come back at once.
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some((name, value)) = self.0.header {
            headers.insert(name, value);
        }
        response
    }

    /// The event that ends a stream which has already begun with status 200. SDKs raise an error on it, where they would take a plain
    /// end for the end of the answer.
    #[must_use]
    pub fn into_event(self) -> Bytes {
        sse::encode(&self.body(Dialect::OpenAi))
    }

    fn body(&self, dialect: Dialect) -> Bytes {
        if dialect == Dialect::OpenInference {
            let body = oip::ErrorBody { error: self.0.message.as_ref() };
            return serde_json::to_vec(&body).unwrap_or_default().into();
        }
        let Face { r#type, code, .. } = self.0.kind.face();
        let detail = ErrorDetail {
            message: Cow::Borrowed(self.0.message.as_ref()),
            r#type,
            param: self.0.param.as_deref().map(Cow::Borrowed),
            code: Some(self.0.code.as_deref().unwrap_or(code)),
        };
        // Strings and an option of a string: there is nothing in it that cannot be written as JSON.
        serde_json::to_vec(&ErrorBody { error: detail }).unwrap_or_default().into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind.code(), self.0.message)
    }
}

impl std::error::Error for Error {}
