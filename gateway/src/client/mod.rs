//! The HTTP client towards upstreams and token issuers: pooled, TLS by rustls, HTTP/1.1 and HTTP/2. It follows no redirect.

mod dial;
mod identity;
mod options;
mod pages;
mod tls;

#[cfg(test)]
mod tests;

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tower::Service;
use tradewind_policies::spec::HttpVersion;

pub use self::{
    dial::{Dial, HostOverride},
    options::ClientOptions,
    pages::{PageError, Pages},
    tls::TlsError,
};

/// What the gateway calls itself.
pub const AGENT: HeaderValue = HeaderValue::from_static(concat!("tradewind/", env!("CARGO_PKG_VERSION")));

/// How long an unused connection is kept: below the minute or so after which load balancers drop it silently.
const POOL_IDLE: Duration = Duration::from_secs(50);
/// How many unused connections to one host are kept.
const POOL_SIZE: usize = 1024;
/// Probes on a connection without traffic, so that a dead peer is found out.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// The client of one backend.
pub type HttpClient = Client<Connector, Full<Bytes>>;

/// Makes connections, within a time.
pub type Connector = Timed<HttpsConnector<Dial>>;

/// Sets up a client with a pool of its own.
///
/// # Errors
/// [`TlsError`], where the authorities or the gateway's own certificate cannot be read.
pub fn client(options: &ClientOptions) -> Result<HttpClient, TlsError> {
    Ok(builder(options.http).build(connector(options)?))
}

fn connector(options: &ClientOptions) -> Result<Connector, TlsError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    let tls = tls::client_config(options.ca_file.as_deref(), options.client_certificate.as_ref())?;
    let dial = Dial { tcp, host: options.host.clone(), proxy: options.proxy.clone() };
    let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http();
    let inner = match options.http {
        HttpVersion::Auto => https.enable_all_versions().wrap_connector(dial),
        HttpVersion::Http1 => https.enable_http1().wrap_connector(dial),
        HttpVersion::Http2 => https.enable_http2().wrap_connector(dial),
    };
    Ok(Timed { inner, limit: options.connect })
}

fn builder(http: HttpVersion) -> hyper_util::client::legacy::Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(POOL_SIZE)
        .http2_keep_alive_interval(KEEPALIVE)
        .http2_only(http == HttpVersion::Http2);
    builder
}

/// The error and what caused it: hyper's own text alone says little.
pub(crate) fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A connector that gives up after a time.
#[derive(Debug, Clone)]
pub struct Timed<C> {
    inner: C,
    limit: Duration,
}

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri, Error = Box<dyn std::error::Error + Send + Sync>>,
    C::Future: Future<Output = Result<C::Response, C::Error>> + Send + 'static,
{
    type Response = C::Response;
    type Error = C::Error;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, C::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), C::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let limit = self.limit;
        let connecting = self.inner.call(uri);
        Box::pin(async move {
            tokio::time::timeout(limit, connecting).await.unwrap_or_else(|_| {
                let message = format!("no connection within {}", humantime::format_duration(limit));
                Err(io::Error::new(io::ErrorKind::TimedOut, message).into())
            })
        })
    }
}
