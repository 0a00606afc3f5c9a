//! The ways to an upstream, over real sockets: what the other side sees.

use std::{
    convert::Infallible,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Uri, Version, uri::Authority};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tradewind_policies::spec::{ClientCertificate, Connection, HttpVersion};

use super::{ClientOptions, HostOverride, client};

type Log = Arc<Mutex<Vec<String>>>;

/// An authority with a folder for its files.
struct Issuer {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Issuer {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        Arc::new(roots)
    }

    /// A certificate for these names, and its key.
    fn issue(&self, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// The same, in files.
    fn client(&self) -> ClientCertificate {
        let (certificate, key) = self.issue(&["gateway"]);
        let files =
            ClientCertificate { certificate: self.folder.path().join("client.pem"), key: self.folder.path().join("client.key") };
        std::fs::write(&files.certificate, certificate.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }
}

/// An upstream that logs the name in TLS and what it was asked for.
struct Upstream {
    address: SocketAddr,
    log: Log,
}

impl Upstream {
    async fn https(issuer: &Issuer, names: &[&str], clients: Option<&Issuer>) -> Self {
        let (certificate, key) = issuer.issue(names);
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
        let config = match clients {
            Some(issuer) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(issuer.roots(), provider).build().unwrap();
                config.with_client_cert_verifier(verifier)
            }
            None => config.with_no_client_auth(),
        };
        let mut config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self::start(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn http() -> Self {
        Self::start(None).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let log = Log::default();
        let seen = Arc::clone(&log);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (tls, seen) = (tls.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let Some(tls) = tls else { return serve(socket, "plain".to_owned(), seen).await };
                    // A client that is turned away sees why; the server goes on.
                    if let Ok(stream) = tls.accept(socket).await {
                        let name = stream.get_ref().1.server_name().unwrap_or("no name").to_owned();
                        serve(stream, name, seen).await;
                    }
                });
            }
        });
        Self { address, log }
    }

    fn seen(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

async fn serve(stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static, name: String, log: Log) {
    let service = service_fn(move |request: Request<Incoming>| {
        let host = request.headers().get("host").map(|host| host.to_str().unwrap().to_owned());
        let host = host.or_else(|| request.uri().authority().map(ToString::to_string));
        log.lock().unwrap().push(format!("{name} | {}", host.unwrap_or_default()));
        async { Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(b"ok")))) }
    });
    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // Connections end when the test does.
    let _ended = server.serve_connection(TokioIo::new(stream), service).await;
}

fn options() -> ClientOptions {
    ClientOptions::plain(Duration::from_secs(5))
}

/// The version of a successful answer, or the error with its causes.
async fn get(options: &ClientOptions, uri: &str) -> Result<Version, String> {
    let uri: Uri = uri.parse().unwrap();
    let uri = match &options.host {
        Some(host) => host.apply(uri),
        None => uri,
    };
    let request = Request::get(uri).body(Full::default()).unwrap();
    let response = client(options).unwrap().request(request).await.map_err(|error| format!("{error:?}"))?;
    let version = response.version();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "ok");
    Ok(version)
}

#[tokio::test]
async fn shows_its_certificate_to_an_upstream_that_asks() {
    let (servers, clients) = (Issuer::new(), Issuer::new());
    let upstream = Upstream::https(&servers, &["localhost"], Some(&clients)).await;
    let url = format!("https://localhost:{}/", upstream.address.port());
    let known = ClientOptions { ca_file: Some(servers.file()), client_certificate: Some(clients.client()), ..options() };
    assert_eq!(get(&known, &url).await, Ok(Version::HTTP_2));
    let unknown = ClientOptions { client_certificate: None, ..known.clone() };
    assert!(get(&unknown, &url).await.unwrap_err().contains("CertificateRequired"));
    let strangers = Issuer::new();
    let stranger = ClientOptions { client_certificate: Some(strangers.client()), ..known };
    assert!(get(&stranger, &url).await.is_err());
    assert_eq!(upstream.seen().len(), 1);
}

#[tokio::test]
async fn trusts_the_authorities_it_is_given_and_no_others() {
    let servers = Issuer::new();
    let upstream = Upstream::https(&servers, &["localhost"], None).await;
    let url = format!("https://localhost:{}/", upstream.address.port());
    let private = ClientOptions { ca_file: Some(servers.file()), http: HttpVersion::Http1, ..options() };
    assert_eq!(get(&private, &url).await, Ok(Version::HTTP_11));
    assert!(get(&options(), &url).await.unwrap_err().contains("UnknownIssuer"));
    let other = Issuer::new();
    let wrong = ClientOptions { ca_file: Some(other.file()), ..private };
    assert!(get(&wrong, &url).await.is_err());
}

#[tokio::test]
async fn asks_for_the_name_it_is_told_at_another_address() {
    const NAME: &str = "bedrock-runtime.us-east-1.amazonaws.com";
    let servers = Issuer::new();
    let upstream = Upstream::https(&servers, &[NAME], None).await;
    let url = format!("https://{}/model/x%3A0/converse", upstream.address);
    let connection = Connection { ca_file: Some(servers.file()), host: Some(NAME.to_owned()), ..Connection::default() };
    for http in [HttpVersion::Http1, HttpVersion::Http2] {
        let connection = Connection { http, ..connection.clone() };
        let base_url = format!("https://{}", upstream.address).parse().unwrap();
        let options = ClientOptions::of(&connection, Some(&base_url), Duration::from_secs(5)).unwrap();
        get(&options, &url).await.unwrap();
        assert_eq!(upstream.seen().pop().unwrap(), format!("{NAME} | {NAME}"), "{http:?}");
    }
}

#[tokio::test]
async fn plain_http_may_ask_for_another_name_too() {
    let upstream = Upstream::http().await;
    let address: Authority = upstream.address.to_string().parse().unwrap();
    let options = ClientOptions { host: Some(HostOverride::new("model.ns.example.com", &address).unwrap()), ..options() };
    get(&options, &format!("http://{address}/v1")).await.unwrap();
    assert_eq!(upstream.seen(), ["plain | model.ns.example.com"]);
}

/// A proxy that leads everywhere to `upstream`, and logs where it was asked to lead.
async fn proxy(upstream: SocketAddr) -> (Uri, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let log = Log::default();
    let asked = Arc::clone(&log);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let asked = Arc::clone(&asked);
            tokio::spawn(async move {
                let mut client = BufReader::new(socket);
                let mut head = String::new();
                while !head.ends_with("\r\n\r\n") {
                    client.read_line(&mut head).await.unwrap();
                }
                asked.lock().unwrap().push(head.lines().next().unwrap().to_owned());
                let mut upstream = TcpStream::connect(upstream).await.unwrap();
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                // Ends when either side does.
                let _ended = copy_bidirectional(&mut client, &mut upstream).await;
            });
        }
    });
    (format!("http://{address}").parse().unwrap(), log)
}

#[tokio::test]
async fn goes_through_a_proxy_without_telling_it_anything_but_the_address() {
    let servers = Issuer::new();
    let secure = Upstream::https(&servers, &["api.example.com"], None).await;
    let (through, asked) = proxy(secure.address).await;
    let options = ClientOptions { ca_file: Some(servers.file()), proxy: Some(through), ..options() };
    assert_eq!(get(&options, "https://api.example.com/secret?path").await, Ok(Version::HTTP_2));
    assert_eq!(*asked.lock().unwrap(), ["CONNECT api.example.com:443 HTTP/1.1"]);
    assert_eq!(secure.seen(), ["api.example.com | api.example.com"]);
}

#[tokio::test]
async fn plain_http_goes_through_a_proxy_to_its_own_port() {
    let upstream = Upstream::http().await;
    let (through, asked) = proxy(upstream.address).await;
    let options = ClientOptions { proxy: Some(through), ..options() };
    get(&options, "http://vllm.internal/v1").await.unwrap();
    assert_eq!(*asked.lock().unwrap(), ["CONNECT vllm.internal:80 HTTP/1.1"]);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_of() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await.unwrap();
        let _until_closed = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
    });
    let options = ClientOptions { proxy: Some(format!("http://{address}").parse().unwrap()), ..options() };
    let error = get(&options, "https://api.example.com/").await.unwrap_err();
    assert!(error.contains("ProxyAuthRequired"), "{error}");
}
