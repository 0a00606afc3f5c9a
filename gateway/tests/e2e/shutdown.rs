//! Going down: what runs may finish, what comes is turned away, and whoever has to be cut off is told.

use serde_json::json;
use tradewind_cloudsim::{Ended, Gate, Reply};

use crate::support::{Events, Gateway, Http, Policy, cloud, soon, streamed};

/// Waits until nobody can connect any more.
async fn until_closed(gateway: &Gateway) {
    soon(async { while gateway.client.connect().await.is_ok() {} }).await;
}

#[tokio::test]
async fn a_running_stream_ends_properly_while_nobody_new_comes_in() {
    for http in [Http::One, Http::Two] {
        let gate = Gate::closed();
        let sim = cloud([Reply::Gated(gate.clone())]).await;
        let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
        gate.pass(2);
        let mut events = Events::of(gateway.client.speaking(http).send(gateway.chat(&streamed())).await);
        events.next().await.unwrap();
        assert!(gateway.admin("/readyz").await.starts_with("HTTP/1.1 200"));

        gateway.shutdown.begin();
        until_closed(&gateway).await;
        assert!(gateway.admin("/readyz").await.starts_with("HTTP/1.1 503"));
        assert!(gateway.admin("/livez").await.starts_with("HTTP/1.1 200"));
        gate.open();
        assert_eq!(events.rest().await.last().unwrap(), "[DONE]", "{http:?}");
        assert_eq!(gateway.stop_after_one().await["outcome"], "completed", "{http:?}");
    }
}

#[tokio::test]
async fn a_stream_that_outlasts_the_grace_is_ended_in_band() {
    for http in [Http::One, Http::Two] {
        let sim = cloud([Reply::StallAfter { events: 2 }]).await;
        let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
        let mut events = Events::of(gateway.client.speaking(http).send(gateway.chat(&streamed())).await);
        events.next().await.unwrap();
        gateway.shutdown.force();
        let rest = events.rest().await;
        assert_eq!(rest.len(), 2, "{http:?}: {rest:?}");
        assert!(rest[1].contains("\"code\":\"shutting_down\""), "{http:?}: {rest:?}");
        assert_eq!(soon(sim.ended(0)).await, Ended::Disconnected, "{http:?}");
        let record = gateway.stop_after_one().await;
        assert_eq!((&record["outcome"], &record["reason"]), (&json!("interrupted"), &json!("shutting_down")), "{http:?}");
    }
}

#[tokio::test]
async fn a_request_that_still_waits_when_the_grace_is_over_is_refused() {
    let sim = cloud([Reply::HangBeforeHeaders]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    let force = async {
        soon(sim.request(0)).await;
        gateway.shutdown.force();
    };
    let body = streamed();
    let (answer, ()) = tokio::join!(gateway.ask(&body), force);
    assert_eq!(answer.refusal(), (503, "shutting_down".to_owned()));
    let record = gateway.stop_after_one().await;
    assert_eq!((&record["status"], &record["reason"], &record["attempts"]), (&json!(503), &json!("shutting_down"), &json!(1)));
}
