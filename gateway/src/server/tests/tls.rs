//! Versions of TLS, and handshakes that do not come.

use std::time::Duration;

use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::super::*;
use super::harness::{Identity, assert_passed, echo, get, h1, start_https, text};

/// The start of a TLS 1.1 connection: a ClientHello without `supported_versions`, offering ECDHE-ECDSA with AES-CBC.
fn tls11_client_hello() -> Vec<u8> {
    let mut hello = vec![3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x09, 1, 0]);
    // Its one extension: signature_algorithms with ecdsa_secp256r1_sha256, so that only the version is at fault.
    hello.extend([0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
    let mut record = vec![22, 3, 1, 0, u8::try_from(hello.len() + 4).unwrap()];
    record.extend([1, 0, 0, u8::try_from(hello.len()).unwrap()]);
    record.extend(hello);
    record
}

#[tokio::test]
async fn accepts_tls_1_2_and_1_3() {
    let identity = Identity::new();
    let server = start_https(&identity, ConnectionSettings::default(), echo).await;
    for version in [&TLS12, &TLS13] {
        let stream = identity.connect(server.address, version, &["http/1.1"]).await;
        assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        let response = h1(stream).await.send_request(get("/")).await.unwrap();
        assert_eq!(text(response).await, "GET / HTTP/1.1");
    }
}

#[tokio::test]
async fn refuses_tls_1_1_with_the_alert_that_says_so() {
    const FATAL: u8 = 2;
    const PROTOCOL_VERSION: u8 = 70;
    let identity = Identity::new();
    let server = start_https(&identity, ConnectionSettings::default(), echo).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(&tls11_client_hello()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer.first(), Some(&21), "an alert record: {answer:?}");
    assert_eq!(answer[5..], [FATAL, PROTOCOL_VERSION]);
}

#[tokio::test]
async fn closes_a_connection_whose_handshake_does_not_come() {
    let identity = Identity::new();
    let server = start_https(&identity, ConnectionSettings::default(), echo).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    tokio::time::pause();
    let begun = Instant::now();
    assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
    assert_passed(begun, Duration::from_secs(10));
}

#[tokio::test]
async fn goes_on_serving_after_a_client_that_speaks_no_tls() {
    let identity = Identity::new();
    let server = start_https(&identity, ConnectionSettings::default(), echo).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert!(identity.h2(server.address).await.send_request(get("/")).await.unwrap().status().is_success());
}
