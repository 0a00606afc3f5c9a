//! What is known of backends beside their traffic: checks of their health, what they tell of their load, what an operator says of them, and
//! what was learnt before a restart.

use http::StatusCode;
use http_body_util::Full;
use serde_json::{Value, json};
use tradewind_cloudsim::{Gate, Reply};

use crate::support::{ANSWER, Answer, Events, Gateway, OwnServer, Policy, Setup, chat, cloud, soon, streamed};

/// Asks often enough for a test.
const OFTEN: &str = "probe = { every = \"100ms\" }\nmetrics = { every = \"100ms\" }";

/// A policy with these backends, asked in the order of their names here.
fn policy(backends: &[String], order: &[&str]) -> String {
    let tiers: Vec<_> = order.iter().map(|name| format!("[\"{name}\"]")).collect();
    let (backends, tiers) = (backends.concat(), tiers.join(", "));
    format!(
        "version = 1\n{backends}\n[tenant.acme]\nallow = [\"*\"]\n[[route]]\nname = \"chat\"\nmatch = {{ model = \"chat\" }}\ntiers = [{tiers}]\n"
    )
}

/// Status and body of an answer of the operators' listener.
async fn operate(gateway: &Gateway, method: &str, path: &str, headers: &str) -> (u16, Value) {
    let answer = gateway.operate(method, path, headers).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// What the gateway tells operators of the chat model at a backend.
async fn told(gateway: &Gateway, backend: &str) -> Value {
    let (status, list) = operate(gateway, "GET", "/backends", "").await;
    assert_eq!(status, 200);
    let is_it = |deployment: &&Value| deployment["backend"] == backend && deployment["model"] != "sim-embed";
    list.as_array().unwrap().iter().find(is_it).unwrap().clone()
}

async fn until_told(gateway: &Gateway, backend: &str, field: &str, value: Value) {
    soon(async {
        while told(gateway, backend).await[field] != value {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Asks, and says how many chats each server has been asked for.
async fn asked<const N: usize>(gateway: &Gateway, servers: [&OwnServer; N]) -> [usize; N] {
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    servers.map(|server| server.chats().len())
}

#[tokio::test]
async fn a_server_whose_check_fails_gets_no_requests_until_it_succeeds_again() {
    let (own, other) = (OwnServer::start().await, OwnServer::start().await);
    let backends = [own.backend("own", "vllm", OFTEN), other.backend("other", "openai", "")];
    let gateway = Setup::of_text(&policy(&backends, &["own", "other"])).start().await;
    assert_eq!(asked(&gateway, [&own, &other]).await, [1, 0]);

    own.set_health(StatusCode::SERVICE_UNAVAILABLE);
    until_told(&gateway, "own", "healthy", json!(false)).await;
    assert_eq!(told(&gateway, "own").await["removed"], "its health check fails");
    assert_eq!(asked(&gateway, [&own, &other]).await, [1, 1]);

    own.set_health(StatusCode::OK);
    until_told(&gateway, "own", "healthy", json!(true)).await;
    assert_eq!(asked(&gateway, [&own, &other]).await, [2, 1]);
    assert!(own.pages().iter().all(|headers| !headers.contains_key("authorization")));
    // What is not the operator's own is never asked.
    assert!(other.pages().is_empty());
}

#[tokio::test]
async fn checks_come_and_go_with_the_policy() {
    let own = OwnServer::start().await;
    own.set_health(StatusCode::SERVICE_UNAVAILABLE);
    let with = |lines| policy(&[own.backend("own", "vllm", lines)], &["own"]);
    let gateway = Setup::of_text(&with(OFTEN)).start().await;
    until_told(&gateway, "own", "healthy", json!(false)).await;
    gateway.write_policy_text(&with("probe = false"));
    // Nobody asks any more, so nothing is held against it.
    until_told(&gateway, "own", "healthy", json!(true)).await;
    gateway.write_policy_text(&with("probe = { path = \"/health\", every = \"150ms\" }"));
    until_told(&gateway, "own", "healthy", json!(false)).await;
    // It is the only one, so it is tried all the same.
    assert_eq!(asked(&gateway, [&own]).await, [1]);
}

#[tokio::test]
async fn what_others_ask_of_a_server_is_known() {
    let own = OwnServer::start().await;
    own.set_metrics("vllm:num_requests_running{model_name=\"chat\"} 5.0\nvllm:num_requests_waiting{model_name=\"chat\"} 2.0\n");
    let gateway = Setup::of_text(&policy(&[own.backend("own", "vllm", OFTEN)], &["own"])).start().await;
    until_told(&gateway, "own", "shared_with", json!(7.0)).await;
    own.set_metrics("vllm:num_requests_running 0\n");
    until_told(&gateway, "own", "shared_with", json!(0.0)).await;
}

#[tokio::test]
async fn a_drained_backend_gets_no_requests_and_loses_no_stream() {
    let gate = Gate::closed();
    let (a, b) = (cloud([Reply::Gated(gate.clone())]).await, cloud([]).await);
    let policy = Policy::in_turn([a.base_url(), b.base_url()]);
    let gateway = Gateway::start(&policy).await;
    gate.pass(2);
    let mut running = Events::of(gateway.client.send(gateway.chat(&streamed())).await);
    running.next().await.unwrap();

    let (status, list) = operate(&gateway, "POST", "/backends/a/drain", "").await;
    assert_eq!((status, list.as_array().unwrap().len()), (200, 2), "{list}");
    let a_told = told(&gateway, "a").await;
    assert_eq!(
        (&a_told["drained_by"], &a_told["removed"], &a_told["in_flight"]),
        (&json!(["operator"]), &json!("drained"), &json!(1))
    );
    assert_eq!(told(&gateway, "b").await["drained_by"], json!([]));
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    assert_eq!((a.requests().len(), b.requests().len()), (1, 1));

    // It stays out when the policy changes, also in what that touches.
    gateway.write_policy(&policy.clone().first_has("timeouts = { connect = \"4s\" }"));
    until_told(&gateway, "a", "in_flight", json!(0)).await;
    assert_eq!(told(&gateway, "a").await["drained_by"], json!(["operator"]));
    gate.open();
    assert_eq!(running.rest().await.last().unwrap(), "[DONE]");

    assert_eq!(operate(&gateway, "POST", "/backends/a/undrain", "").await.0, 200);
    assert_eq!(told(&gateway, "a").await["removed"], Value::Null);
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    assert_eq!((a.requests().len(), b.requests().len()), (2, 1));
}

#[tokio::test]
async fn what_the_policy_drains_no_order_brings_back() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()]).first_has("drained = true")).await;
    operate(&gateway, "POST", "/backends/a/drain", "").await;
    assert_eq!(told(&gateway, "a").await["drained_by"], json!(["policy", "operator"]));
    operate(&gateway, "POST", "/backends/a/undrain", "").await;
    assert_eq!(told(&gateway, "a").await["drained_by"], json!(["policy"]));
    assert_eq!(gateway.ask(&chat()).await.refusal(), (503, "service_unavailable".to_owned()));
}

#[tokio::test]
async fn orders_are_given_by_nobody_else_and_in_no_other_way() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    for (method, path, headers, status) in [
        ("POST", "/backends/a/drain", "origin: https://evil.example\r\n", 403),
        ("POST", "/backends/z/drain", "", 404),
        ("GET", "/backends/a/drain", "", 405),
        ("POST", "/backends", "", 405),
        ("GET", "/backends/a", "", 404),
    ] {
        assert_eq!(operate(&gateway, method, path, headers).await.0, status, "{method} {path}");
    }
    assert_eq!(told(&gateway, "a").await["drained_by"], json!([]));
}

#[tokio::test]
async fn a_server_of_the_operators_own_is_told_how_long_its_answer_is_waited_for() {
    let (own, other) = (OwnServer::start().await, OwnServer::start().await);
    for (server, provider) in [(&own, "vllm"), (&other, "openai")] {
        let gateway = Setup::of_text(&policy(&[server.backend("it", provider, "")], &["it"])).start().await;
        let request = gateway.request("POST", "/v1/chat/completions").header("x-tradewind-deadline-ms", "25000");
        let request = request.body(Full::from(chat().to_string())).unwrap();
        assert_eq!(Answer::of(gateway.client.send(request).await).await.content(), ANSWER);
    }
    let deadline = |server: &OwnServer| server.chats()[0].get("x-tradewind-deadline-ms").cloned();
    let left: u64 = deadline(&own).unwrap().to_str().unwrap().parse().unwrap();
    assert!((1..=25_000).contains(&left), "{left}");
    assert_eq!(deadline(&other), None);
}

#[tokio::test]
async fn what_was_learnt_is_known_after_a_restart_and_doubted() {
    let (sim, folder) = (cloud([]).await, tempfile::tempdir().unwrap());
    let home = folder.path().join("home");
    let policy = Policy::in_turn([sim.base_url()]);
    let start = || Setup::new(&policy).with(|settings| settings.home.clone_from(&home)).start();

    let gateway = start().await;
    let unknown = told(&gateway, "a").await["first_token"].clone();
    for _ in 0..5 {
        gateway.stream(&streamed()).await.rest().await;
    }
    let learnt = told(&gateway, "a").await["first_token"].clone();
    assert_ne!(learnt["idle"], unknown["idle"]);
    gateway.stop().await;

    let gateway = start().await;
    let recalled = told(&gateway, "a").await;
    let difference = recalled["first_token"]["idle"].as_f64().unwrap() - learnt["idle"].as_f64().unwrap();
    assert!(difference.abs() < 1e-6, "{recalled} {learnt}");
    assert_eq!(recalled["heard"], Value::Null);
    assert!(recalled["first_token"]["variance"].as_f64() > learnt["variance"].as_f64(), "{recalled} {learnt}");
    gateway.stop().await;

    // Without traffic nothing is forgotten, and a file that is damaged stops nobody.
    let file = home.join("learnt.json");
    assert!(std::fs::read_to_string(&file).unwrap().contains("\"backend\": \"a\""));
    std::fs::write(&file, "{\"version\": 1, \"deployments\": [{\"backend\": 7}]}").unwrap();
    let gateway = start().await;
    assert_eq!(told(&gateway, "a").await["first_token"], unknown);
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
}
