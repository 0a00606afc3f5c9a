//! A backend takes no new request in the windows that the policy schedules.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tradewind_policies::decision::Moment;

use crate::support::{Gateway, Policy, chat, cloud};

/// So many hours from now.
fn hours(count: i64) -> Moment {
    let span = Duration::from_hours(count.unsigned_abs());
    let now = SystemTime::now();
    Moment::from(if count < 0 { now - span } else { now + span })
}

/// The key with windows that begin and end so many hours from now.
fn drained(windows: &[(i64, i64)]) -> &'static str {
    let window = |(from, until): &(i64, i64)| format!("{{ from = {}, until = {} }}", hours(*from), hours(*until));
    format!("drained = [{}]", windows.iter().map(window).collect::<Vec<_>>().join(", ")).leak()
}

/// What operators are told of backend `a`.
async fn told(gateway: &Gateway) -> Value {
    let response = gateway.admin("/backends").await;
    let all: Value = serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap();
    all.as_array().unwrap().iter().find(|backend| backend["backend"] == "a").unwrap().clone()
}

#[tokio::test]
async fn in_its_window_a_backend_takes_no_new_request() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let policy = Policy::in_turn([a.base_url(), b.base_url()]).first_has(drained(&[(-1, 1), (24, 25)]));
    let gateway = Gateway::start(&policy).await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    assert_eq!((a.requests().len(), b.requests().len()), (0, 1));
    let backend = told(&gateway).await;
    assert_eq!((&backend["drained_by"], &backend["removed"]), (&json!(["policy"]), &json!("drained")));
    assert_eq!(backend["drains"].as_array().unwrap().len(), 2);
    let metric = async |name: &str, backend: &str| gateway.metric(name, &[&format!("backend=\"{backend}\"")]).await;
    assert!((metric("tradewind_backend_drained", "a").await - 1.0).abs() < 1e-9);
    assert!(metric("tradewind_backend_drained", "b").await.abs() < 1e-9);
    let in_a_day = hours(24).micros() as f64 / 1e6;
    assert!((metric("tradewind_backend_next_drain_timestamp_seconds", "a").await - in_a_day).abs() < 60.0);
    assert!(metric("tradewind_backend_next_drain_timestamp_seconds", "b").await.abs() < 1e-9);
}

#[tokio::test]
async fn before_and_after_its_windows_it_takes_them() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let policy = Policy::in_turn([a.base_url(), b.base_url()]).first_has(drained(&[(-2, -1), (1, 2)]));
    let gateway = Gateway::start(&policy).await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    assert_eq!((a.requests().len(), b.requests().len()), (1, 0));
    assert_eq!(told(&gateway).await["drained_by"], json!([]));
}
