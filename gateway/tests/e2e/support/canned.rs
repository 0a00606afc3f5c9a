//! Upstreams that a simulator of a cloud cannot be: bytes as they are, or nobody at all.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

/// An upstream that answers one request with the bytes it was given, and closes the connection.
#[derive(Debug)]
pub(crate) struct Canned {
    address: SocketAddr,
    go_on: Arc<Notify>,
    accepting: JoinHandle<()>,
}

impl Canned {
    /// Answers with status 200, this content type, and this body, which ends with the connection.
    pub(crate) async fn start(content_type: &str, body: &str) -> Self {
        let canned = Self::start_in_two(content_type, body, "").await;
        canned.go_on();
        canned
    }

    /// Answers with these events, all at once.
    pub(crate) async fn events(body: &str) -> Self {
        Self::start("text/event-stream", body).await
    }

    /// Answers the one request that it gets with these events, and, once told to go on, with the rest.
    pub(crate) async fn events_in_two(begin: &str, rest: &str) -> Self {
        Self::start_in_two("text/event-stream", begin, rest).await
    }

    async fn start_in_two(content_type: &str, begin: &str, rest: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let begin = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n{begin}");
        let (go_on, rest) = (Arc::new(Notify::new()), rest.to_owned());
        let waiting = Arc::clone(&go_on);
        let accepting = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            answer(stream, &begin, &waiting, &rest).await;
        });
        Self { address, go_on, accepting }
    }

    /// Sends the rest.
    pub(crate) fn go_on(&self) {
        self.go_on.notify_one();
    }

    /// The base URL of its API.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(mut stream: TcpStream, begin: &str, go_on: &Notify, rest: &str) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the gateway left in the middle of its request");
    }
    stream.write_all(begin.as_bytes()).await.unwrap();
    go_on.notified().await;
    // The gateway may have seen enough and left.
    let _left = stream.write_all(rest.as_bytes()).await;
}

/// Whether head and body have arrived; the gateway always declares the body's length.
pub(super) fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    length.is_none_or(|length: usize| body.len() >= length)
}

/// An upstream that is not there: it holds a port, so that no other test gets it, and refuses every connection.
#[derive(Debug)]
pub(crate) struct Absent(TcpSocket);

impl Absent {
    /// Takes a port.
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        // Bound and not listening.
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self(socket)
    }

    /// The base URL of its API.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.0.local_addr().unwrap())
    }
}
