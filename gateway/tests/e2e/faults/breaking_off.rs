//! Streams that end before their end.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::json;

use super::{assert_sound_after_one, attempts, error_code, in_turn, skip};
use crate::support::{
    FaultServer, Gateway, Step, cloud,
    fault_server::{event, events_head},
    soon, streamed,
};

/// `a` sends two events and then does this; the client gets both and an error event, and nobody else is asked.
async fn assert_interrupted(then: Vec<Step>, of_a: &'static str) -> FaultServer {
    let case = format!("{then:?}");
    let begin = vec![events_head(), Step::Send(event("The")), Step::Send(event(" wind"))];
    let a = FaultServer::always([begin, then].concat()).await;
    let b = cloud([]).await;
    let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()]).first_has(of_a)).await;
    let events = gateway.stream(&streamed()).await.rest().await;
    assert_eq!(events.len(), 3, "{case}: {events:?}");
    assert!(events[0].contains("The") && events[1].contains(" wind"), "{case}: {events:?}");
    assert_eq!(error_code(&events[2]), "stream_interrupted", "{case}");
    assert!(b.requests().is_empty(), "{case}");
    assert_eq!(attempts(&gateway, "a", "failure").await, 1.0, "{case}");
    let record = assert_sound_after_one(gateway).await;
    assert_eq!(
        (&record["outcome"], &record["reason"], &record["attempts"], &record["backend"]),
        (&json!("interrupted"), &json!("stream_interrupted"), &json!(1), &json!("a")),
        "{case}"
    );
    // The upstream did not come to its counts, but wants to be paid for what it made.
    assert_eq!((&record["completion_tokens"], &record["tokens_estimated"]), (&json!(2), &json!(true)), "{case}");
    a
}

#[tokio::test]
async fn row_04_reset_or_end_amid_a_stream() {
    for then in [
        vec![Step::Reset],
        vec![Step::Close],
        // In order as far as HTTP is concerned; only what says that the answer is complete is missing.
        vec![Step::Send("0\r\n\r\n".into())],
        // Half an event, and half a chunk.
        vec![Step::Send("8\r\ndata: {\"\r\n".into()), Step::Reset],
        vec![Step::Send("80\r\ndata: {\"".into()), Step::Close],
    ] {
        assert_interrupted(then, "").await;
    }
}

#[tokio::test]
async fn row_06_stall_amid_a_stream() {
    let a = assert_interrupted(vec![Step::Hang], r#"timeouts = { idle = "200ms" }"#).await;
    a.until(|counts| counts.cancelled == 1).await;
}

#[tokio::test]
async fn row_06_a_client_in_a_stall_is_kept_company() {
    let a = FaultServer::always(vec![events_head(), Step::Send(event("The")), Step::Hang]).await;
    let gateway = Gateway::start(&in_turn([a.base_url()]).first_has(r#"timeouts = { idle = "40s" }"#)).await;
    let mut body = gateway.client.send(gateway.chat(&streamed())).await.into_body();
    let mut told = String::new();
    while !told.contains("The") {
        told += &soon(frame(&mut body)).await;
    }
    for _ in 0..2 {
        skip(Duration::from_secs(16)).await;
        assert_eq!(soon(frame(&mut body)).await, ": keep-alive\n\n");
    }
    skip(Duration::from_secs(16)).await;
    let end = soon(frame(&mut body)).await;
    assert!(end.contains("stream_interrupted"), "{end}");
    assert_sound_after_one(gateway).await;
}

async fn frame(body: &mut Incoming) -> String {
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    String::from_utf8(frame.to_vec()).unwrap()
}
