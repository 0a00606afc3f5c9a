//! A server that records what it is asked, and what the sources need of a world that the test makes up.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::super::{Clock, Surroundings, Variables};
use crate::client::{ClientOptions, client};

/// 2026-01-02T03:04:05Z, by the clock of all tests.
pub(super) const NOW: u64 = 1_767_323_045;

/// A request as it came.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn form(&self) -> BTreeMap<String, String> {
        assert_eq!(self.header("content-type"), "application/x-www-form-urlencoded");
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A server on this machine.
pub(super) struct Endpoint {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Endpoint {
    /// Answers each request, the how-manieth (from 0) being told, with a status and a body.
    pub(super) async fn start(answer: impl Fn(&Received, usize) -> (u16, String) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let (answer, record) = (Arc::new(answer), Arc::clone(&received));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (answer, record) = (Arc::clone(&answer), Arc::clone(&record));
                let service = service_fn(move |request: Request<Incoming>| {
                    let (answer, record) = (Arc::clone(&answer), Arc::clone(&record));
                    async move {
                        let (head, body) = request.into_parts();
                        let received = Received {
                            method: head.method,
                            target: head.uri.to_string(),
                            headers: head.headers,
                            body: body.collect().await.unwrap().to_bytes(),
                        };
                        let number = record.lock().unwrap().len();
                        record.lock().unwrap().push(received.clone());
                        let (status, text) = answer(&received, number);
                        let response = Response::builder().status(status).body(Full::new(Bytes::from(text))).unwrap();
                        Ok::<_, Infallible>(response)
                    }
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service));
            }
        });
        Self { address, received }
    }

    /// Answers everything with this.
    pub(super) async fn always(text: impl Into<String>) -> Self {
        let text = text.into();
        Self::start(move |_, _| (200, text.clone())).await
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn authority(&self) -> String {
        self.address.to_string()
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    pub(super) fn only(&self) -> Received {
        let mut received = self.received();
        assert_eq!(received.len(), 1, "{received:?}");
        received.remove(0)
    }
}

/// Surroundings with these variables, and a clock that stands at [`NOW`].
pub(super) fn surroundings<const N: usize>(variables: [(&str, String); N]) -> Surroundings {
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    let variables: BTreeMap<_, _> = variables.into_iter().collect();
    Surroundings {
        http: Arc::new(client(&ClientOptions::plain(Duration::from_secs(5))).unwrap()),
        variables: Variables::from_fn(move |name| variables.get(name).cloned()),
        clock: Clock::from_fn(|| SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)),
    }
}

/// The answer of a token endpoint.
pub(super) fn token(text: &str) -> String {
    format!(r#"{{"access_token":"{text}","expires_in":3600,"token_type":"Bearer"}}"#)
}
