//! A running server, and clients for it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::super::*;

/// A server on a free port of loopback.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) shutdown: Shutdown,
    pub(super) drained: JoinHandle<Drained>,
}

pub(super) async fn start_http<M, S>(settings: ConnectionSettings, make: M) -> Running
where
    M: Fn(Connection) -> S + Clone + Send + Sync + 'static,
    S: ConnectionService,
{
    start(make, |listeners, shutdown| Server::http(listeners, settings, shutdown)).await
}

pub(super) async fn start_https<M, S>(identity: &Identity, settings: ConnectionSettings, make: M) -> Running
where
    M: Fn(Connection) -> S + Clone + Send + Sync + 'static,
    S: ConnectionService,
{
    let tls = identity.tls();
    start(make, |listeners, shutdown| Server::https(listeners, tls, settings, shutdown)).await
}

async fn start<M, S>(make: M, server: impl FnOnce(Listeners, Shutdown) -> Server) -> Running
where
    M: Fn(Connection) -> S + Clone + Send + Sync + 'static,
    S: ConnectionService,
{
    let listeners = Listeners::bind(&"127.0.0.1:0".parse().unwrap(), "--listen").await.unwrap();
    let address = listeners.addresses().unwrap()[0];
    let shutdown = Shutdown::new();
    let drained = tokio::spawn(server(listeners, shutdown.clone()).run(make));
    Running { address, shutdown, drained }
}

/// Answers with the request's method, path and version.
pub(super) fn echo(_: Connection) -> impl ConnectionService {
    tower::service_fn(async |request: Request<Incoming>| {
        let text = format!("{} {} {:?}", request.method(), request.uri().path(), request.version());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
    })
}

/// A certificate for `localhost` in files, as the server wants it, and for a client that trusts only it.
pub(super) struct Identity {
    certificate: CertificateDer<'static>,
    chain: PathBuf,
    key: PathBuf,
    _folder: TempDir,
}

impl Identity {
    pub(super) fn new() -> Self {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let folder = TempDir::new().unwrap();
        let (chain, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        std::fs::write(&chain, cert.pem()).unwrap();
        std::fs::write(&key, signing_key.serialize_pem()).unwrap();
        Self { certificate: cert.der().clone(), chain, key, _folder: folder }
    }

    fn tls(&self) -> Tls {
        Tls::from_pem_files(&self.chain, &self.key).unwrap()
    }

    /// A TLS connection that offers `version` and `alpn`.
    pub(super) async fn connect(
        &self,
        address: SocketAddr,
        version: &'static SupportedProtocolVersion,
        alpn: &[&str],
    ) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let socket = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
    }

    /// An HTTP/2 client.
    pub(super) async fn h2(&self, address: SocketAddr) -> http2::SendRequest<Empty<Bytes>> {
        let stream = self.connect(address, &rustls::version::TLS13, &["h2", "http/1.1"]).await;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }
}

/// An HTTP/1.1 client.
pub(super) async fn h1<I>(io: I) -> http1::SendRequest<Empty<Bytes>>
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(io)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// An HTTP/1.1 client without TLS.
pub(super) async fn plain(address: SocketAddr) -> http1::SendRequest<Empty<Bytes>> {
    h1(TcpStream::connect(address).await.unwrap()).await
}

/// `GET /PATH`.
pub(super) fn get(path: &str) -> Request<Empty<Bytes>> {
    let uri = format!("https://localhost{path}");
    Request::get(uri).header("host", "localhost").body(Empty::new()).unwrap()
}

/// The whole body as text.
pub(super) async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Asserts that in the paused clock about `expected` has passed since `begun`. A timer that was set just before the clock
/// was paused may be a little ahead of it.
pub(super) fn assert_passed(begun: Instant, expected: Duration) {
    let passed = begun.elapsed();
    let earliest = expected.saturating_sub(Duration::from_secs(1));
    assert!(earliest < passed && passed <= expected + Duration::from_millis(1), "{passed:?} instead of {expected:?}");
}
