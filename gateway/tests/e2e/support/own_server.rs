//! A server of the operator's own: it answers chats, says how it is, and how much it has to do.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};

use super::ANSWER;

/// A running server.
#[derive(Debug)]
pub(crate) struct OwnServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    health: StatusCode,
    metrics: String,
    /// The headers of each chat.
    chats: Vec<HeaderMap>,
    /// The headers of each request for a page.
    pages: Vec<HeaderMap>,
}

impl OwnServer {
    /// One that is well and has nothing to do.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { health: StatusCode::OK, metrics: String::new(), chats: Vec::new(), pages: Vec::new() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&shared);
                let answer = service_fn(move |request| answer(Arc::clone(&state), request));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { address, state, accepting }
    }

    /// A policy's description of it as a backend that serves the model `chat`, with these lines added.
    pub(crate) fn backend(&self, name: &str, provider: &str, lines: &str) -> String {
        let base_url = format!("http://{}/v1", self.address);
        format!("[backend.{name}]\nprovider = \"{provider}\"\nbase_url = \"{base_url}\"\nmodels.chat = {{}}\n{lines}\n")
    }

    /// What it says of its health from now on.
    pub(crate) fn set_health(&self, status: StatusCode) {
        self.state.lock().unwrap().health = status;
    }

    /// What it says of its load from now on.
    pub(crate) fn set_metrics(&self, page: &str) {
        self.state.lock().unwrap().metrics = page.to_owned();
    }

    /// The headers of each chat it was asked for.
    pub(crate) fn chats(&self) -> Vec<HeaderMap> {
        self.state.lock().unwrap().chats.clone()
    }

    /// The headers of each request for one of its pages.
    pub(crate) fn pages(&self) -> Vec<HeaderMap> {
        self.state.lock().unwrap().pages.clone()
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(state: Arc<Mutex<State>>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    body.collect().await.unwrap();
    let mut state = state.lock().unwrap();
    let (status, body) = match (&head.method, head.uri.path()) {
        (&Method::POST, "/v1/chat/completions") => {
            state.chats.push(head.headers);
            (StatusCode::OK, chat_completion())
        }
        (&Method::GET, "/health") => {
            state.pages.push(head.headers);
            (state.health, String::new())
        }
        (&Method::GET, "/metrics") => {
            state.pages.push(head.headers);
            (StatusCode::OK, state.metrics.clone())
        }
        _ => (StatusCode::NOT_FOUND, String::new()),
    };
    let response = Response::builder().status(status).header("content-type", "application/json");
    Ok(response.body(Full::from(body)).unwrap())
}

fn chat_completion() -> String {
    let choice = json!({ "index": 0, "message": { "role": "assistant", "content": ANSWER }, "finish_reason": "stop" });
    let usage = json!({ "prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16 });
    json!({ "id": "c", "object": "chat.completion", "created": 1, "model": "chat", "choices": [choice], "usage": usage })
        .to_string()
}
