//! The order of the stack: who is refused by which layer, and what the layers above still see of it.

use std::{
    convert::Infallible,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use futures_util::stream;
use http::Request;
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use serde_json::json;
use tradewind::auth::{Clock, DevClaims};
use tradewind_cloudsim::{Gate, Reply};

use crate::support::{Answer, Gateway, Http, Policy, Setup, chat, cloud, request, streamed};

/// Two hours ago.
struct Earlier;

impl Clock for Earlier {
    fn unix_seconds(&self) -> u64 {
        SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() - 7200
    }
}

fn asking(token: &str, model: &str) -> Request<Full<Bytes>> {
    let mut body = chat();
    body["model"] = model.into();
    let request = request("POST", "/v1/chat/completions").header("authorization", format!("Bearer {token}"));
    request.body(Full::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn a_denied_request_is_audited_and_counted_with_its_reason_and_reaches_no_upstream() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    let claims = DevClaims {
        tenant: "acme".parse().unwrap(),
        models: vec!["*".to_owned()],
        subject: "tester".to_owned(),
        lifetime: Duration::from_secs(3600),
    };
    let expired = gateway.issuer().mint(&claims, &Earlier).unwrap();
    let narrow = gateway.token_for(&["embed"]);
    let anonymous = request("POST", "/v1/chat/completions").body(Full::from(chat().to_string())).unwrap();
    let mut twofold = asking(&gateway.token, "chat");
    twofold.headers_mut().insert("x-api-key", "sk-other".parse().unwrap());
    let expected = [
        (anonymous, 401, "invalid_api_key", "missing_credential"),
        (asking(&expired, "chat"), 401, "invalid_api_key", "token_expired"),
        (twofold, 400, "invalid_request", "several_credentials"),
        (asking(&narrow, "chat"), 403, "model_not_allowed", "model_not_allowed"),
        // Whether a model exists is told only to those who may use that name.
        (asking(&narrow, "nonsense"), 403, "model_not_allowed", "model_not_allowed"),
        (asking(&gateway.token, "nonsense"), 404, "model_not_found", "model_not_found"),
    ];
    let mut reasons = Vec::new();
    for (request, status, code, reason) in expected {
        let answer = Answer::of(gateway.client.send(request).await).await;
        assert_eq!(answer.refusal(), (status, code.to_owned()));
        assert_eq!(
            answer.headers.contains_key("www-authenticate"),
            matches!(reason, "missing_credential" | "token_expired" | "several_credentials")
        );
        reasons.push((answer.header("x-request-id").to_owned(), status, reason));
    }
    for (status, count) in [(401, 2.0), (403, 2.0), (404, 1.0)] {
        assert_eq!(gateway.metric("tradewind_requests_total", &[&format!("status=\"{status}\"")]).await, count, "{status}");
    }
    assert!(sim.requests().is_empty());
    let records = gateway.stop().await;
    assert_eq!(records.len(), reasons.len());
    for (record, (id, status, reason)) in records.iter().zip(reasons) {
        assert_eq!(
            (&record["request_id"], &record["status"], &record["reason"], &record["decision"], &record["outcome"]),
            (&json!(id), &json!(status), &json!(reason), &json!("denied"), &json!("failed"))
        );
    }
}

#[tokio::test]
async fn the_body_of_a_stranger_is_never_read() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    for http in [Http::One, Http::Two] {
        // A body that is announced and never sent: whoever waits for it waits for ever.
        let nothing = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
        let announced = request("POST", "/v1/chat/completions").header("content-length", "1000");
        let answer = Answer::of(gateway.client.speaking(http).send(announced.body(nothing).unwrap()).await).await;
        assert_eq!(answer.refusal(), (401, "invalid_api_key".to_owned()), "{http:?}");
    }
}

#[tokio::test]
async fn a_stream_holds_its_place_until_it_ends_and_who_is_one_too_many_is_counted() {
    let gate = Gate::closed();
    let sim = cloud([Reply::Gated(gate.clone())]).await;
    let setup = Setup::new(&Policy::in_turn([sim.base_url()]));
    let gateway = setup.with(|settings| settings.requests.in_flight = 1.try_into().unwrap()).start().await;
    gate.pass(2);
    let mut events = gateway.stream(&streamed()).await;
    events.next().await.unwrap();
    assert_eq!(gateway.metric("tradewind_requests_in_flight", &[]).await, 1.0);

    let shed = gateway.ask(&chat()).await;
    assert_eq!(shed.refusal(), (503, "overloaded".to_owned()));
    assert_eq!(shed.header("retry-after"), "1");
    assert_eq!(gateway.metric("tradewind_requests_total", &["status=\"503\""]).await, 1.0);

    gate.open();
    assert_eq!(events.rest().await.last().unwrap(), "[DONE]");
    assert_eq!(gateway.metric("tradewind_requests_in_flight", &[]).await, 0.0);
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    assert_eq!(gateway.metric("tradewind_requests_total", &["status=\"200\"", "outcome=\"completed\""]).await, 2.0);
    let shed = &gateway.stop().await[0];
    assert_eq!((&shed["decision"], &shed["reason"]), (&json!("denied"), &json!("overloaded")));
}

#[tokio::test]
async fn the_list_of_models_holds_what_the_caller_may_use_and_asks_no_upstream() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()]).with("[alias]\n\"gpt-4o\" = \"chat\"")).await;
    for (grants, expected) in [
        (&["*"][..], &["chat", "embed", "gpt-4o"][..]),
        (&["gpt-4o"], &["gpt-4o"]),
        (&["chat"], &["chat", "gpt-4o"]),
        (&["nothing"], &[]),
    ] {
        let token = format!("Bearer {}", gateway.token_for(grants));
        let list = request("GET", "/v1/models").header("authorization", token).body(Full::default()).unwrap();
        let answer = Answer::of(gateway.client.send::<Full<Bytes>>(list).await).await.json();
        let names: Vec<_> = answer["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
        assert_eq!(names, expected, "{grants:?}");
    }
    assert!(sim.requests().is_empty());
}

#[tokio::test]
async fn a_model_is_not_asked_for_what_it_does_not_do() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    let answer = Answer::of(gateway.client.send(asking(&gateway.token, "embed")).await).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
    assert_eq!(answer.json()["error"]["param"], "model");
    assert!(sim.requests().is_empty());
}
