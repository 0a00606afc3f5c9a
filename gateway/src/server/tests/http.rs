//! Both versions of HTTP, and what a service learns of its connection.

use std::convert::Infallible;

use ::http::{Response, Version};
use bytes::Bytes;
use http_body_util::Full;
use rustls::version::TLS13;

use super::super::*;
use super::harness::{Identity, echo, get, h1, plain, start_http, start_https, text};

#[tokio::test]
async fn serves_http2_and_http1_on_one_tls_port_as_alpn_says() {
    let identity = Identity::new();
    let server = start_https(&identity, ConnectionSettings::default(), echo).await;
    let response = identity.h2(server.address).await.send_request(get("/two")).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    assert_eq!(text(response).await, "GET /two HTTP/2.0");
    for alpn in [&["http/1.1"][..], &[]] {
        let mut client = h1(identity.connect(server.address, &TLS13, alpn).await).await;
        let response = client.send_request(get("/one")).await.unwrap();
        assert_eq!(text(response).await, "GET /one HTTP/1.1");
    }
}

#[tokio::test]
async fn serves_plain_http1_on_a_listener_without_tls() {
    let server = start_http(ConnectionSettings::default(), echo).await;
    let mut client = plain(server.address).await;
    for path in ["/livez", "/metrics"] {
        let response = client.send_request(get(path)).await.unwrap();
        assert_eq!(text(response).await, format!("GET {path} HTTP/1.1"));
        client.ready().await.unwrap();
    }
}

#[tokio::test]
async fn makes_one_service_for_each_connection_and_tells_it_the_peer() {
    let server = start_http(ConnectionSettings::default(), |connection: Connection| {
        let peer = Bytes::from(connection.peer.to_string());
        tower::service_fn(move |_| {
            let response = Response::new(Full::new(peer.clone()));
            std::future::ready(Ok::<_, Infallible>(response))
        })
    })
    .await;
    let socket = tokio::net::TcpStream::connect(server.address).await.unwrap();
    let own = socket.local_addr().unwrap();
    let response = h1(socket).await.send_request(get("/")).await.unwrap();
    assert_eq!(text(response).await, own.to_string());
}
