//! A client that goes away: its upstream request is cancelled, its place is free again, and the audit log says who left.

use serde_json::json;
use tradewind_cloudsim::{Ended, Gate, Reply};

use crate::support::{Events, Gateway, Http, Policy, cloud, soon, streamed};

#[tokio::test]
async fn the_upstream_sees_that_the_client_left_in_the_middle_of_a_stream() {
    for http in [Http::One, Http::Two] {
        let gate = Gate::closed();
        let sim = cloud([Reply::Gated(gate.clone())]).await;
        let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
        gate.pass(2);
        let mut events = Events::of(gateway.client.speaking(http).send(gateway.chat(&streamed())).await);
        events.next().await.unwrap();
        drop(events);
        assert_eq!(soon(sim.ended(0)).await, Ended::Disconnected, "{http:?}");
        assert_eq!(gateway.metric("tradewind_requests_in_flight", &[]).await, 0.0, "{http:?}");
        assert_eq!(gateway.metric("tradewind_attempts_total", &["outcome=\"failure\""]).await, 0.0, "{http:?}");
        let record = gateway.stop_after_one().await;
        assert_eq!(
            (&record["outcome"], &record["status"], &record["backend"], &record["attempts"]),
            (&json!("client_closed"), &json!(200), &json!("a"), &json!(1)),
            "{http:?}"
        );
    }
}

#[tokio::test]
async fn the_upstream_sees_that_the_client_left_before_there_was_an_answer_and_no_other_is_asked() {
    for http in [Http::One, Http::Two] {
        let (a, b) = (cloud([Reply::HangBeforeHeaders]).await, cloud([]).await);
        let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
        let (client, request) = (gateway.client.speaking(http), gateway.chat(&streamed()));
        let asking = tokio::spawn(async move { client.send(request).await });
        soon(a.request(0)).await;
        asking.abort();
        assert_eq!(soon(a.ended(0)).await, Ended::Disconnected, "{http:?}");
        assert_eq!(gateway.metric("tradewind_requests_in_flight", &[]).await, 0.0, "{http:?}");
        assert_eq!(gateway.metric("tradewind_attempts_total", &["outcome=\"cancelled\""]).await, 1.0, "{http:?}");
        assert!(b.requests().is_empty(), "{http:?}");
        let record = gateway.stop_after_one().await;
        assert_eq!((&record["outcome"], &record["attempts"]), (&json!("client_closed"), &json!(1)), "{http:?}");
    }
}
