//! A client that speaks no dialect: it sends what it is told to and shows what came back.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tradewind_cloudsim::{Behaviour, CloudKind, Sim};

/// That cloud, behaving.
pub(crate) async fn start(kind: CloudKind) -> Sim {
    Sim::start_cloud(kind, Behaviour::default()).await.unwrap()
}

/// What came back.
pub(crate) struct Seen {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    /// The whole body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// The JSON of each event of a stream.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.body).unwrap();
        let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
        data.filter_map(|data| serde_json::from_str(data).ok()).collect()
    }

    /// The texts at `pointer` of each event, put together.
    pub(crate) fn told(&self, pointer: &str) -> String {
        self.events().iter().filter_map(|event| event.pointer(pointer).and_then(Value::as_str).map(str::to_owned)).collect()
    }
}

/// Sends a request with these headers and reads the answer.
pub(crate) async fn send(sim: &Sim, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Seen {
    let stream = TokioIo::new(TcpStream::connect(sim.addr()).await.unwrap());
    let (mut client, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
    tokio::spawn(connection);
    let request = headers.iter().fold(Request::builder(), |request, (name, value)| request.header(*name, *value));
    let request = request.method(method).uri(path).header("host", "sim").body(Full::new(body.into())).unwrap();
    let response = client.send_request(request).await.unwrap();
    let (head, body) = response.into_parts();
    Seen { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() }
}

/// Posts JSON with the key as a bearer token.
pub(crate) async fn post(sim: &Sim, path: &str, body: Value) -> Seen {
    post_with(sim, path, &[("authorization", "Bearer sk-sim")], body).await
}

/// Posts JSON with these headers.
pub(crate) async fn post_with(sim: &Sim, path: &str, headers: &[(&str, &str)], body: Value) -> Seen {
    let headers = [headers, &[("content-type", "application/json")]].concat();
    send(sim, Method::POST, path, &headers, body.to_string()).await
}

/// Posts a form.
pub(crate) async fn post_form(sim: &Sim, path: &str, headers: &[(&str, &str)], form: &str) -> Seen {
    let headers = [headers, &[("content-type", "application/x-www-form-urlencoded")]].concat();
    send(sim, Method::POST, path, &headers, form.to_owned()).await
}

/// Fetches a document.
pub(crate) async fn get(sim: &Sim, path: &str, headers: &[(&str, &str)]) -> Seen {
    send(sim, Method::GET, path, headers, "").await
}

/// A PNG of one byte, as a data URL.
pub(crate) const IMAGE: &str = "data:image/png;base64,iQ==";
