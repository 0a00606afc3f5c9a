//! What a server shows beside its API: pages about itself, fetched without a credential.

use std::{error::Error, fmt, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header::USER_AGENT, uri::PathAndQuery};
use http_body_util::{BodyExt, Full, Limited};
use tokio::time::timeout;
use tradewind_policies::spec::BaseUrl;

use super::{AGENT, HostOverride, HttpClient, with_causes};

/// The longest page that is read: many times what a busy server tells of itself.
const LONGEST: usize = 4 * 1024 * 1024;

/// The pages at the root of one host, fetched as requests to its API are: through the same proxy, with the same TLS, by the same name.
pub struct Pages {
    client: HttpClient,
    root: Uri,
    host: Option<HostOverride>,
}

/// Why a page cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The server was not reached, or did not answer to the end.
    #[error("{0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("no answer within {}", humantime::format_duration(*limit))]
    Late {
        /// That time.
        limit: Duration,
    },
    /// It answered with something else than success.
    #[error("status {0}")]
    Refused(StatusCode),
}

impl Pages {
    /// Those of the host that `base_url` leads to.
    #[must_use]
    pub fn new(client: HttpClient, base_url: &BaseUrl, host: Option<HostOverride>) -> Self {
        Self { client, root: base_url.uri().clone(), host }
    }

    /// Fetches one, within `limit`.
    ///
    /// # Errors
    /// [`PageError`].
    pub async fn get(&self, path: &PathAndQuery, limit: Duration) -> Result<Bytes, PageError> {
        timeout(limit, self.fetch(path)).await.unwrap_or(Err(PageError::Late { limit }))
    }

    async fn fetch(&self, path: &PathAndQuery) -> Result<Bytes, PageError> {
        let mut parts = self.root.clone().into_parts();
        parts.path_and_query = Some(path.clone());
        let uri = Uri::from_parts(parts).map_err(|error| unreachable(&error))?;
        let uri = match &self.host {
            Some(host) => host.apply(uri),
            None => uri,
        };
        let request = Request::get(uri).header(USER_AGENT, AGENT).body(Full::default()).map_err(|error| unreachable(&error))?;
        let response = self.client.request(request).await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        // Read to its end also where only the status counts: the connection is used again.
        let body = Limited::new(response.into_body(), LONGEST).collect().await.map_err(|error| unreachable(&*error))?;
        if status.is_success() { Ok(body.to_bytes()) } else { Err(PageError::Refused(status)) }
    }
}

fn unreachable(error: &(dyn Error + 'static)) -> PageError {
    PageError::Unreachable(with_causes(error))
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("root", &self.root).finish_non_exhaustive()
    }
}
