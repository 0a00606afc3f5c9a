//! The policy file is taken up as it changes, and a faulty one is not.

use std::{cell::Cell, collections::HashSet, time::Duration};

use tokio::time::{Instant, interval_at};
use tradewind_cloudsim::{Gate, Reply, Sim};
use tradewind_policies::{Policy as Parsed, SourceFile};

use crate::support::{ANSWER, Gateway, Policy, Setup, chat, cloud, soon, streamed};

/// Waits until a metric has this value.
async fn until(gateway: &Gateway, name: &str, labels: &[&str], value: f64) {
    soon(async {
        while gateway.metric(name, labels).await != value {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn until_reloaded(gateway: &Gateway, times: f64) {
    until(gateway, "tradewind_policy_reloads_total", &["result=\"ok\""], times).await;
}

#[tokio::test]
async fn a_changed_policy_takes_effect_and_running_requests_keep_the_old_one() {
    let gate = Gate::closed();
    let (a, b) = (cloud([Reply::Gated(gate.clone())]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
    gate.pass(2);
    let mut running = gateway.stream(&streamed()).await;
    running.next().await.unwrap();

    gateway.write_policy(&Policy::in_turn([b.base_url()]));
    until_reloaded(&gateway, 1.0).await;
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    assert_eq!((a.requests().len(), b.requests().len()), (1, 1));

    gate.open();
    assert_eq!(running.rest().await.last().unwrap(), "[DONE]");
    let records = gateway.stop().await;
    let served: Vec<_> = records.iter().map(|record| (&record["policy"], &record["status"])).collect();
    assert_eq!(served.len(), 2);
    assert_ne!(served[0].0, served[1].0);
    assert!(served.iter().all(|(policy, status)| policy.is_string() && **status == 200), "{served:?}");
}

#[tokio::test]
async fn what_is_taken_away_is_gone_with_the_next_request() {
    let sim = cloud([]).await;
    let policy = Policy::in_turn([sim.base_url()]);
    let gateway = Gateway::start(&policy).await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    gateway.write_policy(&policy.clone().with("[tenant.acme]\nallow = [\"embed\"]"));
    until_reloaded(&gateway, 1.0).await;
    assert_eq!(gateway.ask(&chat()).await.refusal(), (403, "model_not_allowed".to_owned()));
    gateway.write_policy(&policy.with("[tenant.other]\nallow = [\"*\"]"));
    until_reloaded(&gateway, 2.0).await;
    assert_eq!(gateway.ask(&chat()).await.refusal(), (403, "model_not_allowed".to_owned()));
}

#[tokio::test]
async fn a_broken_policy_leaves_the_old_one_in_force_and_says_so() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
    assert_eq!(gateway.metric("tradewind_policy_stale", &[]).await, 0.0);
    for (times, text) in [(1.0, "version = 1\n[backend.a"), (2.0, "version = 1\n[[route]]\nname = \"x\"\n"), (3.0, "")] {
        gateway.write_policy_text(text);
        until(&gateway, "tradewind_policy_reloads_total", &["result=\"error\""], times).await;
        assert_eq!(gateway.metric("tradewind_policy_stale", &[]).await, 1.0, "{text}");
        assert_eq!(gateway.ask(&chat()).await.content(), ANSWER, "{text}");
    }
    gateway.write_policy(&Policy::in_turn([b.base_url()]));
    until_reloaded(&gateway, 1.0).await;
    assert_eq!(gateway.metric("tradewind_policy_stale", &[]).await, 0.0);
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    assert_eq!((a.requests().len(), b.requests().len()), (3, 1));
}

#[tokio::test]
async fn a_change_during_the_start_is_not_missed() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
    // The policy was read, but on this thread nothing has had a turn to watch it.
    gateway.write_policy(&Policy::in_turn([b.base_url()]));
    until_reloaded(&gateway, 1.0).await;
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    assert_eq!((a.requests().len(), b.requests().len()), (0, 1));
}

#[tokio::test]
async fn going_back_to_the_policy_in_force_ends_the_warning() {
    let sim = cloud([]).await;
    let policy = Policy::in_turn([sim.base_url()]);
    let gateway = Gateway::start(&policy).await;
    gateway.write_policy_text("version = 1\n[backend.a");
    until(&gateway, "tradewind_policy_stale", &[], 1.0).await;
    gateway.write_policy(&policy);
    until(&gateway, "tradewind_policy_stale", &[], 0.0).await;
}

#[tokio::test]
async fn a_backend_that_stays_as_it_is_keeps_its_connections_and_what_is_known_of_it() {
    let (a, b) = (cloud([Reply::rate_limited(Duration::from_secs(60))]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    gateway.write_policy(&Policy::in_turn([a.base_url(), b.base_url()]).default("max_attempts = 2"));
    until_reloaded(&gateway, 1.0).await;
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    // `a` still cools down, and `b` is asked on the connection there was.
    assert_eq!((a.requests().len(), b.requests().len(), b.connections()), (1, 2, 1));
}

/// A policy of which every name says which one it is. Its first backend fails at times, so that the second is asked.
fn family(name: &str, key: &str, first: &Sim, second: &Sim) -> String {
    let backend = |place: u32, sim: &Sim| {
        let url = sim.base_url();
        format!(
            "[backend.{name}{place}]\nprovider = \"openai\"\nbase_url = \"{url}\"\nsecret = \"file:{key}\"\nmodels.chat = {{ name = \"sim-chat\" }}\n"
        )
    };
    let (first, second) = (backend(1, first), backend(2, second));
    format!(
        "version = 1\n{first}{second}[[route]]\nname = \"{name}\"\nmatch = {{ model = \"chat\" }}\ntiers = [[\"{name}1\"], [\"{name}2\"]]\n"
    )
}

/// The debounce of the files would take up a tenth of them, so this drives what it drives.
#[tokio::test]
async fn of_a_hundred_reloads_a_second_no_request_notices_anything() {
    const SWAPS: usize = 300;
    const CLIENTS: usize = 6;
    let failing = || (0..80).map(|turn| if turn % 8 == 0 { Reply::status(500) } else { Reply::Normal });
    let clouds = [cloud(failing()).await, cloud([]).await, cloud(failing()).await, cloud([]).await];
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(key.path(), "sk-sim").unwrap();
    let key = key.path().to_str().unwrap();
    let texts = [family("a", key, &clouds[0], &clouds[1]), family("b", key, &clouds[2], &clouds[3])];
    let policies = texts.clone().map(|text| Parsed::parse(&[SourceFile::new("policy.toml", text)]).unwrap());
    let mut swap = None;
    let take = |gateway: tradewind::gateway::Gateway| {
        swap = Some(gateway.swap().clone());
        gateway
    };
    let gateway = Setup::of_text(&texts[0]).start_as(take).await;
    let swap = swap.unwrap();

    let is_over = Cell::new(false);
    let begin = Instant::now();
    let swaps = async {
        // What is late is made up for.
        let mut ticks = interval_at(begin, Duration::from_millis(10));
        for turn in 0..SWAPS {
            ticks.tick().await;
            swap.put_in_force(policies[(turn + 1) % 2].clone()).unwrap();
        }
        is_over.set(true);
    };
    let client = async |place: usize| {
        let mut asked = 0;
        while !is_over.get() {
            if place.is_multiple_of(2) {
                assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
            } else {
                assert_eq!(gateway.stream(&streamed()).await.rest().await.last().unwrap(), "[DONE]");
            }
            asked += 1;
        }
        asked
    };
    let clients = futures_util::future::join_all((0..CLIENTS).map(client));
    let ((), asked) = futures_util::future::join(swaps, clients).await;
    println!("{SWAPS} swaps in {:?}, {} requests", begin.elapsed(), asked.iter().sum::<usize>());

    let records = gateway.stop().await;
    assert_eq!(records.len(), asked.iter().sum::<usize>());
    let names = policies.each_ref().map(|policy| policy.hash().to_string());
    let mut seen = HashSet::new();
    for record in &records {
        let place = names.iter().position(|name| record["policy"] == name.as_str()).unwrap();
        let name = ["a", "b"][place];
        assert_eq!((&record["status"], &record["route"]), (&200.into(), &name.into()), "{record}");
        let tried = record["tried"].as_array().unwrap();
        assert!(
            !tried.is_empty() && tried.iter().all(|attempt| attempt["backend"].as_str().unwrap().starts_with(name)),
            "{record}"
        );
        seen.insert((place, tried.len() > 1));
    }
    // Requests were served by each, at the first attempt and at the second.
    assert_eq!(seen.len(), 4, "{seen:?}");
}
