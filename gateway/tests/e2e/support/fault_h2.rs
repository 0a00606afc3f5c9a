//! An upstream that fails in the ways that only HTTP/2 has: by stream, and by announcing its end.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use h2::{
    Reason, RecvStream, SendStream,
    server::{Connection, SendResponse},
};
use http::{Request, Response};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

/// What an [`H2FaultServer`] does with a stream.
#[derive(Clone, Debug)]
pub(crate) enum OnStream {
    /// Two events and the end.
    Answer,
    /// Refuses it before anything was done (REFUSED_STREAM).
    Refuse,
    /// Sends an event, and once told so resets the stream (INTERNAL_ERROR).
    BreakOff(Arc<Notify>),
    /// Announces that the connection ends (GOAWAY), and once told so goes on with this stream to its end.
    FinishAfterGoAway(Arc<Notify>),
    /// Announces that the connection ends, and ends it without an answer.
    GoAway,
}

/// An upstream that does with each stream, by its number from zero over all connections, what a script says.
#[derive(Debug)]
pub(crate) struct H2FaultServer {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    streams: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

type Script = Arc<dyn Fn(usize) -> OnStream + Send + Sync>;

impl H2FaultServer {
    /// Follows this script.
    pub(crate) async fn start(script: impl Fn(usize) -> OnStream + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, streams) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (count, numbers, script) = (Arc::clone(&connections), Arc::clone(&streams), Arc::new(script));
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, Arc::clone(&numbers), Arc::clone(&script) as Script));
            }
        });
        Self { address, connections, streams, accepting }
    }

    /// The base URL of its API.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// How many streams there were.
    pub(crate) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }
}

impl Drop for H2FaultServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(stream: TcpStream, numbers: Arc<AtomicUsize>, script: Script) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    // The gateway may close the connection in whatever way it likes.
    while let Some(Ok((request, respond))) = connection.accept().await {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        play(script(number), request, respond, &mut connection).await;
    }
}

async fn play(
    act: OnStream,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    connection: &mut Connection<TcpStream, Bytes>,
) {
    match act {
        OnStream::Answer => finish(&mut begin(&mut respond)),
        OnStream::Refuse => respond.send_reset(Reason::REFUSED_STREAM),
        OnStream::BreakOff(told) => {
            let mut events = begin(&mut respond);
            tokio::spawn(async move {
                told.notified().await;
                events.send_reset(Reason::INTERNAL_ERROR);
            });
        }
        OnStream::FinishAfterGoAway(told) => {
            let mut events = begin(&mut respond);
            connection.graceful_shutdown();
            tokio::spawn(async move {
                told.notified().await;
                finish(&mut events);
            });
        }
        OnStream::GoAway => {
            connection.abrupt_shutdown(Reason::NO_ERROR);
            // Flushes what was announced, with the stream still unanswered.
            while connection.accept().await.is_some() {}
        }
    }
    drop(request);
}

/// The head and the first event.
fn begin(respond: &mut SendResponse<Bytes>) -> SendStream<Bytes> {
    let head = Response::builder().header("content-type", "text/event-stream").body(()).unwrap();
    let mut events = respond.send_response(head, false).unwrap();
    let event = br#"data: {"choices":[{"index":0,"delta":{"content":"The"}}]}"#;
    events.send_data(Bytes::from([&event[..], b"\n\n"].concat()), false).unwrap();
    events
}

fn finish(events: &mut SendStream<Bytes>) {
    events.send_data(Bytes::from_static(b"data: [DONE]\n\n"), true).unwrap();
}
