//! The way in: accept, connection limit, TLS, HTTP/1 and HTTP/2, drain.
//!
//! ```text
//! Listeners::bind -> accept -> connection limit -> TLS (ALPN) -> HTTP -> the service that was made for the connection
//! ```
//!
//! The same code serves the public listener with TLS and the operators' listener without. It knows nothing of
//! inference: it is given a function that makes one `tower` service for each connection from a [`Connection`] (who is
//! at the other end, and the signal that ends streams early), and so needs no request extension to pass that on.
//!
//! # The version is decided before HTTP begins
//!
//! With TLS, ALPN names it; without, it is HTTP/1.1. Guessing from the first bytes, as `hyper-util`'s automatic
//! builder does, waits without limit for a client that sends half of the HTTP/2 preface.
//!
//! # One watchdog for each connection
//!
//! hyper's header timeout also runs while a kept-alive connection waits for its next request, and exists only for
//! HTTP/1. Closing pooled connections after ten quiet seconds would break clients, and not closing slow HTTP/2 ones
//! would invite attackers; so `watchdog` tells the two apart, for both versions.
//!
//! # Drain
//!
//! [`Shutdown::begin`] closes the listeners and tells every connection to take no further request (GOAWAY, or
//! `connection: close`); one that has not sent its first request may still do so for a second. Requests in progress go
//! on for the grace. Then [`Connection::forced`] is cancelled, on which
//! response bodies end their streams in their own protocol's words, because a stream that just stops looks complete
//! to most clients; what has not ended a moment later is cut off.

mod accept;
mod catch_panic;
mod connection;
mod listen;
mod service;
mod shutdown;
#[cfg(test)]
mod tests;
mod tls;
mod watchdog;

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;

use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use tower::Service;

pub use self::catch_panic::{CatchPanic, CatchPanicLayer};
pub use self::listen::{BindError, Listeners};
pub use self::shutdown::{Drained, Shutdown, on_signals};
pub use self::tls::{Tls, TlsError};

use crate::config::ConnectionSettings;

/// What a service may know of the connection it serves.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The other end, as this machine's TCP sees it: a load balancer in between shows its own address.
    pub peer: SocketAddr,
    /// Cancelled when the grace of a shutdown is over: a response body that watches it ends its stream in-band.
    pub forced: CancellationToken,
}

/// What [`Server::run`] needs of a service: one that answers errors itself, and whose clones share their state.
pub trait ConnectionService:
    Service<Request<Incoming>, Response = Response<Self::Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
    /// The body of its responses.
    type Body: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;
}

impl<S, B> ConnectionService for S
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Body = B;
}

/// Bound listeners and how to serve what connects to them.
#[derive(Debug)]
pub struct Server {
    listeners: Listeners,
    tls: Option<Tls>,
    settings: ConnectionSettings,
    shutdown: Shutdown,
}

impl Server {
    /// Serves HTTPS, by HTTP/2 and HTTP/1.1.
    pub fn https(listeners: Listeners, tls: Tls, settings: ConnectionSettings, shutdown: Shutdown) -> Self {
        Self { listeners, tls: Some(tls), settings, shutdown }
    }

    /// Serves plain HTTP/1.1; for operators on loopback, and behind something that ends TLS.
    pub fn http(listeners: Listeners, settings: ConnectionSettings, shutdown: Shutdown) -> Self {
        Self { listeners, tls: None, settings, shutdown }
    }

    /// Serves until the shutdown that was passed in has begun and every connection has ended, at the latest some
    /// seconds after the grace.
    ///
    /// `make` is called once for each connection.
    pub async fn run<M, S>(self, make: M) -> Drained
    where
        M: Fn(Connection) -> S + Clone + Send + Sync + 'static,
        S: ConnectionService,
    {
        let grace = self.settings.shutdown_grace;
        let shutdown = self.shutdown.clone();
        let connections = accept::Connections::new(self.tls, self.settings, shutdown.clone());
        accept::run(self.listeners, &connections, make).await;
        shutdown::drain(&connections, &shutdown, grace).await
    }
}
