//! What a tenant's floor leaves out is never asked: not first, not again, not beside, not when all else is down; and the records say why.

use std::{path::Path, sync::Arc, time::Duration};

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tradewind::decision::{Period, Reader};
use tradewind_cloudsim::Reply;
use tradewind_policies::decision::Decision;

use crate::support::{
    ANSWER, Absent, Answer, Events, FaultServer, Gateway, Record, Setup, Step, chat, cloud, fault_server::streamed_answer, mint,
    records, skip, soon, streamed,
};

/// Two backends, of which one lies in the EU; `acme`, whose data stays there; and `free`, whose data goes anywhere.
fn policy(inside: &str, outside: &str, key: &Path) -> String {
    let key = key.display();
    format!(
        r#"version = 1
[backend.inside]
provider = "openai"
base_url = "{inside}"
secret = "file:{key}"
jurisdictions = ["DE"]
models.chat = {{ name = "sim-chat" }}
[backend.outside]
provider = "openai"
base_url = "{outside}"
secret = "file:{key}"
jurisdictions = ["US"]
models.chat = {{ name = "sim-chat" }}
models.far = {{ name = "sim-chat" }}
[tenant.acme]
allow = ["*"]
residency = ["EU"]
[tenant.free]
allow = ["*"]
[[route]]
name = "to-chat"
match = {{ model = "chat" }}
tiers = [["inside"], ["outside"]]
[[route]]
name = "to-far"
match = {{ model = "far" }}
tiers = [["outside"]]
"#
    )
}

async fn start(inside: &str, outside: &str) -> Gateway {
    Setup::of_text_with(|key| policy(inside, outside, key)).start().await
}

/// The same request, of the tenant whose data goes anywhere.
fn of_free(gateway: &Gateway, body: &Value) -> Request<Full<bytes::Bytes>> {
    let token = mint(gateway.issuer(), "free", &["*"], Duration::from_secs(3600));
    let mut request = gateway.chat(body);
    request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

/// The audit records and the decisions of all requests.
async fn told(gateway: Gateway) -> (Vec<Record>, Vec<Decision>) {
    gateway
        .stop_and(|audit| {
            let decisions = Reader::open(&audit.with_file_name("decisions"), Period::default()).unwrap();
            (records(audit), decisions.map(|read| read.unwrap_or_else(|bad| panic!("{bad}"))).collect())
        })
        .await
}

#[tokio::test]
async fn a_model_that_is_only_outside_is_refused_and_both_records_say_why() {
    let (inside, outside) = (cloud([]).await, cloud([]).await);
    let gateway = start(&inside.base_url(), &outside.base_url()).await;
    let mut far = chat();
    far["model"] = "far".into();
    let refused = gateway.ask(&far).await;
    assert_eq!(refused.refusal(), (403, "no_eligible_backend".to_owned()));
    let text = String::from_utf8(refused.body.to_vec()).unwrap();
    assert!(!text.contains("outside") && !text.contains("US"), "the caller is told no backend: {text}");
    assert!(outside.requests().is_empty());
    assert_eq!(Answer::of(gateway.client.send(of_free(&gateway, &far)).await).await.status, 200);
    assert_eq!(outside.requests().len(), 1);

    let (records, decisions) = told(gateway).await;
    let fields = ["tenant", "status", "decision", "reason", "route", "attempts", "backend"];
    let expected = json!(["acme", 403, "denied", "no_backend_by_residency", "to-far", 0, null]);
    assert_eq!(Value::from_iter(fields.map(|field| records[0][field].clone())), expected);
    let [refused, served] = decisions.as_slice() else { panic!("{decisions:?}") };
    assert_eq!((refused.status, refused.error.as_deref()), (403, Some("no_backend_by_residency")));
    assert!(refused.attempts.is_empty() && refused.chosen.is_none(), "{refused:?}");
    let [candidate] = refused.candidates.as_slice() else { panic!("{refused:?}") };
    let excluded = candidate.excluded.as_ref().unwrap();
    assert_eq!((candidate.backend.as_str(), excluded.stage.as_str()), ("outside", "residency"));
    assert!(excluded.why.contains("US") && excluded.why.contains("only EU is allowed"), "{}", excluded.why);
    assert!(excluded.place.as_ref().unwrap().contains("policy.toml:"), "{excluded:?}");
    assert_eq!(served.candidates[0].excluded, None);
}

#[tokio::test]
async fn a_failover_stays_inside() {
    for body in [chat(), streamed()] {
        let (inside, outside) = (cloud([Reply::status(500), Reply::status(500)]).await, cloud([]).await);
        let gateway = start(&inside.base_url(), &outside.base_url()).await;
        assert_eq!(gateway.ask(&body).await.refusal(), (502, "upstream_error".to_owned()));
        assert!(outside.requests().is_empty());
        // Whose data may go there is helped by it.
        assert_eq!(Answer::of(gateway.client.send(of_free(&gateway, &body)).await).await.status, 200);
        assert_eq!((inside.requests().len(), outside.requests().len()), (2, 1));
        let (records, decisions) = told(gateway).await;
        assert_eq!((&records[0]["attempts"], &records[1]["attempts"]), (&json!(1), &json!(2)));
        let stage = |decision: &Decision| decision.candidates[1].excluded.as_ref().map(|excluded| excluded.stage.clone());
        assert_eq!((stage(&decisions[0]).as_deref(), stage(&decisions[1])), (Some("residency"), None));
    }
}

#[tokio::test]
async fn when_all_inside_is_down_the_answer_is_that_and_not_one_from_outside() {
    let (inside, outside) = (Absent::new(), cloud([]).await);
    let gateway = start(&inside.base_url(), &outside.base_url()).await;
    let mut tried = 0;
    let down = loop {
        let answer = gateway.ask(&chat()).await;
        if answer.status != 502 {
            break answer;
        }
        tried += 1;
        assert!(tried < 100, "it is found to be down in the end");
    };
    assert_eq!(down.refusal(), (503, "service_unavailable".to_owned()));
    assert!(tried > 0 && outside.requests().is_empty());
    let answer = Answer::of(gateway.client.send(of_free(&gateway, &chat())).await).await;
    assert_eq!((answer.content().as_str(), outside.requests().len()), (ANSWER, 1));
}

#[tokio::test]
async fn a_second_attempt_beside_a_slow_one_stays_inside() {
    let permits = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&permits);
    let inside = FaultServer::start(move |number| match number {
        0 => streamed_answer(),
        _ => [vec![Step::Await(Arc::clone(&held))], streamed_answer()].concat(),
    })
    .await;
    let outside = FaultServer::always(streamed_answer()).await;
    let gateway = start(&inside.base_url(), &outside.base_url()).await;
    gateway.stream(&streamed()).await.rest().await;

    let (client, request) = (gateway.client.clone(), gateway.chat(&streamed()));
    let asking = tokio::spawn(async move { Events::of(client.send(request).await) });
    inside.until(|counts| counts.requests == 2).await;
    skip(Duration::from_secs(3)).await;
    permits.add_permits(1);
    assert_eq!(soon(asking).await.unwrap().rest().await.last().unwrap(), "[DONE]");
    assert_eq!((inside.requests(), outside.requests()), (2, 0));

    // As slow, for somebody whose data may go there.
    let (client, request) = (gateway.client.clone(), of_free(&gateway, &streamed()));
    let asking = tokio::spawn(async move { Events::of(client.send(request).await) });
    inside.until(|counts| counts.requests == 3).await;
    skip(Duration::from_secs(20)).await;
    assert_eq!(soon(asking).await.unwrap().rest().await.last().unwrap(), "[DONE]");
    assert_eq!(outside.requests(), 1);
    let (records, _) = told(gateway).await;
    assert_eq!(records.iter().map(|record| record["hedges"].clone()).collect::<Vec<_>>(), [0, 0, 1]);
}
