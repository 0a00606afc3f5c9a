//! A stream that breaks off after it has begun: nothing is tried again, and the client is told in-band, once.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tradewind_cloudsim::Reply;

use crate::support::{Canned, End, Gateway, Multiplexed, Policy, cloud, streamed};

/// Two events of a chat.
const TWO: &str =
    "data: {\"choices\":[{\"delta\":{\"content\":\"The\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\" wind\"}}]}\n\n";
fn code(event: &str) -> String {
    let event: Value = serde_json::from_str(event).unwrap();
    event["error"]["code"].as_str().unwrap_or_else(|| panic!("{event}")).to_owned()
}

#[tokio::test]
async fn whole_events_are_followed_by_an_error_event_and_no_end_and_nothing_is_tried_again() {
    for (reply, timeouts) in [
        (Reply::ResetAfter { events: 3 }, ""),
        (Reply::CloseAfter { events: 3 }, ""),
        (Reply::EndAfter { events: 3 }, ""),
        (Reply::StallAfter { events: 3 }, "timeouts = { idle = \"100ms\" }"),
        (Reply::StallAfter { events: 3 }, "timeouts = { total = \"1s\" }"),
    ] {
        let case = format!("{reply:?} {timeouts}");
        let (a, b) = (cloud([reply]).await, cloud([]).await);
        let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()]).first_has(timeouts)).await;
        let events = gateway.stream(&streamed()).await.rest().await;
        assert_eq!(events.len(), 4, "{case}: {events:?}");
        assert!(events[..3].iter().all(|event| event.contains("chat.completion.chunk")), "{case}: {events:?}");
        assert_eq!(code(&events[3]), "stream_interrupted", "{case}");
        assert!(b.requests().is_empty(), "{case}");
        assert_eq!(gateway.metric("tradewind_attempts_total", &["backend=\"a\"", "outcome=\"failure\""]).await, 1.0, "{case}");
        let outcomes = &["status=\"200\"", "outcome=\"interrupted\""];
        assert_eq!(gateway.metric("tradewind_requests_total", outcomes).await, 1.0, "{case}");
        let record = gateway.stop_after_one().await;
        assert_eq!(
            (&record["outcome"], &record["reason"], &record["status"], &record["attempts"], &record["backend"]),
            (&json!("interrupted"), &json!("stream_interrupted"), &json!(200), &json!(1), &json!("a")),
            "{case}"
        );
    }
}

#[tokio::test]
async fn half_an_event_is_never_passed_on() {
    for half in ["data: {\"choi", "data: {\"choices\":[]}\n", "event: message\n", "d"] {
        let a = Canned::events(&format!("{TWO}{half}")).await;
        let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
        let events = gateway.stream(&streamed()).await.rest().await;
        assert_eq!(events.len(), 3, "{half:?}: {events:?}");
        assert_eq!(code(&events[2]), "stream_interrupted", "{half:?}");
    }
}

#[tokio::test]
async fn a_last_event_that_lacks_only_its_blank_line_is_passed_on_whole() {
    let a = Canned::events(&format!("{TWO}data: [DONE]")).await;
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
    let events = gateway.stream(&streamed()).await.rest().await;
    assert_eq!((events.len(), events[2].as_str()), (3, "[DONE]"));
    assert_eq!(gateway.stop_after_one().await["outcome"], "completed");
}

#[tokio::test]
async fn an_upstreams_own_error_is_told_once_and_in_openais_shape() {
    for own in [
        r#"{"error":{"message":"out of memory","code":500}}"#,
        r#"{"object":"error","message":"out of memory","type":"InternalServerError","param":null,"code":500}"#,
        r#"{"message":"out of memory","code":"500","request_id":"r"}"#,
        r#"[{"error":{"code":500,"message":"out of memory","status":"INTERNAL"}}]"#,
        r#"{"id":"g","choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"code":500,"message":"out of memory"}}"#,
    ] {
        for end in ["\n\n", "", "\n\ndata: {\"choi", "\n\ndata: [DONE]\n\n"] {
            let case = format!("{own}{end:?}");
            let a = Canned::events_in_two(TWO, &format!("data: {own}{end}")).await;
            let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
            let mut stream = gateway.stream(&streamed()).await;
            let mut events = vec![stream.next().await.unwrap()];
            a.go_on();
            events.extend(stream.rest().await);
            assert_eq!(events.len(), 3, "{case}: {events:?}");
            assert!(events[2].contains("out of memory"), "{case}: {events:?}");
            assert_eq!(code(&events[2]), "stream_interrupted", "{case}");
            assert_eq!(gateway.metric("tradewind_attempts_total", &["outcome=\"failure\""]).await, 1.0, "{case}");
            assert_eq!(gateway.stop_after_one().await["outcome"], "interrupted", "{case}");
        }
    }
}

#[tokio::test]
async fn a_backend_whose_streams_break_off_is_left_out_after_a_few() {
    let (a, b) = (cloud(vec![Reply::ResetAfter { events: 2 }; 9]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
    for _ in 0..9 {
        gateway.stream(&streamed()).await.rest().await;
    }
    assert!(a.requests().len() < 9, "{}", a.requests().len());
    assert_eq!(a.requests().len() + b.requests().len(), 9);
}

#[tokio::test]
async fn a_stream_that_its_upstream_resets_in_http_2_ends_with_an_error_event() {
    let reset = Arc::new(Notify::new());
    let upstream = Multiplexed::start(1, End::ResetOn(Arc::clone(&reset))).await;
    let gateway = Gateway::start(&Policy::in_turn([upstream.base_url()]).first_has("http = \"h2\"")).await;
    for _ in 0..2 {
        let mut stream = gateway.stream(&streamed()).await;
        let mut events = vec![stream.next().await.unwrap(), stream.next().await.unwrap()];
        reset.notify_one();
        events.extend(stream.rest().await);
        assert_eq!(events.len(), 3, "{events:?}");
        assert_eq!(code(&events[2]), "stream_interrupted");
    }
    // Only the stream was broken, not the connection.
    assert_eq!(upstream.connections(), 1);
}
