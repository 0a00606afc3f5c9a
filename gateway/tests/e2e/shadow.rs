//! Copies of requests go to a backend that answers nobody, and no client notices.

use http_body_util::Full;
use serde_json::{Value, json};
use tradewind::decision::{Period, Reader};
use tradewind_cloudsim::Reply;
use tradewind_policies::decision::ShadowFate;

use crate::support::{Absent, Answer, Canned, FaultServer, Gateway, Policy, Setup, Step, chat, cloud, soon, streamed};

/// Every request is copied, and nobody is paid for it.
const ALL: &str = "share = \"100%\"";
const FREE: &str = "false";
/// A thousandth of a dollar a token of input, and two a token of output.
const DEAR: &str = "{ in = 1000, out = 2000 }";

/// What operators are told of the first route's shadow, once that is so.
async fn report(gateway: &Gateway, is_so: impl Fn(&Value) -> bool) -> Value {
    soon(async {
        loop {
            let answer = gateway.admin("/shadows").await;
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            let reports: Vec<Value> = serde_json::from_str(body).unwrap();
            if let Some(report) = reports.into_iter().find(|report| is_so(report)) {
                return report;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

fn with_pairs(pairs: u64) -> impl Fn(&Value) -> bool {
    move |report| report["pairs"] == pairs
}

#[tokio::test]
async fn a_copy_is_compared_with_what_the_client_gets() {
    let (a, s) = (cloud([]).await, cloud([]).await);
    let policy = Policy::in_turn([a.base_url()]).shadowed(s.base_url(), "share = \"100%\", max_cost_per_day = \"$5\"", DEAR);
    let gateway = Gateway::start(&policy).await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    assert_eq!(gateway.stream(&streamed()).await.rest().await.last().unwrap(), "[DONE]");
    let report = report(&gateway, with_pairs(2)).await;
    assert_eq!((&report["route"], &report["backend"]), (&json!("to-chat"), &json!("s")));
    assert_eq!((&report["succeeded"], &report["failed"], &report["mean_length_ratio"]), (&json!(2), &json!(0), &json!(1.0)));
    assert!(report["total_s"]["shadow"]["median"].as_f64().unwrap() > 0.0, "{report}");
    assert!(report["first_token_s"]["primary"]["median"].as_f64().unwrap() > 0.0, "a stream has one: {report}");
    for number in 0..2 {
        assert_eq!(s.request(number).await.body, a.request(number).await.body, "a copy is the same to the byte");
    }
    let metric = |name: &'static str, labels: &'static [&str]| gateway.metric(name, labels);
    assert_eq!(metric("tradewind_shadow_requests_total", &["route=\"to-chat\"", "outcome=\"sent\""]).await, 2.0);
    assert_eq!(metric("tradewind_shadow_requests_total", &["outcome=\"succeeded\""]).await, 2.0);
    let cost = metric("tradewind_shadow_cost_nano_usd_total", &["backend=\"s\""]).await;
    assert_eq!((cost > 0.0, &report["spent_today_nano_usd"]), (true, &json!(cost as u64)));
    assert_eq!(metric("tradewind_shadow_budget_left_nano_usd", &["route=\"to-chat\""]).await, 5e9 - cost);
    assert_eq!(metric("tradewind_cost_nano_usd_total", &[]).await, 0.0, "no client's answer cost anything");
    assert_eq!(metric("tradewind_requests_total", &[]).await, 2.0);
    for record in gateway.stop().await {
        assert_eq!((&record["shadow"], &record["backend"], &record["attempts"]), (&json!("s"), &json!("a"), &json!(1)));
        assert_eq!((&record["cost_nano_usd"], &record["tried"].as_array().unwrap().len()), (&json!(null), &1), "{record}");
    }
}

#[tokio::test]
async fn the_client_gets_its_bytes_however_the_shadow_fares() {
    let whole = "{\"id\":\"1\",  \"odd\" : 1.50,\n\"choices\":[]}\n";
    let events = ": hello\n\ndata:{\"choices\":[]}\r\n\r\ndata: [DONE]\n\n";
    for (body, bytes, kind) in [(chat(), whole, "application/json"), (streamed(), events, "text/event-stream")] {
        // It hangs for as long as it is let, and no client waits for it; neither does the end of the gateway.
        let hanging = FaultServer::always(vec![Step::Hang]).await;
        let resetting = FaultServer::always(vec![Step::Reset]).await;
        let failing = cloud([Reply::status(500)]).await;
        let refusing = cloud([Reply::status(400)]).await;
        let absent = Absent::new();
        let urls = [hanging.base_url(), resetting.base_url(), failing.base_url(), refusing.base_url(), absent.base_url()];
        for (number, url) in urls.into_iter().enumerate() {
            let upstream = Canned::start(kind, bytes).await;
            let gateway = Gateway::start(&Policy::in_turn([upstream.base_url()]).shadowed(url, ALL, FREE)).await;
            let answer = Answer::of(gateway.client.send(gateway.chat(&body)).await).await;
            assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, bytes.as_bytes()), "{number}");
            if number == 0 {
                hanging.until(|counts| counts.requests == 1).await;
            } else {
                report(&gateway, |report| report["failed"] == 1).await;
            }
            let record = gateway.stop_after_one().await;
            assert_eq!(
                (&record["shadow"], &record["attempts"], &record["outcome"]),
                (&json!("s"), &json!(1), &json!("completed"))
            );
        }
        hanging.until(|counts| counts.cancelled == 1).await;
    }
}

#[tokio::test]
async fn what_a_tenant_s_data_may_not_reach_gets_no_copy() {
    let (a, s) = (cloud([]).await, cloud([]).await);
    let tenant = "[tenant.acme]\nallow = [\"*\"]\nresidency = [\"EU\"]";
    let policy = Policy::in_turn([a.base_url()]).first_has("jurisdictions = [\"DE\"]").shadowed(s.base_url(), ALL, FREE);
    let gateway = Gateway::start(&policy.with(tenant)).await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    let refused = gateway.metric("tradewind_shadow_requests_total", &["outcome=\"not_eligible\""]).await;
    assert_eq!((refused, s.requests().len()), (1.0, 0));
    let (record, decision) = gateway
        .stop_and(|audit| {
            let mut reader = Reader::open(&audit.with_file_name("decisions"), Period::default()).unwrap();
            (crate::support::records(audit).remove(0), reader.next().unwrap().unwrap())
        })
        .await;
    assert_eq!(record["shadow"], json!(null));
    let shadow = decision.shadow.unwrap();
    assert_eq!((shadow.backend.as_str(), shadow.fate), ("s", ShadowFate::NotEligible));
}

#[tokio::test]
async fn no_more_is_spent_on_copies_in_a_day_than_the_policy_grants_whoever_restarts_the_gateway() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("state");
    let (a, s) = (cloud([]).await, cloud([]).await);
    let setup = || {
        let keys = "share = \"100%\", max_cost_per_day = \"$1\"";
        let path = path.clone();
        let policy = Policy::in_turn([a.base_url()]).shadowed(s.base_url(), keys, DEAR);
        Setup::new(&policy).with(|settings| settings.home = path)
    };
    let gateway = setup().start().await;
    let mut asked = 0_u64;
    while gateway.metric("tradewind_shadow_requests_total", &["outcome=\"over_cap\""]).await == 0.0 {
        asked += 1;
        assert!(asked < 1000, "a dollar is used up in the end");
        assert_eq!(gateway.ask(&chat()).await.status, 200);
        // One at a time, so that all that was set aside is settled.
        report(&gateway, |report| report["pairs"] == report["requests"]["sent"]).await;
    }
    let spent = gateway.metric("tradewind_shadow_cost_nano_usd_total", &[]).await;
    assert!(spent > 0.0 && spent <= 1e9, "{spent}");
    assert_eq!(s.requests().len() as u64, asked - 1, "the client of the last was answered, and no copy was sent");
    gateway.stop().await;
    let gateway = setup().start().await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    assert_eq!(gateway.metric("tradewind_shadow_requests_total", &["outcome=\"over_cap\""]).await, 1.0);
    gateway.stop().await;
}

#[tokio::test]
async fn embeddings_are_compared_by_their_angles() {
    let (a, s) = (cloud([]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()]).shadowed(s.base_url(), ALL, FREE)).await;
    for format in ["float", "base64"] {
        let body = json!({ "model": "embed", "input": ["wind", "rain"], "encoding_format": format });
        let request = gateway.request("POST", "/v1/embeddings").body(Full::from(body.to_string())).unwrap();
        assert_eq!(Answer::of(gateway.client.send(request).await).await.status, 200);
    }
    let report = report(&gateway, with_pairs(2)).await;
    assert!((report["similarity"]["min"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{report}");
    gateway.stop().await;
}

#[tokio::test]
async fn what_is_stored_at_a_provider_is_not_copied() {
    let (a, s) = (cloud([]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()]).shadowed(s.base_url(), ALL, FREE)).await;
    let mut body = chat();
    body["store"] = true.into();
    assert_eq!(gateway.ask(&body).await.status, 200);
    let stored = gateway.metric("tradewind_shadow_requests_total", &["outcome=\"stored\""]).await;
    assert_eq!((stored, s.requests().len()), (1.0, 0));
    gateway.stop().await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_no_copy_with_it() {
    let a = FaultServer::always(vec![Step::Hang]).await;
    let s = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()]).shadowed(s.base_url(), ALL, FREE)).await;
    let asking = gateway.client.send(gateway.chat(&chat()));
    tokio::select! {
        _ = asking => panic!("nobody answers"),
        _ = a.until(|counts| counts.requests == 1) => {}
    }
    let report = report(&gateway, |report| report["without_pair"] == 1).await;
    assert_eq!((&report["succeeded"], &report["pairs"]), (&json!(1), &json!(0)));
    gateway.stop().await;
}
