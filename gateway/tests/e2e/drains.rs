//! A backend takes no new request in the windows that the policy schedules.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use tradewind::credential::Clock;
use tradewind_policies::decision::Moment;

use crate::support::{Gateway, Policy, Setup, chat, cloud};

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

/// Seconds since 1970 that a test sets.
#[derive(Clone)]
struct Hands(Arc<AtomicU64>);

impl Hands {
    fn clock(&self) -> Clock {
        let hands = self.clone();
        Clock::from_fn(move || SystemTime::UNIX_EPOCH + Duration::from_secs(hands.0.load(Ordering::Relaxed)))
    }

    fn turn_to(&self, rfc3339: &str) {
        self.0.store(rfc3339.parse::<Moment>().unwrap().micros() / 1_000_000, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_drain_begins_and_ends_while_the_gateway_runs() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let policy = Policy::in_turn([a.base_url(), b.base_url()])
        .first_has("drained = [{ from = 2026-12-01T22:00:00Z, until = 2026-12-02T02:00:00Z }]");
    let hands = Hands(Arc::default());
    hands.turn_to("2026-12-01T21:59:59Z");
    let gateway = Setup::new(&policy).by(hands.clock()).start().await;
    let (mut of_a, mut of_b) = (0, 0);
    for (time, is_drained) in [
        ("2026-12-01T21:59:59Z", false),
        ("2026-12-01T22:00:00Z", true),
        ("2026-12-02T01:59:59Z", true),
        ("2026-12-02T02:00:00Z", false),
    ] {
        hands.turn_to(time);
        assert_eq!(gateway.ask(&chat()).await.status, 200);
        if is_drained {
            of_b += 1
        } else {
            of_a += 1
        }
        assert_eq!((a.requests().len(), b.requests().len()), (of_a, of_b), "{time}");
        let by = if is_drained { json!(["policy"]) } else { json!([]) };
        assert_eq!(told(&gateway).await["drained_by"], by, "{time}");
        let drained = gateway.metric("tradewind_backend_drained", &["backend=\"a\""]).await;
        assert!((drained - f64::from(u8::from(is_drained))).abs() < 1e-9, "{time}: {drained}");
    }
}
