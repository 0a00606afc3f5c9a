//! An upstream that speaks HTTP/2 without TLS, as vLLM behind a mesh does.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    net::TcpListener,
    sync::{Barrier, Notify},
    task::JoinHandle,
};

/// What a [`Multiplexed`] upstream sends of each stream.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// All of it.
    Done,
    /// Two events, and when it is told to, it resets the stream.
    ResetOn(Arc<Notify>),
}

/// An upstream that answers chats with events, once it has got as many as it waits for.
#[derive(Debug)]
pub(crate) struct Multiplexed {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Multiplexed {
    /// Answers when `together` requests have arrived.
    pub(crate) async fn start(together: usize, end: End) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, barrier) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(together)));
        let count = Arc::clone(&connections);
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let (barrier, end) = (Arc::clone(&barrier), end.clone());
                let answer = service_fn(move |_: Request<Incoming>| {
                    let (barrier, end) = (Arc::clone(&barrier), end.clone());
                    async move {
                        barrier.wait().await;
                        Response::builder().header("content-type", "text/event-stream").body(StreamBody::new(frames(end)))
                    }
                });
                tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer));
            }
        });
        Self { address, connections, accepting }
    }

    /// The base URL of its API.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Multiplexed {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn frames(end: End) -> impl Stream<Item = io::Result<Frame<Bytes>>> {
    let event = |data: &'static str| Ok(Frame::data(Bytes::from(format!("data: {data}\n\n"))));
    let last = async move {
        match end {
            End::Done => event("[DONE]"),
            End::ResetOn(told) => {
                told.notified().await;
                Err(io::Error::other("the stream is reset here"))
            }
        }
    };
    let events = [event(r#"{"choices":[{"delta":{"content":"The"}}]}"#), event(r#"{"choices":[]}"#)];
    stream::iter(events).chain(stream::once(Box::pin(last)))
}
