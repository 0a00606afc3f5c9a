//! Clients that go away, once and ten thousand times.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::{runtime::Handle, task::JoinSet};

use super::{assert_sound_after_one, attempts, idle, in_turn};
use crate::support::{
    Client, Events, FaultServer, Gateway, Http, Step, cloud,
    fault_server::{event, events_head},
    soon, streamed,
};

#[tokio::test]
async fn row_23_a_client_that_leaves_amid_a_stream_calls_the_upstream_off() {
    for http in [Http::One, Http::Two] {
        let a = FaultServer::always(vec![events_head(), Step::Send(event("The")), Step::Hang]).await;
        let b = cloud([]).await;
        let gateway = Gateway::start(&in_turn([a.base_url(), b.base_url()])).await;
        let mut events = Events::of(gateway.client.speaking(http).send(gateway.chat(&streamed())).await);
        assert!(events.next().await.unwrap().contains("The"));
        assert_eq!(a.counts().cancelled, 0, "{http:?}");
        drop(events);
        // Nothing else would end it: no time limit is near.
        a.until(|counts| counts.cancelled == 1 && counts.open == 0).await;
        assert_eq!(attempts(&gateway, "a", "failure").await, 0.0, "{http:?}");
        assert!(b.requests().is_empty(), "{http:?}");
        let record = assert_sound_after_one(gateway).await;
        assert_eq!((&record["outcome"], &record["backend"]), (&json!("client_closed"), &json!("a")), "{http:?}");
        // What it had by then was made, and has its price.
        assert_eq!((&record["completion_tokens"], &record["tokens_estimated"]), (&json!(1), &json!(true)), "{http:?}");
        assert!(record["prompt_tokens"].as_u64().unwrap() > 0, "{http:?}");
    }
}

/// How many leave.
const LEAVING: usize = 10_000;
/// Of whom so many are there at once.
const AT_ONCE: usize = 32;
/// And so many places there are: one that is not given back is missed in the end.
const PLACES: &str = "concurrency = 32";
/// So many leave before the first count: buffers and pools have their size then.
const BEFORE: usize = 1_000;

/// Memory that may be added by then, for fragments and histograms: a few kilobytes for each who left would be more.
const GROWTH: usize = 32 * 1024 * 1024;

/// When a client leaves.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// While it waits, after it had been given the processor so many times.
    Waiting(u32),
    /// With the head of the response.
    WithHead,
    /// Within the body.
    AmidStream,
}

impl Leaves {
    fn draw(rng: &mut StdRng) -> Self {
        match rng.random_range(0..3) {
            0 => Self::Waiting(rng.random_range(0..60)),
            1 => Self::WithHead,
            _ => Self::AmidStream,
        }
    }
}

/// What this process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    files: usize,
    tasks: usize,
    memory: usize,
}

impl Held {
    fn now() -> Self {
        const PAGE: usize = 4096;
        let files = std::fs::read_dir("/proc/self/fd").unwrap().count();
        let pages: usize = std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        Self { files, tasks: Handle::current().metrics().num_alive_tasks(), memory: pages * PAGE }
    }
}

/// Whether this test has the process to itself, so that what the process holds is what the test holds. Nextest says so; `cargo test` runs others
/// beside it.
fn is_alone() -> bool {
    std::env::var("NEXTEST_EXECUTION_MODE").is_ok_and(|mode| mode == "process-per-test")
}

/// Waits until all that served those who left is gone, and then counts.
async fn held_when_all_are_gone(gateway: &Gateway, upstream: &FaultServer) -> Held {
    idle(gateway).await;
    upstream.until(|counts| counts.open == 0).await;
    // Connections to the gateway end in tasks of their own.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    Held::now()
}

#[tokio::test]
async fn no_leak_after_ten_thousand_disconnects() {
    let upstream = FaultServer::always(vec![events_head(), Step::Send(event("The")), Step::Hang]).await;
    let gateway = Gateway::start(&in_turn([upstream.base_url()]).first_has(PLACES)).await;
    let mut rng = StdRng::seed_from_u64(23);
    leave(&gateway, &mut rng, BEFORE).await;
    let before = held_when_all_are_gone(&gateway, &upstream).await;
    leave(&gateway, &mut rng, LEAVING - BEFORE).await;
    let after = held_when_all_are_gone(&gateway, &upstream).await;
    assert!(after.tasks <= before.tasks, "{before:?}, {after:?}");
    if is_alone() {
        assert!(after.files <= before.files, "{before:?}, {after:?}");
        assert!(after.memory < before.memory + GROWTH, "{before:?}, {after:?}");
    }

    // Every place is free.
    let mut streams = Vec::new();
    for _ in 0..AT_ONCE {
        streams.push(gateway.stream(&streamed()).await);
    }
    drop(streams);
    held_when_all_are_gone(&gateway, &upstream).await;
    let ended = gateway.metric("tradewind_requests_total", &[]).await;
    let records = gateway.stop().await;
    assert_eq!(records.len() as f64, ended);
    assert!(records.len() > LEAVING / 2, "{}", records.len());
}

/// So many clients leave: some with a connection of their own, most on one that they share.
async fn leave(gateway: &Gateway, rng: &mut StdRng, times: usize) {
    let mut shared = connect(&gateway.client).await;
    let mut clients = JoinSet::new();
    for number in 0..times {
        if shared.is_closed() || number % 500 == 0 {
            shared = connect(&gateway.client).await;
        }
        let (request, when) = (gateway.chat(&streamed()), Leaves::draw(rng));
        match rng.random_range(0..5) {
            0 => clients.spawn(leave_alone(gateway.client.clone(), request, when)),
            _ => clients.spawn(leave_shared(shared.clone(), request, when)),
        };
        if clients.len() >= AT_ONCE {
            soon(clients.join_next()).await.unwrap().unwrap();
        }
    }
    while let Some(left) = soon(clients.join_next()).await {
        left.unwrap();
    }
}

async fn leave_alone(client: Client, request: Request<Full<Bytes>>, when: Leaves) {
    unless_it_leaves(when, async {
        let response = client.send(request).await;
        if let Leaves::AmidStream = when
            && response.status() == 200
        {
            Events::of(response).next().await;
        }
    })
    .await;
}

async fn leave_shared(mut connection: SendRequest<Full<Bytes>>, request: Request<Full<Bytes>>, when: Leaves) {
    unless_it_leaves(when, async {
        // The gateway may have had enough of a connection on which so much is called off.
        let Ok(response) = connection.send_request(request).await else { return };
        if let Leaves::AmidStream = when
            && response.status() == 200
        {
            Events::of(response).next().await;
        }
    })
    .await;
}

/// Lets a client do what it wants, or leave before.
async fn unless_it_leaves(when: Leaves, acting: impl Future<Output = ()>) {
    let Leaves::Waiting(turns) = when else { return acting.await };
    let leaving = async {
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = acting => {}
        () = leaving => {}
    }
}

async fn connect(client: &Client) -> SendRequest<Full<Bytes>> {
    let stream = TokioIo::new(soon(client.speaking(Http::Two).connect()).await.unwrap());
    let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    tokio::spawn(connection);
    sender
}
