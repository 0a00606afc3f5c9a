//! Connections that fail before there is an answer.

use serde_json::json;

use super::{assert_sound_after_one, attempts, in_turn};
use crate::support::{
    ANSWER, Blackhole, FaultServer, Gateway, Policy, Step, chat, cloud,
    fault_server::{answer, events_head},
    streamed,
};

/// Backend `a` fails as its policy and its server say; the client gets the answer of `b`, whole and without a word of `a`'s.
async fn assert_b_answers(case: &str, policy: impl Fn(String) -> Policy) {
    for body in [chat(), streamed()] {
        let b = cloud([]).await;
        let gateway = Gateway::start(&policy(b.base_url())).await;
        if body["stream"] == true {
            let events = gateway.stream(&body).await;
            assert!(!events.headers.contains_key("x-partial"), "{case}");
            assert_eq!(events.rest().await.last().unwrap(), "[DONE]", "{case}");
        } else {
            let answer = gateway.ask(&body).await;
            assert_eq!((answer.status.as_u16(), answer.content().as_str()), (200, ANSWER), "{case}");
            assert!(!answer.headers.contains_key("x-partial"), "{case}");
        }
        assert_eq!(attempts(&gateway, "a", "failure").await, 1.0, "{case}");
        assert_eq!(attempts(&gateway, "b", "success").await, 1.0, "{case}");
        let record = assert_sound_after_one(gateway).await;
        assert_eq!(
            (&record["attempts"], &record["backend"], &record["outcome"]),
            (&json!(2), &json!("b"), &json!("completed")),
            "{case}"
        );
    }
}

#[tokio::test]
async fn row_01_reset_before_headers() {
    let a = FaultServer::always(vec![Step::Reset]).await;
    assert_b_answers("reset", |b| in_turn([a.base_url(), b])).await;
    assert_eq!((a.requests(), a.received().len()), (2, 2));
    assert!(a.received().iter().all(|request| request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n")));
}

#[tokio::test]
async fn row_02_reset_amid_headers_or_no_headers_at_all() {
    for (begin, end) in [
        ("HTTP/1.1 200 OK\r\nx-partial: 1\r\ncontent-ty", Step::Reset),
        ("HTTP/1.1 200 OK\r\nx-partial: 1\r\n", Step::Close),
        ("HTTP/1.", Step::Reset),
        ("\x16\x03\x01\x02\r\n\r\n", Step::Hang),
        ("200 OK\r\ncontent-length: 0\r\n\r\n", Step::Hang),
        ("HTTP/1.1 2000 OK\r\n\r\n", Step::Hang),
    ] {
        let a = FaultServer::always(vec![Step::Send(begin.into()), end.clone()]).await;
        assert_b_answers(&format!("{begin:?}, {end:?}"), |b| in_turn([a.base_url(), b])).await;
    }
}

#[tokio::test]
async fn row_03_reset_amid_a_whole_answer() {
    let half = r#"{"choices":[{"message":{"role":"assistant","content":"half an ans"#;
    let whole = answer(200, "content-type: application/json\r\nx-partial: 1\r\n", &half.repeat(3));
    let [Step::Send(whole)] = whole.as_slice() else { panic!("{whole:?}") };
    let short = whole.slice(..whole.len() - 2 * half.len());
    for end in [Step::Reset, Step::Close] {
        let a = FaultServer::always(vec![Step::Send(short.clone()), end.clone()]).await;
        assert_whole_is_retried(&format!("a length, {end:?}"), &a).await;
        // The same without a length: the last chunk never comes.
        let chunked = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-partial: 1\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{\"ch\r\n";
        let a = FaultServer::always(vec![Step::Send(chunked.into()), end.clone()]).await;
        assert_whole_is_retried(&format!("chunks, {end:?}"), &a).await;
    }
}

async fn assert_whole_is_retried(case: &str, a: &FaultServer) {
    let b = cloud([]).await;
    let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()])).await;
    let answer = gateway.ask(&chat()).await;
    assert_eq!((answer.status.as_u16(), answer.content().as_str()), (200, ANSWER), "{case}");
    assert!(!answer.headers.contains_key("x-partial"), "{case}");
    assert_eq!(attempts(&gateway, "a", "failure").await, 1.0, "{case}");
    assert_sound_after_one(gateway).await;
}

#[tokio::test]
async fn row_03_reset_amid_a_stream_before_its_first_content() {
    for end in [Step::Reset, Step::Close] {
        let a = FaultServer::always(vec![events_head(), end.clone()]).await;
        let b = cloud([]).await;
        let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()])).await;
        let events = gateway.stream(&streamed()).await.rest().await;
        assert_eq!(events.last().unwrap(), "[DONE]", "{end:?}: {events:?}");
        assert_eq!(assert_sound_after_one(gateway).await["backend"], "b", "{end:?}");
    }
}

#[tokio::test]
async fn row_20_a_connection_that_nobody_answers() {
    let a = Blackhole::new().await;
    let quickly = r#"timeouts = { connect = "100ms" }"#;
    assert_b_answers("black hole", |b| in_turn([a.base_url(), b]).first_has(quickly)).await;
}
