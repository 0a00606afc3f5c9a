//! The head of an answer, and an answer that is known in full.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, response};

use crate::{body::Body, context::RequestId};

/// Says that an answer was made for an earlier request with the same key.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Says what became of the promise where it could not be kept.
const STORED: HeaderName = HeaderName::from_static("x-tradewind-idempotency");

/// All of an answer that comes before its body.
#[derive(Debug, Clone)]
pub(super) struct Head {
    status: StatusCode,
    headers: HeaderMap,
}

impl Head {
    pub(super) fn is_success(&self) -> bool {
        self.status.is_success()
    }

    /// Tells the client that asking again would be executed again.
    pub(super) fn tell_not_stored(&mut self) {
        self.headers.insert(STORED, HeaderValue::from_static("not-stored"));
    }

    pub(super) fn respond(&self, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        response.headers_mut().clone_from(&self.headers);
        response
    }
}

impl From<response::Parts> for Head {
    fn from(parts: response::Parts) -> Self {
        Self { status: parts.status, headers: parts.headers }
    }
}

/// A whole answer, and whose it was.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) head: Head,
    /// Of a stream, all its events.
    pub(super) body: Bytes,
    /// The request that was executed.
    pub(super) first: RequestId,
}

impl Whole {
    pub(super) fn respond(&self) -> Response<Body> {
        self.head.respond(Body::full(self.body.clone()))
    }
}

/// Says that this answer was not made for the one who gets it now.
pub(super) fn replayed(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
