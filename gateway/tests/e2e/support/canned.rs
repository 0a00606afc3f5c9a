//! Upstreams that a simulator of a cloud cannot be: bytes as they are, or nobody at all.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// An upstream that answers every request with the same bytes and then closes the connection.
#[derive(Debug)]
pub(crate) struct Canned {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Canned {
    /// Answers with status 200, this content type, and this body, which ends with the connection.
    pub(crate) async fn start(content_type: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let response = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nconnection: close\r\n\r\n{body}");
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, response.clone()));
            }
        });
        Self { address, accepting }
    }

    /// Answers with these events.
    pub(crate) async fn events(body: &str) -> Self {
        Self::start("text/event-stream", body).await
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

async fn answer(mut stream: TcpStream, response: String) {
    let mut request = Vec::new();
    while !is_whole(&request) {
        if stream.read_buf(&mut request).await.unwrap() == 0 {
            return;
        }
    }
    // The gateway may have left.
    let _left = stream.write_all(response.as_bytes()).await;
}

/// Whether head and body have arrived; the gateway always declares the body's length.
fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    length.is_none_or(|length: usize| body.len() >= length)
}

/// The base URL of an upstream that is not there: connections to it are refused.
pub(crate) async fn refusing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}/v1", listener.local_addr().unwrap())
}
