//! The simulator, seen by a client over real sockets.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tradewind_cloudsim::{Behaviour, Ended, Gate, Length, Reply, Sim};

async fn start(replies: impl IntoIterator<Item = Reply>) -> Sim {
    let sim = Sim::start(Behaviour::default()).await.unwrap();
    sim.script(replies);
    sim
}

fn request(method: Method, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "sim")
        .header("authorization", "Bearer sk-sim")
        .header("content-type", "application/json")
        .body(Full::new(body.into()))
        .unwrap()
}

fn chat(stream: bool) -> Request<Full<Bytes>> {
    let messages = json!([{ "role": "user", "content": "Where does the wind blow from?" }]);
    let body = json!({ "model": "sim-chat", "messages": messages, "stream": stream });
    request(Method::POST, "/v1/chat/completions", body.to_string())
}

/// Sends on a connection of its own, which lives as long as the answer does.
async fn send(sim: &Sim, request: Request<Full<Bytes>>) -> hyper::Result<http::Response<Incoming>> {
    let stream = TokioIo::new(TcpStream::connect(sim.addr()).await.unwrap());
    let (mut client, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    client.send_request(request).await
}

async fn json_of(response: http::Response<Incoming>) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// The `data` of each event of a stream.
async fn events(response: http::Response<Incoming>) -> Vec<String> {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = std::str::from_utf8(&body).unwrap();
    text.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap().to_owned()).collect()
}

/// What arrives before the body fails, and the failure.
async fn until_failure(response: http::Response<Incoming>) -> (String, hyper::Error) {
    let mut body = response.into_body();
    let mut text = String::new();
    loop {
        match body.frame().await.unwrap() {
            Ok(frame) => text.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap()),
            Err(error) => return (text, error),
        }
    }
}

#[tokio::test]
async fn chats_in_one_document() {
    let sim = start([]).await;
    let response = send(&sim, chat(false)).await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let answer = json_of(response).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "The wind blows from the east.");
    assert_eq!(answer["usage"], json!({ "prompt_tokens": 6, "completion_tokens": 7, "total_tokens": 13 }));
    assert_eq!(sim.ended(0).await, Ended::Completed);
}

#[tokio::test]
async fn goes_on_to_the_limit_where_it_is_told_to() {
    let sim = Sim::start(Behaviour { length: Length::ToTheLimit, ..Behaviour::default() }).await.unwrap();
    let body = |limit: Option<u32>| {
        json!({ "model": "sim-chat", "messages": [{ "role": "user", "content": "Well?" }], "max_tokens": limit }).to_string()
    };
    for (limit, tokens) in [(Some(3), 3), (Some(20), 20), (None, 7)] {
        let answer = json_of(send(&sim, request(Method::POST, "/v1/chat/completions", body(limit))).await.unwrap()).await;
        assert_eq!(answer["usage"]["completion_tokens"], tokens);
    }
}

#[tokio::test]
async fn chats_in_events_with_usage_only_if_asked() {
    let sim = start([]).await;
    let plain = events(send(&sim, chat(true)).await.unwrap()).await;
    assert_eq!(plain.last().unwrap(), "[DONE]");
    assert!(!plain.concat().contains("usage"));

    let body = json!({
        "model": "sim-chat", "messages": [{ "role": "user", "content": "Hi" }], "max_tokens": 2,
        "stream": true, "stream_options": { "include_usage": true },
    });
    let request = request(Method::POST, "/v1/chat/completions", body.to_string());
    let events = events(send(&sim, request).await.unwrap()).await;
    let chunks: Vec<Value> = events.iter().filter_map(|event| serde_json::from_str(event).ok()).collect();
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "The wind");
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], "length");
    assert_eq!(chunks[4]["choices"], json!([]));
    assert_eq!(chunks[4]["usage"]["completion_tokens"], 2);
    assert_eq!(sim.ended(1).await, Ended::Completed);
}

#[tokio::test]
async fn embeds_to_unit_vectors_that_depend_on_the_text() {
    let sim = start([]).await;
    let body = json!({ "model": "sim-embed", "input": ["a", "b", "a"], "dimensions": 5 });
    let answer = json_of(send(&sim, request(Method::POST, "/v1/embeddings", body.to_string())).await.unwrap()).await;
    let vector = |place: usize| answer["data"][place]["embedding"].as_array().unwrap().clone();
    assert_eq!(vector(0), vector(2));
    assert_ne!(vector(0), vector(1));
    let length: f64 = vector(0).iter().map(|value| value.as_f64().unwrap().powi(2)).sum();
    assert!((length - 1.0).abs() < 1e-5 && vector(0).len() == 5);

    let body = json!({ "model": "sim-embed", "input": "a", "encoding_format": "base64" });
    let answer = json_of(send(&sim, request(Method::POST, "/v1/embeddings", body.to_string())).await.unwrap()).await;
    assert_eq!(answer["data"][0]["embedding"].as_str().unwrap().len(), 44, "32 bytes in base64");
}

#[tokio::test]
async fn lists_its_models_without_touching_the_script() {
    let sim = start([Reply::status(500)]).await;
    let answer = json_of(send(&sim, request(Method::GET, "/v1/models", "")).await.unwrap()).await;
    let listed: Vec<_> = answer["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert!(listed.contains(&"sim-chat") && listed.contains(&"sim-embed"), "{listed:?}");
    assert_eq!(send(&sim, chat(false)).await.unwrap().status(), 500);
}

#[tokio::test]
async fn refuses_what_a_cloud_refuses() {
    let sim = start([]).await;
    let chat_with = |body: Value| request(Method::POST, "/v1/chat/completions", body.to_string());
    let hi = json!([{ "role": "user", "content": "Hi" }]);
    let mut stranger = chat(false);
    stranger.headers_mut().remove("authorization");
    let mut impostor = chat(false);
    impostor.headers_mut().insert("authorization", "Bearer sk-other".parse().unwrap());
    let mut untyped = chat(false);
    untyped.headers_mut().remove("content-type");
    for (request, status) in [
        (stranger, 401),
        (impostor, 401),
        (untyped, 415),
        (request(Method::POST, "/v1/chat/completions", "{"), 400),
        (chat_with(json!({ "model": "other", "messages": hi })), 404),
        (chat_with(json!({ "messages": hi })), 400),
        (chat_with(json!({ "model": "sim-chat", "messages": [] })), 400),
        (chat_with(json!({ "model": "sim-chat", "messages": [{ "role": "pirate", "content": "Ahoy" }] })), 400),
        (chat_with(json!({ "model": "sim-chat", "messages": hi, "tenant": "acme" })), 400),
        (chat_with(json!({ "model": "sim-chat", "messages": hi, "stream_options": {} })), 400),
        (request(Method::POST, "/v1/completions", "{}"), 400),
        (request(Method::POST, "/v1/responses", "{}"), 404),
    ] {
        let what = format!("{request:?}");
        let response = send(&sim, request).await.unwrap();
        assert_eq!(response.status(), status, "{what}");
        assert!(json_of(response).await["error"]["message"].is_string());
    }
}

#[tokio::test]
async fn sends_scripted_statuses_in_order_and_then_behaves() {
    let sim = start([Reply::rate_limited(Duration::from_secs(7)), Reply::status(503)]).await;
    let limited = send(&sim, chat(true)).await.unwrap();
    assert_eq!((limited.status(), &limited.headers()["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &"7".parse().unwrap()));
    assert_eq!(json_of(limited).await["error"]["code"], "rate_limit_exceeded");
    assert_eq!(send(&sim, chat(true)).await.unwrap().status(), 503);
    assert_eq!(send(&sim, chat(true)).await.unwrap().status(), 200);
}

#[tokio::test]
async fn records_requests_and_counts_connections() {
    let sim = start([]).await;
    send(&sim, chat(false)).await.unwrap();
    let received = sim.request(0).await;
    assert_eq!((received.method.clone(), received.path.as_str()), (Method::POST, "/v1/chat/completions"));
    assert_eq!(received.header("authorization"), Some("Bearer sk-sim"));
    assert_eq!(received.json()["model"], "sim-chat");
    assert_eq!((sim.requests().len(), sim.connections()), (1, 1));
}

#[tokio::test]
async fn notices_that_a_client_leaves_whatever_it_was_waiting_for() {
    let replies = [Reply::HangBeforeHeaders, Reply::HangBeforeFirstToken, Reply::StallAfter { events: 2 }];
    let sim = start(replies).await;
    {
        let waiting = send(&sim, chat(true));
        tokio::select! {
            _ = waiting => panic!("it was to hang"),
            _ = sim.request(0) => {}
        }
    }
    assert_eq!(sim.ended(0).await, Ended::Disconnected);

    let response = send(&sim, chat(true)).await.unwrap();
    assert_eq!(response.status(), 200);
    drop(response);
    assert_eq!(sim.ended(1).await, Ended::Disconnected);

    let mut body = send(&sim, chat(true)).await.unwrap().into_body();
    assert!(body.frame().await.unwrap().unwrap().into_data().unwrap().starts_with(b"data: "));
    drop(body);
    assert_eq!(sim.ended(2).await, Ended::Disconnected);
}

/// Sends a chat over a bare socket and reads until the connection ends, one way or the other.
async fn raw(sim: &Sim) -> (String, std::io::Result<()>) {
    let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
    let body = chat(true).into_body().collect().await.unwrap().to_bytes();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: sim\r\nauthorization: Bearer sk-sim\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer).await.map(|_| ());
    (String::from_utf8(answer).unwrap(), ended)
}

#[tokio::test]
async fn resets_with_a_reset_and_closes_with_an_end() {
    let replies = [Reply::ResetBeforeHeaders, Reply::ResetAfter { events: 3 }, Reply::CloseAfter { events: 3 }];
    let sim = start(replies).await;

    let (text, ended) = raw(&sim).await;
    assert_eq!((text.as_str(), ended.unwrap_err().kind()), ("", std::io::ErrorKind::ConnectionReset));

    let (text, ended) = raw(&sim).await;
    assert_eq!(text.matches("data: ").count(), 3, "what came before the reset arrives");
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);

    let (text, ended) = raw(&sim).await;
    assert!(text.matches("data: ").count() == 3 && ended.is_ok());
    assert!(!text.ends_with("0\r\n\r\n"), "the body is not complete");
    for number in 0..3 {
        assert_eq!(sim.ended(number).await, Ended::CutOff);
    }
}

#[tokio::test]
async fn a_document_cut_off_in_the_middle_is_seen_as_incomplete() {
    let sim = start([Reply::ResetAfter { events: 1 }, Reply::CloseAfter { events: 1 }]).await;
    for _ in 0..2 {
        let (half, _) = until_failure(send(&sim, chat(false)).await.unwrap()).await;
        assert!(half.starts_with('{') && serde_json::from_str::<Value>(&half).is_err());
    }
}

#[tokio::test]
async fn a_stream_can_end_properly_without_done() {
    let sim = start([Reply::EndAfter { events: 4 }]).await;
    let events = events(send(&sim, chat(true)).await.unwrap()).await;
    assert_eq!(events.len(), 4);
    assert_ne!(events[3], "[DONE]");
}

#[tokio::test]
async fn lies_about_its_content() {
    let sim = start([Reply::Html, Reply::Garbage]).await;
    let page = send(&sim, chat(true)).await.unwrap();
    assert_eq!((page.status(), &page.headers()["content-type"]), (StatusCode::OK, &"text/html".parse().unwrap()));
    let garbage = send(&sim, chat(true)).await.unwrap();
    assert_eq!(garbage.headers()["content-type"], "text/event-stream; charset=utf-8");
    assert!(std::str::from_utf8(&garbage.into_body().collect().await.unwrap().to_bytes()).is_err());
}

#[tokio::test]
async fn a_gate_lets_one_event_through_at_a_time() {
    let gate = Gate::closed();
    let sim = start([Reply::Gated(gate.clone())]).await;
    let mut body = send(&sim, chat(true)).await.unwrap().into_body();
    for _ in 0..3 {
        gate.pass(1);
        let event = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(event.windows(6).filter(|window| window == b"data: ").count(), 1);
    }
    gate.open();
    assert!(body.collect().await.unwrap().to_bytes().ends_with(b"data: [DONE]\n\n"));
    assert_eq!(sim.ended(0).await, Ended::Completed);
}

#[tokio::test]
async fn is_scripted_from_outside() {
    let sim = start([]).await;
    let script = json!([{ "reply": "status", "status": 418 }, { "reply": "end_after", "events": 1 }]);
    let scripted = send(&sim, request(Method::POST, "/sim/script", script.to_string())).await.unwrap();
    assert_eq!(scripted.status(), 200);
    assert_eq!(send(&sim, chat(true)).await.unwrap().status(), 418);
    assert_eq!(events(send(&sim, chat(true)).await.unwrap()).await.len(), 1);
    let requests = json_of(send(&sim, request(Method::GET, "/sim/requests", "")).await.unwrap()).await;
    assert_eq!(requests.as_array().unwrap().len(), 2);
    let refused = send(&sim, request(Method::POST, "/sim/script", "[{\"reply\": \"dance\"}]")).await.unwrap();
    assert_eq!(refused.status(), 400);
}

#[tokio::test]
async fn a_stopped_simulator_frees_its_port_and_closes_its_connections() {
    let sim = start([Reply::StallAfter { events: 1 }]).await;
    let addr = sim.addr();
    let response = send(&sim, chat(true)).await.unwrap();
    sim.stop().await;
    until_failure(response).await;
    assert!(TcpStream::connect(addr).await.is_err());
    let back = Sim::start_at(addr, Behaviour::default()).await.unwrap();
    assert_eq!(send(&back, chat(false)).await.unwrap().status(), 200);
}
