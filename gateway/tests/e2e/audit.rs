//! The audit log of a running gateway: every request once, with its tokens, in a chain that verifies, or no service.

use serde_json::{Value, json};
use tradewind::{audit::verify, config::ByteSize};
use tradewind_cloudsim::Reply;

use crate::support::{Answer, Gateway, Policy, Setup, chat, cloud, records, request, soon, streamed};

#[tokio::test]
async fn every_request_is_recorded_once_in_a_chain_that_verifies() {
    let sim = cloud([Reply::Normal, Reply::Normal, Reply::Normal, Reply::status(400)]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    let mut with_usage = streamed();
    with_usage["stream_options"] = json!({ "include_usage": true });
    let mut ids = Vec::new();
    for body in [chat(), streamed(), with_usage, chat()] {
        let answer = gateway.ask(&body).await;
        ids.push(answer.header("x-request-id").to_owned());
    }
    let stranger = request("GET", "/v1/models?key=hunter2").body(http_body_util::Full::<bytes::Bytes>::default()).unwrap();
    ids.push(Answer::of(gateway.client.send(stranger).await).await.header("x-request-id").to_owned());

    let token = gateway.token.clone();
    let (records, verdict) = gateway.stop_and(|folder| (records(folder), verify(folder).unwrap())).await;
    assert_eq!((verdict.records, verdict.fault), (5, None));
    let recorded: Vec<_> = records.iter().map(|record| record["request_id"].as_str().unwrap()).collect();
    assert_eq!(recorded, ids);
    let tokens = |record: &Value| (record["prompt_tokens"].as_u64(), record["completion_tokens"].as_u64());
    let tokens: Vec<_> = records.iter().map(tokens).collect();
    assert_eq!(tokens, [(Some(6), Some(7)), (Some(6), Some(7)), (Some(6), Some(7)), (None, None), (None, None)]);
    for (field, value) in [
        ("tenant", json!("acme")),
        ("subject", json!("tester")),
        ("issuer", json!("tradewind-dev")),
        ("operation", json!("chat")),
        ("method", json!("POST")),
        ("path", json!("/v1/chat/completions")),
        ("model", json!("chat")),
        ("route", json!("to-chat")),
        ("backend", json!("a")),
        ("decision", json!("granted")),
        ("reason", Value::Null),
        ("status", json!(200)),
        ("outcome", json!("completed")),
        ("attempts", json!(1)),
        ("hedges", json!(0)),
        ("client", json!("127.0.0.1")),
    ] {
        assert_eq!(records[0][field], value, "{field}");
    }
    assert!(records[0]["token_id"].is_string() && records[0]["policy"].is_string(), "{records:?}");
    assert_eq!((&records[4]["path"], &records[4]["tenant"]), (&json!("/v1/models"), &Value::Null));
    let text = Value::from(records).to_string();
    for secret in ["blow", token.as_str(), "sk-sim", "hunter2"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn what_cannot_be_recorded_is_not_served() {
    let sim = cloud([]).await;
    // Every record begins a segment, so that taking the folder away is felt at the next one.
    let setup = Setup::new(&Policy::in_turn([sim.base_url()])).with(|settings| settings.audit.segment_size = ByteSize(1));
    let gateway = setup.start().await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    let (folder, away) = (gateway.audit_dir(), gateway.audit_dir().with_extension("away"));
    std::fs::rename(&folder, &away).unwrap();
    let refused = soon(async {
        loop {
            let answer = gateway.ask(&chat()).await;
            if answer.status != 200 {
                return answer;
            }
        }
    })
    .await;
    assert_eq!(refused.refusal(), (503, "audit_unavailable".to_owned()));
    assert!(gateway.admin("/readyz").await.starts_with("HTTP/1.1 503"));
    let served = sim.requests().len();

    std::fs::rename(&away, &folder).unwrap();
    soon(async { while gateway.ask(&chat()).await.status != 200 {} }).await;
    assert!(gateway.admin("/readyz").await.starts_with("HTTP/1.1 200"));
    let (records, verdict) = gateway.stop_and(|folder| (records(folder), verify(folder).unwrap())).await;
    assert_eq!(verdict.fault, None);
    // What was served has its record, also where the disk failed meanwhile; what was refused reached nobody.
    assert_eq!(records.len(), served + 1);
}
