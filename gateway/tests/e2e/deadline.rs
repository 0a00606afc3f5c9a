//! The deadline of a request: whoever is waiting is told when it passes, and no backend is blamed for it.

use http_body_util::Full;
use serde_json::json;
use tradewind_cloudsim::{Ended, Reply};

use crate::support::{Answer, Events, Gateway, Policy, chat, cloud, soon, streamed};

#[tokio::test]
async fn a_request_that_takes_longer_than_its_client_will_wait_ends_with_a_timeout() {
    let (a, b) = (cloud([Reply::HangBeforeHeaders]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
    let request = gateway.request("POST", "/v1/chat/completions").header("x-tradewind-deadline-ms", "300");
    let request = request.body(Full::from(chat().to_string())).unwrap();
    let answer = Answer::of(gateway.client.send(request).await).await;
    assert_eq!(answer.refusal(), (504, "upstream_timeout".to_owned()));
    assert_eq!(soon(a.ended(0)).await, Ended::Disconnected);
    // The time was up, whoever was asked: nobody else is asked, and nobody has failed.
    assert_eq!((b.requests().len(), b.connections()), (0, 0));
    assert_eq!(gateway.metric("tradewind_attempts_total", &["outcome=\"failure\""]).await, 0.0);
    assert_eq!(gateway.metric("tradewind_attempts_total", &["outcome=\"cancelled\""]).await, 1.0);
    let record = gateway.stop_after_one().await;
    assert_eq!((&record["status"], &record["reason"], &record["attempts"]), (&json!(504), &json!("upstream_timeout"), &json!(1)));
}

#[tokio::test]
async fn a_stream_that_takes_longer_than_its_client_will_wait_ends_in_band() {
    let sim = cloud([Reply::StallAfter { events: 2 }]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    let request = gateway.request("POST", "/v1/chat/completions").header("x-tradewind-deadline-ms", "2000");
    let request = request.body(Full::from(streamed().to_string())).unwrap();
    let events = Events::of(gateway.client.send(request).await).rest().await;
    assert_eq!(events.len(), 3, "{events:?}");
    assert!(events[2].contains("\"code\":\"upstream_timeout\""), "{events:?}");
    assert_eq!(soon(sim.ended(0)).await, Ended::Disconnected);
    let record = gateway.stop_after_one().await;
    assert_eq!((&record["outcome"], &record["reason"]), (&json!("interrupted"), &json!("upstream_timeout")));
}

#[tokio::test]
async fn a_deadline_that_is_none_is_refused() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    let request = gateway.request("POST", "/v1/chat/completions").header("x-tradewind-deadline-ms", "soon");
    let answer = Answer::of(gateway.client.send(request.body(Full::from(chat().to_string())).unwrap()).await).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
    assert!(sim.requests().is_empty());
}
