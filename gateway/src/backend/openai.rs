//! Layers 19 to 21 for a server with OpenAI's API: the body with its model renamed, the credential, the socket.

use std::{
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use serde::{Deserialize, de::IgnoredAny};
use tower::Service;
use tradewind_protocol::{Usage, openai::replace_model};
use tradewind_providers::{
    Verdict,
    openai::{Endpoint, classify},
};

use super::{Attempt, upstream_events::UpstreamEvents};
use crate::{
    client::HttpClient,
    error::{Error, Kind},
    inference::{Answer, Blame, Failure, Whole},
};

/// The largest whole answer that is taken: far above a real one, and a bound on what an upstream makes us hold.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;
/// How much of a refusal is read.
const REFUSAL_LIMIT: usize = 1024 * 1024;

/// When to come back after a 429 that does not say.
const DEFAULT_RETRY: Duration = Duration::from_secs(1);

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const AGENT: HeaderValue = HeaderValue::from_static(concat!("tradewind/", env!("CARGO_PKG_VERSION")));

/// A server with OpenAI's API.
#[derive(Debug, Clone)]
pub struct OpenAi {
    server: Arc<Server>,
}

#[derive(Debug)]
struct Server {
    endpoint: Endpoint,
    authorization: Option<HeaderValue>,
    client: HttpClient,
}

impl OpenAi {
    /// The server at `endpoint`. Of the client's headers none is passed on, least of all its credential.
    #[must_use]
    pub fn new(endpoint: Endpoint, authorization: Option<HeaderValue>, client: HttpClient) -> Self {
        Self { server: Arc::new(Server { endpoint, authorization, client }) }
    }
}

impl Service<Attempt> for OpenAi {
    type Response = Answer;
    type Error = Failure;
    type Future = BoxFuture<'static, Result<Answer, Failure>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, attempt: Attempt) -> Self::Future {
        let server = Arc::clone(&self.server);
        Box::pin(async move { server.attempt(attempt).await })
    }
}

impl Server {
    async fn attempt(&self, attempt: Attempt) -> Result<Answer, Failure> {
        let streamed = attempt.inference.head.stream;
        let request = self.request(&attempt);
        let response = self.client.request(request).await;
        let response = response.map_err(|error| Failure::backend(Kind::UpstreamFailed, with_causes(&error)))?;
        match (response.status().is_success(), streamed) {
            (false, _) => refused(response).await,
            (true, false) => whole(response).await.map(Answer::Whole),
            (true, true) => {
                if !is(response.headers(), "text/event-stream") {
                    return Err(Failure::backend(Kind::UpstreamFailed, "a stream was asked for, and the answer is none"));
                }
                let events = UpstreamEvents::open(response.into_body(), attempt.inference.context).await?;
                Ok(Answer::Events(Box::pin(events)))
            }
        }
    }

    fn request(&self, attempt: &Attempt) -> Request<Full<Bytes>> {
        let inference = &attempt.inference;
        let body = replace_model(&inference.body, &inference.head.model_span, attempt.model.as_str());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.endpoint.uri(inference.operation).clone();
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, JSON);
        headers.insert(ACCEPT, if inference.head.stream { EVENTS } else { JSON });
        headers.insert(USER_AGENT, AGENT);
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        request
    }
}

async fn whole(response: Response<Incoming>) -> Result<Whole, Failure> {
    #[derive(Deserialize)]
    struct Document {
        usage: Option<Usage>,
        error: Option<IgnoredAny>,
    }
    let status = response.status();
    let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
    let body = body.map_err(|error| Failure::backend(Kind::UpstreamFailed, with_causes(&*error)))?.to_bytes();
    let failure = |detail: String| Failure::backend(Kind::UpstreamFailed, detail);
    let document: Document =
        serde_json::from_slice(&body).map_err(|error| failure(format!("the answer is not JSON: {error}")))?;
    if document.error.is_some() {
        return Err(failure("status 200 with an error inside".to_owned()));
    }
    Ok(Whole { status, body, usage: document.usage })
}

async fn refused(response: Response<Incoming>) -> Result<Answer, Failure> {
    let (head, body) = response.into_parts();
    // A refusal whose body is cut or too long is still a refusal.
    let body = Limited::new(body, REFUSAL_LIMIT).collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let detail = format!("status {}", head.status.as_u16());
    let failed = |blame, kind| {
        let failure = Failure::backend(kind, detail.clone());
        Err(Failure { blame, ..failure })
    };
    match classify(head.status, &head.headers, &body, SystemTime::now()) {
        Verdict::RequestFault if is_error_body(&body) => Ok(Answer::Whole(Whole { status: head.status, body, usage: None })),
        Verdict::RequestFault => {
            let error = Error::new(Kind::InvalidRequest, format!("The upstream refused the request with {detail}."));
            Err(Failure { blame: Blame::Request, error, detail })
        }
        Verdict::RateLimited(after) => {
            let error = Error::new(Kind::RateLimited, "Every upstream for this model is rate limited.");
            let error = error.with_retry_after(after.unwrap_or(DEFAULT_RETRY));
            Err(Failure { blame: Blame::RateLimited(after), error, detail })
        }
        Verdict::Failed(_) if head.status == StatusCode::GATEWAY_TIMEOUT => failed(Blame::Backend, Kind::Timeout),
        Verdict::Failed(_) | Verdict::Misconfigured => failed(Blame::Backend, Kind::UpstreamFailed),
    }
}

/// Whether the body tells an error in this API's form, so that it can be passed on.
fn is_error_body(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Document {
        #[serde(rename = "error")]
        _error: Detail,
    }
    #[derive(Deserialize)]
    struct Detail {
        #[serde(rename = "message")]
        _message: String,
    }
    serde_json::from_slice::<Document>(body).is_ok()
}

fn is(headers: &HeaderMap, media_type: &str) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
}

/// The error and what caused it: hyper's own text alone says little.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
