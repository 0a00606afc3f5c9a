//! One question to a token endpoint, a metadata service or a secret manager: bounded in time and size, asked again where that may help,
//! and reported without what was sent.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Uri, header::ACCEPT};
use http_body_util::{BodyExt, Full, Limited};
use serde::de::DeserializeOwned;

use super::{CredentialError, EndpointFault, Surroundings, refusal};
use crate::client::with_causes;

/// Credentials take a few kilobytes; a secret manager's values at most 64 KiB, in base64 within JSON.
const ANSWER_LIMIT: usize = 256 * 1024;
/// So many times an endpoint may be out of reach, however patiently its refusals are borne.
const BROKEN: u32 = 3;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// How patiently an endpoint is asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// For one answer.
    pub(super) timeout: Duration,
    /// Before each further try; as many tries as pauses, and one.
    pub(super) pauses: &'static [Duration],
    /// Whether an answer of that status is worth another try.
    pub(super) again: fn(StatusCode) -> bool,
}

impl Patience {
    /// For endpoints behind the internet: a request may wait for the answer, so the tries are few.
    pub(super) const REMOTE: Self = Self {
        timeout: Duration::from_secs(10),
        pauses: &[Duration::from_millis(200), Duration::from_millis(800)],
        again: is_passing,
    };
    /// For metadata services, which answer within milliseconds where they are.
    pub(super) const NEAR: Self = Self { timeout: Duration::from_secs(2), ..Self::REMOTE };
}

/// Whether the same question may find another answer.
pub(super) fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS || status == StatusCode::REQUEST_TIMEOUT
}

/// An answer whose status is a success.
#[derive(Debug)]
pub(super) struct Reply {
    endpoint: String,
    body: Bytes,
}

impl Reply {
    pub(super) fn text(&self) -> Result<&str, CredentialError> {
        std::str::from_utf8(&self.body).map_err(|_| self.malformed("it is not UTF-8"))
    }

    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, CredentialError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // The parser's own words may quote a value, which may be the secret.
            self.malformed(format!("it is not the JSON that was expected, at line {} column {}", error.line(), error.column()))
        })
    }

    pub(super) fn malformed(&self, what: impl Into<String>) -> CredentialError {
        CredentialError::Endpoint { endpoint: self.endpoint.clone(), fault: EndpointFault::Malformed(what.into()) }
    }
}

impl Surroundings {
    /// Sends a request, several times where that may help.
    pub(super) async fn ask(&self, request: Request<Bytes>, patience: Patience) -> Result<Reply, CredentialError> {
        let mut pauses = patience.pauses.iter();
        let mut broken = 0;
        loop {
            let (again, fault) = match tokio::time::timeout(patience.timeout, self.ask_once(&request)).await {
                Ok(Ok((status, body))) if status.is_success() => return Ok(Reply { endpoint: place(request.uri()), body }),
                Ok(Ok((status, body))) => {
                    let detail = refusal::detail(&body, &request);
                    ((patience.again)(status), EndpointFault::Refused { status, detail })
                }
                Ok(Err(fault)) => {
                    broken += 1;
                    (broken < BROKEN && matches!(fault, EndpointFault::Unreachable(_)), fault)
                }
                Err(_) => {
                    broken += 1;
                    (broken < BROKEN, EndpointFault::TimedOut(patience.timeout))
                }
            };
            match pauses.next() {
                Some(pause) if again => tokio::time::sleep(*pause).await,
                _ => return Err(CredentialError::Endpoint { endpoint: place(request.uri()), fault }),
            }
        }
    }

    async fn ask_once(&self, request: &Request<Bytes>) -> Result<(StatusCode, Bytes), EndpointFault> {
        let mut request = request.clone().map(Full::new);
        request.headers_mut().entry(ACCEPT).or_insert(JSON);
        let unreachable = |error: &(dyn std::error::Error + 'static)| EndpointFault::Unreachable(with_causes(error));
        let response = self.http.request(request).await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_LIMIT).collect().await;
        match body {
            Ok(body) => Ok((status, body.to_bytes())),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                Err(EndpointFault::Malformed(format!("it is larger than {ANSWER_LIMIT} bytes")))
            }
            Err(error) => Err(unreachable(&*error)),
        }
    }
}

/// The address without its query, which may hold what is not to be shown.
fn place(uri: &Uri) -> String {
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    format!("{}://{authority}{}", uri.scheme_str().unwrap_or("http"), uri.path())
}
