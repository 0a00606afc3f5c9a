//! A second attempt beside a slow one.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tokio::sync::Semaphore;

use super::{assert_sound, attempts, skip};
use crate::support::{Events, FaultServer, Gateway, Policy, SAID, Step, fault_server::streamed_answer, soon, streamed};

/// How many hedges there are at first, before any have been earned.
const AT_FIRST: usize = 2;

#[tokio::test]
async fn row_24_a_slow_backend_is_overtaken_and_called_off_as_often_as_the_budget_allows() {
    let permits = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&permits);
    let a = FaultServer::start(move |number| {
        if number == 0 { streamed_answer() } else { [vec![Step::Await(Arc::clone(&held))], streamed_answer()].concat() }
    })
    .await;
    let b = FaultServer::always(streamed_answer()).await;
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()]).default("hedge = { budget = \"1%\" }")).await;
    assert_whole(gateway.stream(&streamed()).await).await;

    for hedges in 1..=AT_FIRST {
        let (client, request) = (gateway.client.clone(), gateway.chat(&streamed()));
        let asking = tokio::spawn(async move { Events::of(client.send(request).await) });
        a.until(|counts| counts.requests == 1 + hedges).await;
        skip(Duration::from_secs(3)).await;
        assert_whole(soon(asking).await.unwrap()).await;
        // Exactly one answer: the other attempt is called off.
        let counts = a.until(|counts| counts.cancelled == hedges).await;
        assert_eq!((counts.requests, b.requests()), (1 + hedges, hedges));
    }
    assert_eq!(gateway.metric("tradewind_hedges_total", &["backend=\"b\""]).await, AT_FIRST as f64);
    assert_eq!(gateway.metric("tradewind_hedges_won_total", &["backend=\"b\""]).await, AT_FIRST as f64);
    assert_eq!(attempts(&gateway, "a", "cancelled").await, AT_FIRST as f64);

    // The budget is spent: from now on, slow is slow.
    let (client, request) = (gateway.client.clone(), gateway.chat(&streamed()));
    let asking = tokio::spawn(async move { Events::of(client.send(request).await) });
    a.until(|counts| counts.requests == 2 + AT_FIRST).await;
    skip(Duration::from_secs(3)).await;
    permits.add_permits(1);
    assert_whole(soon(asking).await.unwrap()).await;
    assert_eq!(b.requests(), AT_FIRST);

    let records = assert_sound(gateway, 2 + AT_FIRST).await;
    let told: Vec<_> = records.iter().map(|record| (&record["backend"], &record["attempts"])).collect();
    let (a, b) = (json!("a"), json!("b"));
    let (one, two) = (json!(1), json!(2));
    assert_eq!(told, [(&a, &one), (&b, &two), (&b, &two), (&a, &one)]);
    // Both wanted to be paid.
    let tried = &records[1]["tried"];
    let of = |place: usize| (&tried[place]["backend"], &tried[place]["turnout"], &tried[place]["hedge"]);
    let (answered, called_off) = (json!("answered"), json!("called_off"));
    assert_eq!([of(0), of(1)], [(&b, &answered, &json!(true)), (&a, &called_off, &json!(false))]);
    assert_eq!(tried[0]["wasted_prompt_tokens"], json!(null));
    assert!(tried[1]["wasted_prompt_tokens"].as_u64().unwrap() > 0);
}

async fn assert_whole(events: Events) {
    let events = events.rest().await;
    assert_eq!(events.len(), 2, "{events:?}");
    assert!(events[0].contains(SAID) && events[1] == "[DONE]", "{events:?}");
}
