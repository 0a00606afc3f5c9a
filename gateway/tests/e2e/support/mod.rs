//! What the tests are made of: a running gateway, clients for it, and upstreams to put behind it.

mod answer;
mod canned;
mod client;
mod clouds;
mod fault_h2;
pub(crate) mod fault_server;
mod gateway;
mod multiplexed;
mod own_server;
mod policy;

use std::{future::Future, time::Duration};

use serde_json::{Value, json};
use tradewind_cloudsim::{Behaviour, Reply, Sim};

pub(crate) use self::{
    answer::{Answer, Events},
    canned::{Absent, Canned},
    client::{Client, Http},
    clouds::{Cloud, Clouds},
    fault_h2::{H2FaultServer, OnStream},
    fault_server::{Blackhole, FaultServer, SAID, Step},
    gateway::{Gateway, Record, Setup, mint, records, request},
    multiplexed::{End, Multiplexed},
    own_server::OwnServer,
    policy::Policy,
};

/// How long to wait for what is bound to happen. It only bounds the wait of a test that fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits for what is bound to happen.
pub(crate) async fn soon<F: Future>(what: F) -> F::Output {
    tokio::time::timeout(PATIENCE, what).await.expect("what a test waits for has to happen")
}

/// Lets the clock of this process go forward at once: what is due by then happens.
pub(crate) async fn skip(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// A simulated cloud that follows a script, and after it does everything right.
pub(crate) async fn cloud(script: impl IntoIterator<Item = Reply>) -> Sim {
    let sim = Sim::start(Behaviour::default()).await.unwrap();
    sim.script(script);
    sim
}

/// A chat request whose answer comes whole.
pub(crate) fn chat() -> Value {
    json!({ "model": "chat", "messages": [{ "role": "user", "content": "Where does the wind blow from?" }] })
}

/// A chat request whose answer comes as events.
pub(crate) fn streamed() -> Value {
    let mut body = chat();
    body["stream"] = true.into();
    body
}

/// The answer of a [`cloud`] to every chat.
pub(crate) const ANSWER: &str = "The wind blows from the east.";
