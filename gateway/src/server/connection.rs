//! One connection, from the accepted socket to its end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::service::Served;
use super::watchdog::{Activity, Overdue, Watchdog, WatchedIo};
use super::{ConnectionService, Shutdown, Tls};
use crate::config::ConnectionSettings;

/// From the accept to the end of the handshake. An honest one takes two round trips.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection that was accepted before a drain may still send its first request: more than a round trip
/// from anywhere. A client that connected in good faith would otherwise count a failed request.
const FIRST_REQUEST: Duration = Duration::from_secs(1);

/// What a client may send ahead on one HTTP/2 stream before it is read, and on all of a connection together: what
/// Envoy's guide for edge proxies recommends. It bounds the memory of 100 streams to 1 MiB.
const H2_STREAM_WINDOW: u32 = 64 << 10;
const H2_CONNECTION_WINDOW: u32 = 1 << 20;

/// What waits for a client that reads slowly, for each HTTP/2 stream; a full buffer holds the body back.
const H2_SEND_BUFFER: usize = 64 << 10;

/// Streams may be silent for minutes while a model thinks; the ping finds out that the client is gone.
const H2_PING_INTERVAL: Duration = Duration::from_secs(30);
const H2_PING_TIMEOUT: Duration = Duration::from_secs(20);

/// hyper answers 431 above this by itself, with an array on the stack; setting even the same limit moves it to the heap.
const HYPER_MAX_HEADERS: usize = 100;

/// What every connection of a server shares.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) tls: Option<Tls>,
    pub(super) settings: ConnectionSettings,
    pub(super) shutdown: Shutdown,
    /// Cancelled when waiting is over: every connection is dropped.
    pub(super) cut: CancellationToken,
    /// The connections and the streams of HTTP/2, all of which a drain waits for.
    pub(super) tasks: TaskTracker,
}

impl Shared {
    /// Serves `socket` until it ends, is overdue, or is cut off.
    pub(super) async fn serve<S: ConnectionService>(self, socket: TcpStream, service: S) {
        let cut = self.cut.clone();
        tokio::select! {
            () = self.serve_uncut(socket, service) => (),
            () = cut.cancelled_owned() => (),
        }
    }

    async fn serve_uncut<S: ConnectionService>(self, socket: TcpStream, service: S) {
        let activity = Activity::new();
        // A token is a small write that must not wait for the acknowledgement of the one before.
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "connection ended before it was served");
            return;
        }
        let Some(tls) = &self.tls else {
            return self.serve_h1(socket, service, activity).await;
        };
        let handshake = timeout(HANDSHAKE_TIMEOUT, tls.acceptor().accept(socket));
        let stream = tokio::select! {
            handshake = handshake => match handshake {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
                Err(_) => return tracing::debug!("TLS handshake took too long"),
            },
            () = self.time_to_close(&activity) => return,
        };
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            self.serve_h2(stream, service, activity).await;
        } else {
            self.serve_h1(stream, service, activity).await;
        }
    }

    async fn serve_h1<I, S>(&self, io: I, service: S, activity: Arc<Activity>)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: ConnectionService,
    {
        let head = usize::try_from(self.settings.header_bytes.0).unwrap_or(usize::MAX);
        let mut builder = http1::Builder::new();
        // The watchdog's duty.
        builder.header_read_timeout(None);
        builder.max_header_size(head).max_buf_size(head.max(8 << 10));
        if self.settings.headers.get() != HYPER_MAX_HEADERS {
            builder.max_headers(self.settings.headers.get());
        }
        let io = TokioIo::new(WatchedIo::new(io, activity.clone()));
        let service = Served::new(service, activity.clone(), self.settings.headers.get());
        self.drive(builder.serve_connection(io, service), activity).await;
    }

    async fn serve_h2<I, S>(&self, io: I, service: S, activity: Arc<Activity>)
    where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: ConnectionService,
    {
        let mut builder = http2::Builder::new(Tracked(self.tasks.clone()));
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.settings.h2_streams)
            .max_header_list_size(u32::try_from(self.settings.header_bytes.0).unwrap_or(u32::MAX))
            .initial_stream_window_size(H2_STREAM_WINDOW)
            .initial_connection_window_size(H2_CONNECTION_WINDOW)
            .max_send_buf_size(H2_SEND_BUFFER)
            .keep_alive_interval(H2_PING_INTERVAL)
            .keep_alive_timeout(H2_PING_TIMEOUT);
        let service = Served::new(service, activity.clone(), self.settings.headers.get());
        self.drive(builder.serve_connection(TokioIo::new(io), service), activity).await;
    }

    /// Polls the connection to its end, beside the watchdog and the shutdown.
    async fn drive<C>(&self, connection: C, activity: Arc<Activity>)
    where
        C: GracefulConnection<Error = hyper::Error>,
    {
        let mut connection = pin!(connection);
        let mut watchdog = Watchdog::new(activity.clone(), self.settings.header_timeout, self.settings.idle);
        let mut time_to_close = pin!(self.time_to_close(&activity));
        let mut last_request = LastRequest::NotNamed;
        loop {
            tokio::select! {
                // The watchdog must see what the connection has just read.
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "connection ended with an error");
                    }
                    return;
                }
                () = time_to_close.as_mut(), if last_request == LastRequest::NotNamed => {
                    last_request = LastRequest::Named;
                    connection.as_mut().graceful_shutdown();
                }
                overdue = &mut watchdog => match overdue {
                    Overdue::Head => return tracing::debug!("request head took too long"),
                    Overdue::Idle if last_request == LastRequest::Named => return,
                    Overdue::Idle => {
                        last_request = LastRequest::Named;
                        connection.as_mut().graceful_shutdown();
                        // An HTTP/2 client may have sent a request that crosses the GOAWAY.
                        activity.rest();
                    }
                },
            }
        }
    }

    /// Returns when a drain has begun and the connection has had its chance of a first request.
    async fn time_to_close(&self, activity: &Activity) {
        self.shutdown.begun().await;
        if activity.is_fresh() {
            sleep(FIRST_REQUEST).await;
        }
    }
}

/// Whether the client was told that the connection takes no further request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LastRequest {
    NotNamed,
    Named,
}

/// Runs the streams of an HTTP/2 connection where a drain waits for them, so that what their bodies settle when they
/// are dropped is settled before the process ends.
#[derive(Clone, Debug)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, stream: F) {
        self.0.spawn(stream);
    }
}
