//! How key documents are fetched, as a trait: authentication knows what to fetch and what to believe, the gateway owns
//! the one HTTP client.

use std::error::Error;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{StatusCode, Uri};

/// Fetches a discovery document or a JWKS.
///
/// The implementation's duties: `GET` with `Accept: application/json`; server certificates verified; **no redirect
/// followed** (a redirect is a [`FetchError::Status`]); at most `max_bytes` of body read into memory. The caller
/// checks the URL's scheme and host beforehand and drops the future after its own timeout.
pub trait Fetch: Send + Sync + 'static {
    /// Returns the body of a 200 response to `GET uri`.
    fn get<'a>(&'a self, uri: &'a Uri, max_bytes: usize) -> BoxFuture<'a, Result<Bytes, FetchError>>;
}

/// Why a document could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server answered, but not with 200.
    #[error("the server answered {0} where 200 was expected")]
    Status(StatusCode),
    /// The body was cut off at the limit.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit that was passed to [`Fetch::get`], in bytes.
        limit: usize,
    },
    /// The caller's timeout ran out.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(std::time::Duration),
    /// Resolving, connecting, TLS or HTTP failed.
    #[error("the connection failed")]
    Transport(#[source] Box<dyn Error + Send + Sync>),
}
