//! The ways to fail that only HTTP/2 has.

use std::sync::Arc;

use tokio::sync::Notify;

use super::{assert_sound, assert_sound_after_one, attempts, error_code, in_turn};
use crate::support::{Gateway, H2FaultServer, OnStream, cloud, streamed};

const H2: &str = "http = \"h2\"";

#[tokio::test]
async fn row_16_a_stream_that_was_not_begun_is_tried_elsewhere() {
    for act in [OnStream::Refuse, OnStream::GoAway] {
        let case = format!("{act:?}");
        let a = H2FaultServer::start(move |_| act.clone()).await;
        let b = cloud([]).await;
        let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()]).first_has(H2)).await;
        let events = gateway.stream(&streamed()).await.rest().await;
        assert_eq!(events.last().unwrap(), "[DONE]", "{case}");
        assert_eq!((a.streams(), b.requests().len()), (1, 1), "{case}");
        assert_eq!(attempts(&gateway, "a", "failure").await, 1.0, "{case}");
        assert_eq!(assert_sound_after_one(gateway).await["backend"], "b", "{case}");
    }
}

#[tokio::test]
async fn row_16_a_stream_that_was_begun_and_reset_is_not_tried_again() {
    let reset = Arc::new(Notify::new());
    let told = Arc::clone(&reset);
    let a = H2FaultServer::start(move |_| OnStream::BreakOff(Arc::clone(&told))).await;
    let b = cloud([]).await;
    let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()]).first_has(H2)).await;
    let mut stream = gateway.stream(&streamed()).await;
    assert!(stream.next().await.unwrap().contains("The"));
    reset.notify_one();
    let rest = stream.rest().await;
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(error_code(&rest[0]), "stream_interrupted");
    assert!(b.requests().is_empty());
    assert_eq!(assert_sound_after_one(gateway).await["outcome"], "interrupted");
}

#[tokio::test]
async fn row_16_a_stream_under_way_outlives_the_announced_end_of_its_connection() {
    let go_on = Arc::new(Notify::new());
    let told = Arc::clone(&go_on);
    let a = H2FaultServer::start(
        move |number| {
            if number == 0 { OnStream::FinishAfterGoAway(Arc::clone(&told)) } else { OnStream::Answer }
        },
    )
    .await;
    let gateway = Gateway::start(&in_turn([a.base_url()]).first_has(H2)).await;
    let mut stream = gateway.stream(&streamed()).await;
    assert!(stream.next().await.unwrap().contains("The"));
    // Another request goes where there is no end in sight.
    let other = gateway.stream(&streamed()).await.rest().await;
    assert_eq!((other.len(), other[1].as_str()), (2, "[DONE]"));
    assert_eq!(a.connections(), 2);
    go_on.notify_one();
    assert_eq!(stream.rest().await, ["[DONE]"]);
    assert_sound(gateway, 2).await;
}
