//! Backends that fail, and clients that leave, in every way the gateway promises to survive: one test each, and one sentence after all of them.
//!
//! The numbers are those of the list of faults that the gateway is judged by. Whatever happened, it must still be ready, must hold nothing for
//! requests that have ended, and must have written one audit record for each: [`assert_sound`].
//!
//! Where time has to pass for something to happen, the clock is [moved](skip) and nobody waits.

mod breaking_off;
mod connecting;
mod failing;
mod hedging;
mod leaving;
mod limiting;
mod multiplexing;
mod returning;
mod slowness;
mod talking_nonsense;

use std::collections::HashSet;

use serde_json::Value;

use crate::support::{Gateway, Policy, skip, soon};

/// No second attempt beside a slow one: on a busy machine everybody is slow.
const ALONE: &str = "hedge = false";

/// Upstreams in this order, each attempt on its own.
fn in_turn(urls: impl IntoIterator<Item = String>) -> Policy {
    Policy::in_turn(urls).default(ALONE)
}

/// The same, in whatever order the gateway likes.
fn side_by_side(urls: impl IntoIterator<Item = String>) -> Policy {
    Policy::side_by_side(urls).default(ALONE)
}

/// How many attempts at this backend ended so.
async fn attempts(gateway: &Gateway, backend: &str, outcome: &str) -> f64 {
    let labels = [format!("backend=\"{backend}\""), format!("outcome=\"{outcome}\"")];
    gateway.metric("tradewind_attempts_total", &labels.each_ref().map(String::as_str)).await
}

/// Waits until no request is being served.
async fn idle(gateway: &Gateway) {
    soon(async {
        while gateway.metric("tradewind_requests_in_flight", &[]).await != 0.0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// What has to hold after every fault: the gateway is ready, serves nobody any more, and each of so many requests has one audit record. Returns
/// the records.
async fn assert_sound(gateway: Gateway, requests: usize) -> Vec<Value> {
    idle(&gateway).await;
    assert!(gateway.admin("/readyz").await.starts_with("HTTP/1.1 200"));
    assert_eq!(gateway.metric("tradewind_requests_total", &[]).await, requests as f64);
    let records = gateway.stop().await;
    let ids: HashSet<_> = records.iter().map(|record| record["request_id"].as_str().unwrap()).collect();
    assert_eq!((records.len(), ids.len()), (requests, requests), "{records:?}");
    records
}

/// The same, after a single request.
async fn assert_sound_after_one(gateway: Gateway) -> Value {
    assert_sound(gateway, 1).await.remove(0)
}

/// The code of an error event.
fn error_code(event: &str) -> String {
    let event: Value = serde_json::from_str(event).unwrap();
    event["error"]["code"].as_str().unwrap_or_else(|| panic!("{event}")).to_owned()
}
