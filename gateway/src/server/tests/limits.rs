//! What one client, or too many of them, cannot do.

use std::num::NonZeroUsize;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Empty;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, advance};

use super::super::*;
use super::harness::{Identity, assert_passed, echo, get, plain, start_http, start_https, text};
use crate::config::ByteSize;

fn with_headers(count: usize, bytes: usize) -> Request<Empty<Bytes>> {
    let mut request = get("/");
    for index in 0..count {
        let name = http::HeaderName::try_from(format!("x-{index}")).unwrap();
        request.headers_mut().append(name, "v".repeat(bytes).try_into().unwrap());
    }
    request
}

#[tokio::test]
async fn answers_431_to_too_many_header_fields_in_both_versions() {
    let identity = Identity::new();
    let secure = start_https(&identity, ConnectionSettings::default(), echo).await;
    let open = start_http(ConnectionSettings::default(), echo).await;
    let mut client = identity.h2(secure.address).await;
    let served = client.send_request(with_headers(99, 1)).await.unwrap();
    assert_eq!(served.status(), StatusCode::OK);
    let refused = client.send_request(with_headers(101, 1)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let served = plain(open.address).await.send_request(with_headers(99, 1)).await.unwrap();
    assert_eq!(served.status(), StatusCode::OK);
    let refused = plain(open.address).await.send_request(with_headers(101, 1)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
}

#[tokio::test]
async fn answers_431_to_a_head_of_too_many_bytes_in_both_versions() {
    let settings = ConnectionSettings { header_bytes: ByteSize::kib(8), ..ConnectionSettings::default() };
    let identity = Identity::new();
    let secure = start_https(&identity, settings.clone(), echo).await;
    let open = start_http(settings, echo).await;
    let refused = identity.h2(secure.address).await.send_request(with_headers(9, 1024)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let refused = plain(open.address).await.send_request(with_headers(9, 1024)).await.unwrap();
    assert_eq!(refused.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let served = plain(open.address).await.send_request(with_headers(7, 1024)).await.unwrap();
    assert_eq!(served.status(), StatusCode::OK);
}

#[tokio::test]
async fn answers_400_to_what_two_readers_could_take_for_different_requests() {
    let server = start_http(ConnectionSettings::default(), echo).await;
    for head in [
        "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabc",
        "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: +3\r\n\r\nabc",
        "GET / HTTP/1.1\r\nhost: a\r\n folded: yes\r\n\r\n",
        "GET / HTTP/1.1\r\nhost : a\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip\r\n\r\n",
    ] {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 400"), "{head:?}: {answer}");
    }
}

#[tokio::test]
async fn closes_a_connection_whose_first_head_arrives_too_slowly() {
    let server = start_http(ConnectionSettings::default(), echo).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nhost: local").await.unwrap();
    tokio::time::pause();
    let begun = Instant::now();
    assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
    assert_passed(begun, Duration::from_secs(10));
}

#[tokio::test]
async fn keeps_a_quiet_connection_for_the_idle_time_and_not_only_for_the_header_timeout() {
    let settings = ConnectionSettings::default();
    let idle = settings.idle;
    let server = start_http(settings, echo).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let mut answer = [0; 1024];
    for _ in 0..2 {
        socket.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        assert!(socket.read(&mut answer).await.unwrap() > 0);
        tokio::time::pause();
        advance(Duration::from_secs(60)).await;
        tokio::time::resume();
    }
    tokio::time::pause();
    let quiet = Instant::now();
    assert_eq!(socket.read(&mut answer).await.unwrap(), 0);
    assert_passed(quiet, idle - Duration::from_secs(60));
}

#[tokio::test]
async fn closes_a_quiet_http2_connection_after_the_idle_time() {
    let identity = Identity::new();
    let server = start_https(&identity, ConnectionSettings::default(), echo).await;
    let mut client = identity.h2(server.address).await;
    text(client.send_request(get("/")).await.unwrap()).await;
    tokio::time::pause();
    let quiet = Instant::now();
    while client.ready().await.is_ok() {
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(quiet.elapsed().as_secs() / 60, 6);
}

#[tokio::test]
async fn closes_a_connection_above_the_limit_and_serves_the_next_when_there_is_room() {
    let settings = ConnectionSettings { connections: NonZeroUsize::MIN, ..ConnectionSettings::default() };
    let server = start_http(settings, echo).await;
    let mut first = plain(server.address).await;
    text(first.send_request(get("/")).await.unwrap()).await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(second.read(&mut [0]).await.unwrap(), 0);
    drop(first);
    // The server learns of the end by itself; until then it refuses.
    let served = async { while plain(server.address).await.send_request(get("/")).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(10), served).await.unwrap();
}
