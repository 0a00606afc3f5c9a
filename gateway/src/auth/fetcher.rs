//! Fetches issuers' key documents with the gateway's HTTP client.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, StatusCode, Uri, header::ACCEPT};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};

use super::{Fetch, FetchError};
use crate::client::{ClientOptions, HttpClient, TlsError, client};

/// How long a connection to an issuer may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Fetches over HTTPS, trusting the system's authorities.
#[derive(Debug, Clone)]
pub struct HttpFetch {
    client: HttpClient,
}

impl HttpFetch {
    /// A fetcher with a connection pool of its own.
    ///
    /// # Errors
    /// [`TlsError`], where TLS cannot be set up.
    pub fn new() -> Result<Self, TlsError> {
        Ok(Self { client: client(&ClientOptions::plain(CONNECT))? })
    }
}

impl Fetch for HttpFetch {
    fn get<'a>(&'a self, uri: &'a Uri, max_bytes: usize) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        Box::pin(async move {
            let request = Request::get(uri.clone()).header(ACCEPT, "application/json").body(Full::default());
            let request = request.map_err(|error| FetchError::Transport(error.into()))?;
            let response = self.client.request(request).await.map_err(|error| FetchError::Transport(error.into()))?;
            if response.status() != StatusCode::OK {
                return Err(FetchError::Status(response.status()));
            }
            let body = Limited::new(response.into_body(), max_bytes).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    FetchError::TooLarge { limit: max_bytes }
                } else {
                    FetchError::Transport(error)
                }
            })?;
            Ok(body.to_bytes())
        })
    }
}
