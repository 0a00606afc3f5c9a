//! Layer 9: the path says what is asked for, the body is read within its limit, and a typed call goes on. Below here a request is no
//! longer HTTP.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response,
    header::{ALLOW, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::BodyExt;
use tower::{Layer, Service};
use tradewind_policies::Attributes;
use tradewind_protocol::{
    Operation, Payload,
    oip::Path,
    openai::{Head, HeadError},
};

use super::session;
use crate::{
    body::Body,
    context::{Asked, RequestContext},
    error::{Error, Kind},
    inference::{Call, Inference},
};

/// What is served, by method and path.
const ENDPOINTS: [(&str, Endpoint); 5] = [
    ("/v1/chat/completions", Endpoint::Infer(Operation::Chat)),
    ("/v1/completions", Endpoint::Infer(Operation::Completions)),
    ("/v1/embeddings", Endpoint::Infer(Operation::Embeddings)),
    ("/v1/rerank", Endpoint::Infer(Operation::Rerank)),
    ("/v1/models", Endpoint::ListModels),
];

/// A header by which tensors in binary form announce themselves.
const BINARY_TENSORS: HeaderName = HeaderName::from_static("inference-header-content-length");

#[derive(Debug, Clone, PartialEq, Eq)]
enum Endpoint {
    Infer(Operation),
    ListModels,
    OpenInference(Path),
}

/// Wraps a service in [`Decode`].
#[derive(Debug, Clone, Copy)]
pub struct DecodeLayer {
    body_limit: usize,
}

impl DecodeLayer {
    /// Reads bodies of at most `body_limit` bytes.
    #[must_use]
    pub const fn new(body_limit: usize) -> Self {
        Self { body_limit }
    }
}

impl<S> Layer<S> for DecodeLayer {
    type Service = Decode<S>;

    fn layer(&self, inner: S) -> Decode<S> {
        Decode { inner, body_limit: self.body_limit }
    }
}

/// Turns a request into a [`Call`].
#[derive(Debug, Clone)]
pub struct Decode<S> {
    inner: S,
    body_limit: usize,
}

impl<S, B> Service<Request<B>> for Decode<S>
where
    S: Service<Call, Response = Response<Body>, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes, Error: std::fmt::Display> + Send + 'static,
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
        let body_limit = self.body_limit;
        Box::pin(async move {
            let call = decode(request, body_limit).await?;
            inner.call(call).await
        })
    }
}

async fn decode<B>(mut request: Request<B>, body_limit: usize) -> Result<Call, Error>
where
    B: http_body::Body<Data = Bytes, Error: std::fmt::Display>,
{
    let endpoint = endpoint(request.method(), request.uri().path())?;
    let context = request.extensions_mut().remove::<Arc<RequestContext>>();
    let context = context.ok_or_else(|| Error::new(Kind::Internal, "Internal error."))?;
    keep_headers(&context, request.headers());
    let (operation, named) = match endpoint {
        Endpoint::Infer(operation) => (operation, None),
        Endpoint::OpenInference(Path::Infer(model)) => (Operation::Infer, Some(model)),
        Endpoint::OpenInference(path) => return Ok(Call::Describe(context, path)),
        Endpoint::ListModels => return Ok(Call::ListModels(context)),
    };
    check_headers(request.headers(), operation)?;
    let named_session = session::named(request.headers())?;
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let body = read(request.into_body(), declared, body_limit).await?;
    let head = named.map_or_else(|| read_head(&body), |model| Ok(Head::named(model)))?;
    session::set(&context, named_session.as_ref(), &head);
    context.set_asked(Asked { operation, model: head.model.clone(), streamed: head.stream });
    Ok(Call::Infer(Inference { context, operation, payload: Arc::new(Payload::new(head, body)) }))
}

/// Keeps what the policy looks at, since below here there are no headers. A value that is no text is as good as none.
fn keep_headers(context: &RequestContext, headers: &HeaderMap) {
    let policy = &context.snapshot().policy;
    let looked_at = headers.iter().filter(|(name, _)| policy.looks_at_header(name.as_str()));
    let kept: Attributes = looked_at.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
    if !kept.is_empty() {
        context.set_headers(kept);
    }
}

fn endpoint(method: &Method, path: &str) -> Result<Endpoint, Error> {
    let exact = ENDPOINTS.into_iter().find(|(served, _)| *served == path).map(|(_, endpoint)| endpoint);
    let Some(endpoint) = exact.or_else(|| Path::read(path).map(Endpoint::OpenInference)) else {
        let served = ENDPOINTS.map(|(path, _)| path).join(", ");
        let message = format!("Nothing is served at this path; served are {served}, {}.", Path::SERVED);
        return Err(Error::new(Kind::UnknownPath, message));
    };
    let (allowed, name) = match endpoint {
        Endpoint::Infer(_) | Endpoint::OpenInference(Path::Infer(_)) => (Method::POST, HeaderValue::from_static("POST")),
        Endpoint::ListModels | Endpoint::OpenInference(_) => (Method::GET, HeaderValue::from_static("GET")),
    };
    if method != allowed {
        let message = format!("{path} takes {allowed} only.");
        return Err(Error::new(Kind::MethodNotAllowed, message).with_header(ALLOW, name));
    }
    Ok(endpoint)
}

fn read_head(body: &[u8]) -> Result<Head, Error> {
    Head::read(body).map_err(|error| {
        let refusal = Error::new(Kind::InvalidRequest, sentence(&error));
        match error.field() {
            Some(field) => refusal.with_param(field),
            None => refusal,
        }
    })
}

/// Refuses what would have to be guessed at. A missing content type is taken for JSON, as OpenAI does; and so are the bytes as which clients
/// of the Open Inference Protocol send it.
fn check_headers(headers: &HeaderMap, operation: Operation) -> Result<(), Error> {
    if headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        return Err(Error::new(Kind::UnsupportedMediaType, "Compressed bodies are not accepted; send plain JSON."));
    }
    if headers.contains_key(BINARY_TENSORS) {
        let message = "Tensors in binary form are not accepted; send their data as JSON (`binary_data=False`).";
        return Err(Error::new(Kind::UnsupportedMediaType, message));
    }
    let is_json = |value: &HeaderValue| {
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        let is_bytes = operation == Operation::Infer && essence.eq_ignore_ascii_case("application/octet-stream");
        is_bytes || essence.eq_ignore_ascii_case("application/json")
    };
    match headers.get(CONTENT_TYPE) {
        Some(value) if !is_json(value) => {
            Err(Error::new(Kind::UnsupportedMediaType, "The body must be JSON: send `content-type: application/json`."))
        }
        _ => Ok(()),
    }
}

/// Reads the body, and no more than `limit` bytes of it. What the client declares is only believed where it is too much.
async fn read<B>(body: B, declared: Option<u64>, limit: usize) -> Result<Bytes, Error>
where
    B: http_body::Body<Data = Bytes, Error: std::fmt::Display>,
{
    let too_large = || Error::new(Kind::RequestTooLarge, format!("Request body exceeds {limit} bytes."));
    if declared.is_some_and(|declared| declared > limit as u64) {
        return Err(too_large());
    }
    let mut body = std::pin::pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Error::new(Kind::RequestAborted, format!("The body did not arrive: {error}.")))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len().max(rest.len()) + data.len() > limit {
            return Err(too_large());
        }
        if first.is_empty() && rest.is_empty() {
            // Most bodies come in one piece, which is then not copied.
            first = data;
            continue;
        }
        if rest.is_empty() {
            rest.extend_from_slice(&first);
        }
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() { first } else { rest.freeze() })
}

fn sentence(error: &HeadError) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).chain(['.']).collect()
}
