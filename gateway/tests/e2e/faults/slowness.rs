//! Upstreams that are slow, and clients that are.

use std::time::Duration;

use bytes::Bytes;

use super::{assert_sound, assert_sound_after_one, attempts, in_turn};
use crate::support::{
    ANSWER, FaultServer, Gateway, SAID, Step, chat, cloud,
    fault_server::{done, event, events_head, said},
    streamed,
};

#[tokio::test]
async fn row_05_slow_first_byte() {
    for body in [chat(), streamed()] {
        for begin in [vec![], vec![events_head()]] {
            let case = format!("{begin:?}, {body}");
            let a = FaultServer::always([begin, vec![Step::Hang]].concat()).await;
            let b = cloud([]).await;
            let impatient = r#"timeouts = { first_token = "200ms", total = "200ms" }"#;
            let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()]).first_has(impatient)).await;
            let answer = gateway.ask(&body).await;
            assert_eq!(answer.status, 200, "{case}");
            // The answer that would have come too late is called off.
            a.until(|counts| counts.cancelled == 1).await;
            assert_eq!(attempts(&gateway, "a", "failure").await, 1.0, "{case}");
            assert_eq!(assert_sound_after_one(gateway).await["backend"], "b", "{case}");
        }
    }
}

#[tokio::test]
async fn row_07_a_stream_byte_by_byte() {
    let pause = Duration::from_millis(1);
    let a = FaultServer::always(vec![events_head(), Step::Drip(event(SAID), pause), Step::Drip(done(), pause)]).await;
    let gateway = Gateway::start(&in_turn([a.base_url()])).await;
    let events = gateway.stream(&streamed()).await.rest().await;
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events[0].contains(SAID) && events[1] == "[DONE]", "{events:?}");
    assert_sound_after_one(gateway).await;
}

#[tokio::test]
async fn row_07_a_client_that_does_not_read() {
    /// More than the sockets between upstream and client hold together; their buffers grow only for those who read.
    const EVENTS: usize = 32 * 1024 * 1024 / LENGTH;
    const LENGTH: usize = 16 * 1024;
    let text: &'static str = "x".repeat(LENGTH).leak();
    let steps = vec![events_head(), Step::Send(event("first")), Step::Flood(event(text), EVENTS), Step::Send(done())];
    let a = FaultServer::start(move |number| if number == 0 { steps.clone() } else { said() }).await;
    // Much less than the client will pause: the upstream is not to blame for it.
    let gateway = Gateway::start(&in_turn([a.base_url()]).first_has(r#"timeouts = { idle = "5s" }"#)).await;
    let mut slow = gateway.stream(&streamed()).await;
    assert!(slow.next().await.unwrap().contains("first"));
    // Others are served meanwhile, and the upstream waits where the client does.
    for _ in 0..50 {
        assert_eq!(gateway.ask(&chat()).await.content(), SAID);
    }
    super::skip(Duration::from_secs(60)).await;
    for _ in 0..50 {
        assert_eq!(gateway.ask(&chat()).await.content(), SAID);
    }
    let flooded = a.counts().flooded;
    assert!(flooded < EVENTS * LENGTH, "all was taken, though nobody reads");
    let mut count = 0;
    while let Some(event) = slow.next().await {
        assert!(event.contains(text) || event == "[DONE]", "after {count} events: {event}");
        count += 1;
    }
    assert_eq!(count, EVENTS + 1);
    assert_sound(gateway, 101).await;
}

#[tokio::test]
async fn row_07_others_are_not_held_up_by_a_slow_upstream() {
    let a = FaultServer::always(vec![events_head(), Step::Send(event("first")), Step::Hang]).await;
    let b = cloud([]).await;
    // `a` serves one at a time.
    let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()]).first_has("concurrency = 1")).await;
    let mut slow = gateway.stream(&streamed()).await;
    slow.next().await.unwrap();
    for _ in 0..10 {
        assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    }
    assert_eq!((a.requests(), b.requests().len()), (1, 10));
    drop(slow);
    a.until(|counts| counts.cancelled == 1).await;
    assert_sound(gateway, 11).await;
}

#[tokio::test]
async fn a_whole_answer_byte_by_byte() {
    let Some(Step::Send(bytes)) = said().pop() else { panic!("an answer is one step") };
    let a = FaultServer::always(vec![Step::Drip(Bytes::clone(&bytes), Duration::from_millis(1))]).await;
    let gateway = Gateway::start(&in_turn([a.base_url()])).await;
    assert_eq!(gateway.ask(&chat()).await.content(), SAID);
    assert_sound_after_one(gateway).await;
}
