//! The faults, each in the manner of the cloud that it happens to.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tradewind_cloudsim::{Behaviour, CloudKind, Pace, Reply, Sim};

use crate::support::{Seen, post, post_with, start};

fn path(kind: CloudKind) -> &'static str {
    match kind {
        CloudKind::Anthropic => "/v1/messages",
        CloudKind::Cohere => "/v2/chat",
        CloudKind::Mistral | CloudKind::OpenAi => "/v1/chat/completions",
        CloudKind::OpenRouter => "/api/v1/chat/completions",
        other => panic!("no path for {other}"),
    }
}

/// Asks that cloud for a stream.
async fn ask(sim: &Sim, kind: CloudKind) -> Seen {
    let messages = json!([{ "role": "user", "content": "Hi" }]);
    let body = json!({ "model": "sim-chat", "max_tokens": 64, "messages": messages, "stream": true });
    let headers = [("authorization", "Bearer sk-sim"), ("anthropic-version", "2023-06-01")];
    post_with(sim, path(kind), &headers, body).await
}

#[tokio::test]
async fn rate_limits_look_as_they_do_there() {
    for (kind, pointer, expected) in [
        (CloudKind::OpenAi, "/error/code", json!("rate_limit_exceeded")),
        (CloudKind::Anthropic, "/error/type", json!("rate_limit_error")),
        (CloudKind::Mistral, "/code", json!("1300")),
        (CloudKind::OpenRouter, "/error/code", json!(429)),
        (CloudKind::Cohere, "/id", json!("cohere-sim")),
    ] {
        let sim = start(kind).await;
        sim.script([Reply::rate_limited(Duration::from_secs(3))]);
        let limited = ask(&sim, kind).await;
        assert_eq!((limited.status, &limited.headers["retry-after"]), (StatusCode::TOO_MANY_REQUESTS, &"3".parse().unwrap()));
        assert_eq!(limited.json().pointer(pointer), Some(&expected), "{kind}: {:?}", limited.body);
    }
}

#[tokio::test]
async fn a_stream_can_break_off_with_an_error_inside() {
    for (kind, pointer, expected) in [
        (CloudKind::OpenAi, "/error/type", json!("server_error")),
        (CloudKind::Anthropic, "/error/type", json!("overloaded_error")),
        (CloudKind::OpenRouter, "/choices/0/finish_reason", json!("error")),
        (CloudKind::Cohere, "/delta/finish_reason", json!("ERROR")),
    ] {
        let sim = start(kind).await;
        sim.script([Reply::InStreamError { events: 3 }]);
        let broken = ask(&sim, kind).await;
        assert_eq!(broken.status, StatusCode::OK);
        assert_eq!(broken.events().last().unwrap().pointer(pointer), Some(&expected), "{kind}: {:?}", broken.body);
    }
}

#[tokio::test]
async fn answers_can_be_empty_cut_damaged_or_errors_that_call_themselves_a_success() {
    let sim = start(CloudKind::OpenAi).await;
    let replies = [Reply::EmptyStream, Reply::CutFrame { events: 1 }, Reply::BadChecksum { events: 1 }, Reply::SuccessWithError];
    sim.script(replies);
    let empty = ask(&sim, CloudKind::OpenAi).await;
    assert_eq!((empty.status, empty.body.len()), (StatusCode::OK, 0));
    let cut = ask(&sim, CloudKind::OpenAi).await;
    assert!(cut.events().len() == 1 && !cut.body.ends_with(b"\n"));
    let damaged = ask(&sim, CloudKind::OpenAi).await;
    let whole = ask_again_whole(&sim).await;
    assert_eq!(damaged.body.iter().zip(whole.body.iter()).filter(|(a, b)| a != b).count(), 1);
}

/// The remaining scripted reply, and then the answer as it should be.
async fn ask_again_whole(sim: &Sim) -> Seen {
    let failed = ask(sim, CloudKind::OpenAi).await;
    assert_eq!(failed.status, StatusCode::OK);
    assert!(failed.json()["error"]["message"].is_string());
    ask(sim, CloudKind::OpenAi).await
}

#[tokio::test]
async fn a_plain_answer_has_no_inside_to_fail_in() {
    let sim = start(CloudKind::OpenAi).await;
    sim.script([Reply::InStreamError { events: 1 }]);
    let body: Value = json!({ "model": "sim-chat", "messages": [{ "role": "user", "content": "Hi" }] });
    assert_eq!(post(&sim, "/v1/chat/completions", body).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test(start_paused = true)]
async fn keeps_the_pace_that_it_is_given() {
    let pace = Pace { first: Duration::from_millis(300), each: Duration::from_millis(20), ..Pace::default() };
    let sim = Sim::start_cloud(CloudKind::OpenAi, Behaviour { pace, ..Behaviour::default() }).await.unwrap();
    let began = tokio::time::Instant::now();
    let seen = ask(&sim, CloudKind::OpenAi).await;
    let events = u32::try_from(seen.events().len()).unwrap();
    // `[DONE]` is no JSON, and comes after one more wait.
    assert!(began.elapsed() >= pace.first + pace.each * events);
}

#[tokio::test]
async fn every_fault_can_be_scripted_from_outside() {
    let sim = start(CloudKind::OpenAi).await;
    let script = json!([
        { "reply": "rate_limited", "seconds": 1 }, { "reply": "expired" }, { "reply": "success_with_error" },
        { "reply": "empty_stream" }, { "reply": "in_stream_error", "events": 1 }, { "reply": "cut_frame", "events": 1 },
        { "reply": "bad_checksum", "events": 1 },
    ]);
    assert_eq!(post(&sim, "/sim/script", script).await.status, StatusCode::OK);
    assert_eq!(ask(&sim, CloudKind::OpenAi).await.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(ask(&sim, CloudKind::OpenAi).await.status, StatusCode::UNAUTHORIZED);
}
