//! What is no request for a model is refused in the shape of OpenAI's errors, by the status that says why.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use tradewind::config::ByteSize;

use crate::support::{Answer, Client, Gateway, Http, Policy, Setup, chat, cloud};

/// A limit that the tests' ordinary requests stay below.
const BODY_LIMIT: u64 = 1024;

async fn small_gateway(upstream: String) -> Gateway {
    Setup::new(&Policy::in_turn([upstream])).with(|settings| settings.requests.body = ByteSize(BODY_LIMIT)).start().await
}

async fn refused(client: &Client, request: Request<Full<Bytes>>) -> (u16, String) {
    Answer::of(client.send(request).await).await.refusal()
}

#[tokio::test]
async fn what_is_not_served_here_is_not_found_and_a_wrong_method_is_told_the_right_one() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    let ask = async |method, path| {
        let request = gateway.request(method, path).body(Full::default()).unwrap();
        Answer::of(gateway.client.send(request).await).await
    };
    for (method, path) in [("POST", "/v1/responses"), ("GET", "/"), ("GET", "/v1/models/"), ("GET", "/metrics")] {
        assert_eq!(ask(method, path).await.refusal(), (404, "unknown_url".to_owned()), "{method} {path}");
    }
    for (method, path, allowed) in [
        ("GET", "/v1/chat/completions", "POST"),
        ("PUT", "/v1/embeddings", "POST"),
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/v1/models?limit=1", "GET"),
    ] {
        let answer = ask(method, path).await;
        assert_eq!(answer.refusal(), (405, "method_not_allowed".to_owned()), "{method} {path}");
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_request_is_refused_by_what_is_wrong_with_it() {
    let sim = cloud([]).await;
    let gateway = small_gateway(sim.base_url()).await;
    let ask = async |name: &str, value: &str, body: &str| {
        let request = gateway.request("POST", "/v1/chat/completions").header(name, value);
        refused(&gateway.client, request.body(Full::from(body.to_owned())).unwrap()).await
    };
    let json = ("content-type", "application/json");
    let good = chat().to_string();
    for ((name, value), body, status, code) in [
        (("content-encoding", "gzip"), good.as_str(), 415, "unsupported_media_type"),
        (("content-type", "text/plain"), &good, 415, "unsupported_media_type"),
        (("content-type", "multipart/form-data; boundary=x"), &good, 415, "unsupported_media_type"),
        (json, "", 400, "invalid_request"),
        (json, "{\"model\":\"chat\",", 400, "invalid_request"),
        (json, "{\"model\":\"chat\",\"model\":\"embed\"}", 400, "invalid_request"),
        (json, "{\"messages\":[]}", 400, "invalid_request"),
    ] {
        assert_eq!(ask(name, value, body).await, (status, code.to_owned()), "{name}: {value}, {body}");
    }
    assert!(sim.requests().is_empty());
}

#[tokio::test]
async fn a_body_without_a_content_type_is_taken_for_json() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    let request = gateway.request("POST", "/v1/chat/completions").body(Full::from(chat().to_string())).unwrap();
    assert_eq!(gateway.client.send(request).await.status(), 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_declared_or_streamed() {
    let sim = cloud([]).await;
    let gateway = small_gateway(sim.base_url()).await;
    let mut large = chat();
    large["user"] = "x".repeat(BODY_LIMIT as usize).into();
    let streamed = || {
        let pieces: Vec<_> = large.to_string().as_bytes().chunks(100).map(Bytes::copy_from_slice).collect();
        let frames = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
        let request = gateway.request("POST", "/v1/chat/completions").header("content-type", "application/json");
        request.body(StreamBody::new(stream::iter(frames))).unwrap()
    };
    for http in [Http::One, Http::Two] {
        let client = gateway.client.speaking(http);
        let too_large = (413, "request_too_large".to_owned());
        assert_eq!(refused(&client, gateway.chat(&large)).await, too_large, "{http:?}");
        assert_eq!(Answer::of(client.send(streamed()).await).await.refusal(), too_large, "{http:?}");
    }
    assert!(sim.requests().is_empty());
    assert_eq!(gateway.ask(&chat()).await.status, 200);
}
