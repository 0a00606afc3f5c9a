//! A canary that fails is given up, and no client sees it.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::Value;
use tempfile::TempDir;
use tradewind::{
    config::Settings,
    decision::{Period, Reader},
};
use tradewind_policies::{canary::Arm, decision::Decision};

use crate::support::{ANSWER, Answer, FaultServer, Gateway, Policy, Setup, chat, cloud, fault_server::answer, soon};

const CANARY: &str = "canary = { backend = \"b\", share = \"50%\", abort_if = \"error_rate > 10%\" }";

fn of_session(gateway: &Gateway, session: usize) -> Request<Full<Bytes>> {
    let mut request = gateway.chat(&chat());
    request.headers_mut().insert("x-tradewind-session", session.into());
    request
}

/// One request of each of so many sessions, all of which are answered.
async fn ask(gateway: &Gateway, sessions: usize) {
    for session in 0..sessions {
        let answer = Answer::of(gateway.client.send(of_session(gateway, session)).await).await;
        assert_eq!((answer.status.as_u16(), answer.content().as_str()), (200, ANSWER), "{session}");
    }
}

fn json(response: &str) -> Value {
    serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// What operators are told of the canary of the chat route.
async fn told(gateway: &Gateway) -> Value {
    let all = json(&gateway.admin("/canaries").await);
    all.as_array().unwrap().iter().find(|canary| canary["route"] == "to-chat").unwrap().clone()
}

async fn start(policy: &Policy, home: &TempDir) -> Gateway {
    Setup::new(policy).with(|settings| settings.home = home.path().join("home")).start().await
}

#[tokio::test]
async fn a_canary_that_fails_is_given_up_for_good_and_no_client_sees_it() {
    let (a, b) = (cloud([]).await, FaultServer::always(answer(500, "", "")).await);
    let policy = Policy::in_turn([a.base_url(), b.base_url()]).routes_have(CANARY);
    let home = tempfile::tempdir().unwrap();
    let gateway = start(&policy, &home).await;
    assert_eq!(told(&gateway).await["state"], "running");
    ask(&gateway, 120).await;

    let canary = told(&gateway).await;
    assert_eq!((&canary["state"], &canary["aborted"]["by"]), (&"aborted".into(), &"condition".into()), "{canary}");
    let reason = canary["aborted"]["reason"].as_str().unwrap();
    assert!(reason.starts_with("error_rate > 10%: 100.0% over 20 requests of the last 10m"), "{reason}");
    assert_eq!(canary["counts"][0]["control"]["errors"], 0);
    assert!((gateway.metric("tradewind_canary_aborted", &["route=\"to-chat\""]).await - 1.0).abs() < 1e-9);
    assert!((gateway.metric("tradewind_canary_aborted", &["route=\"to-embed\""]).await).abs() < 1e-9);
    for (arm, errors) in [("arm=\"canary\"", 20.0), ("arm=\"control\"", 0.0)] {
        let counted = gateway.metric("tradewind_canary_errors_total", &["route=\"to-chat\"", arm]).await;
        assert!((counted - errors).abs() < 1e-9, "{arm}: {counted}");
    }
    let asked = b.requests();
    ask(&gateway, 40).await;
    assert_eq!(b.requests(), asked, "nobody goes to a canary that was given up");
    gateway.stop().await;

    let gateway = start(&policy, &home).await;
    assert_eq!(told(&gateway).await["aborted"], canary["aborted"], "a restart does not resume it");
    ask(&gateway, 40).await;
    assert_eq!(b.requests(), asked);
    let resumed = json(&gateway.operate("POST", "/canaries/to-chat/resume", "").await);
    assert_eq!(resumed[0]["state"], "running");
    ask(&gateway, 10).await;
    assert!(b.requests() > asked, "an operator does");
    gateway.stop().await;
}

#[tokio::test]
async fn decisions_and_operators_tell_the_arm_of_a_request() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()]).routes_have(CANARY)).await;
    ask(&gateway, 20).await;
    let (before, aborted) = (b.requests().len(), gateway.operate("POST", "/canaries/to-chat/abort", "").await);
    assert_eq!(json(&aborted)[0]["aborted"]["by"], "operator");
    ask(&gateway, 20).await;
    assert_eq!((a.requests().len() + before, b.requests().len()), (40, before));
    assert!((1..20).contains(&before), "{before}");
    assert!(gateway.operate("POST", "/canaries/nowhere/abort", "").await.contains("404"));
    assert!(gateway.operate("POST", "/canaries/to-chat/resume", "origin: http://evil\r\n").await.contains("403"));

    let decisions: Vec<Decision> = gateway
        .stop_and(|audit| {
            let reader = Reader::open(&audit.with_file_name("decisions"), Period::default()).unwrap();
            reader.map(|read| read.unwrap()).collect()
        })
        .await;
    assert_eq!(decisions.len(), 40);
    let of_canary = decisions.iter().filter(|decision| decision.arm == Some(Arm::Canary)).count();
    assert_eq!(of_canary, before);
    for decision in &decisions {
        let chosen = decision.chosen.as_deref().unwrap();
        assert_eq!(decision.arm.unwrap() == Arm::Canary, chosen == "b", "{decision:?}");
        assert!((decision.attempts[0].probability - 1.0).abs() < 1e-9, "{decision:?}");
    }
}

#[tokio::test]
async fn who_asks_how_its_request_was_decided_is_told_the_arm_where_there_is_a_canary() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let told = async |policy: Policy, session: usize| {
        let may = |settings: &mut Settings| settings.decisions.header_tenants = vec!["acme".parse().unwrap()];
        let gateway = Setup::new(&policy).with(may).start().await;
        let mut request = of_session(&gateway, session);
        request.headers_mut().insert("x-tradewind-decision", "?1".parse().unwrap());
        Answer::of(gateway.client.send(request).await).await.header("x-tradewind-decision").to_owned()
    };
    let policy = || Policy::in_turn([a.base_url(), b.base_url()]);
    let mut arms = [0, 0];
    for session in 0..12 {
        let told = told(policy().routes_have(CANARY), session).await;
        let canary = told.contains("; route=to-chat; arm=canary; chosen=b; ");
        assert!(canary || told.contains("; route=to-chat; arm=control; chosen=a; "), "{told}");
        arms[usize::from(canary)] += 1;
    }
    assert!(arms.iter().all(|sessions| *sessions > 0), "{arms:?}");
    assert!(!told(policy(), 0).await.contains("arm="));
}

#[tokio::test]
async fn a_reload_that_leaves_the_canary_as_it_is_leaves_it_given_up_and_an_edited_one_begins_anew() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let policy = |line| Policy::in_turn([a.base_url(), b.base_url()]).routes_have(line);
    let gateway = Gateway::start(&policy(CANARY)).await;
    gateway.operate("POST", "/canaries/to-chat/abort", "").await;
    let state = async |line: &'static str, more: &str, share: &str| {
        gateway.write_policy(&policy(line).with(more));
        soon(async {
            loop {
                let (canary, backends) = (told(&gateway).await, gateway.admin("/backends").await);
                if canary["share"] == share && backends.contains("\"c\"") != more.is_empty() {
                    return canary["state"].clone();
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    };
    let backend = "[backend.c]\nprovider = \"vllm\"\nbase_url = \"http://127.0.0.1:9/v1\"\nprobe = false\nmetrics = false\nmodels.chat = {}";
    assert_eq!(state(CANARY, backend, "50%").await, "aborted");
    let edited = "canary = { backend = \"b\", share = \"60%\", abort_if = \"error_rate > 10%\" }";
    assert_eq!(state(edited, backend, "60%").await, "running");
}
