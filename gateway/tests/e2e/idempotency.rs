//! Requests with an `Idempotency-Key`: executed once, whoever asks again and whenever.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tradewind::auth::{DevClaims, SystemClock};
use tradewind_cloudsim::{Ended, Gate, Reply};

use crate::support::{ANSWER, Answer, Events, Gateway, Http, Policy, Setup, chat, cloud, soon, streamed};

/// A request with a key and a good token.
fn keyed(gateway: &Gateway, key: &str, body: &Value) -> Request<Full<Bytes>> {
    let mut request = gateway.chat(body);
    request.headers_mut().insert("idempotency-key", key.parse().unwrap());
    request
}

async fn ask(gateway: &Gateway, key: &str, body: &Value) -> Answer {
    Answer::of(gateway.client.send(keyed(gateway, key, body)).await).await
}

async fn stream(gateway: &Gateway, key: &str) -> Events {
    Events::of(gateway.client.send(keyed(gateway, key, &streamed())).await)
}

fn is_replay(answer: &Answer) -> bool {
    answer.headers.contains_key("idempotency-replayed")
}

#[tokio::test]
async fn two_who_ask_at_once_and_one_who_asks_later_get_the_answer_of_one_execution() {
    for http in [Http::One, Http::Two] {
        let gate = Gate::closed();
        let sim = cloud([Reply::Gated(gate.clone())]).await;
        let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
        let client = gateway.client.speaking(http);
        let (one, two) = (client.send(keyed(&gateway, "k", &chat())), client.send(keyed(&gateway, "k", &chat())));
        let opened = async {
            soon(sim.request(0)).await;
            let joined = async || gateway.metric("tradewind_idempotency_requests_total", &["outcome=\"joined\""]).await;
            soon(async { while joined().await < 1.0 {} }).await;
            gate.open();
        };
        let (one, two, ()) = tokio::join!(one, two, opened);
        let (one, two) = (Answer::of(one).await, Answer::of(two).await);
        let later = ask(&gateway, "k", &chat()).await;
        assert_eq!(later.content(), ANSWER, "{http:?}");
        assert_eq!((&one.body, &two.body), (&later.body, &later.body), "{http:?}");
        assert!(is_replay(&later) && is_replay(&one) != is_replay(&two), "{http:?}");
        assert_eq!(sim.requests().len(), 1, "{http:?}");
        assert_eq!(sim.request(0).await.header("idempotency-key"), None, "{http:?}");
        assert_eq!(gateway.metric("tradewind_idempotency_stored_answers", &[]).await, 1.0, "{http:?}");

        // Each has a record of its own, which names the one that was executed.
        let executed = if is_replay(&one) { two } else { one };
        let executed = executed.header("x-request-id").to_owned();
        let records = gateway.stop().await;
        assert_eq!(records.len(), 3, "{http:?}");
        for record in records {
            let first = record["request_id"] == executed.as_str();
            let expected = if first { (json!(null), json!(1), json!("a")) } else { (json!(executed), json!(0), json!(null)) };
            assert_eq!((&record["replay_of"], &record["attempts"], &record["backend"]), (&expected.0, &expected.1, &expected.2));
            assert_eq!((&record["outcome"], &record["reason"]), (&json!("completed"), &json!(null)), "{http:?}");
        }
    }
}

#[tokio::test]
async fn a_stream_is_replayed_from_its_beginning_while_it_goes_on_and_byte_by_byte_later() {
    let gate = Gate::closed();
    let sim = cloud([Reply::Gated(gate.clone())]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    gate.pass(2);
    let mut first = stream(&gateway, "k").await;
    let mut begun = vec![first.next().await.unwrap(), first.next().await.unwrap()];
    let mut second = stream(&gateway, "k").await;
    assert_eq!(second.headers["idempotency-replayed"], "true");
    assert_eq!(vec![second.next().await.unwrap(), second.next().await.unwrap()], begun);
    gate.open();
    let rest = first.rest().await;
    assert_eq!(second.rest().await, rest);
    assert_eq!(rest.last().unwrap(), "[DONE]");

    begun.extend(rest);
    let later = ask(&gateway, "k", &streamed()).await;
    assert!(is_replay(&later));
    assert_eq!(later.header("content-type"), "text/event-stream");
    let written: String = begun.iter().map(|event| format!("data: {event}\n\n")).collect();
    assert_eq!(later.body, written);
    assert_eq!(sim.requests().len(), 1);
}

#[tokio::test]
async fn the_stream_goes_on_when_the_first_client_leaves_and_is_cancelled_when_the_last_does() {
    for last_stays in [true, false] {
        let gate = Gate::closed();
        let sim = cloud([Reply::Gated(gate.clone())]).await;
        let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
        gate.pass(2);
        let mut first = stream(&gateway, "k").await;
        first.next().await.unwrap();
        let mut second = stream(&gateway, "k").await;
        second.next().await.unwrap();
        drop(first);
        soon(async { while gateway.metric("tradewind_requests_in_flight", &[]).await > 1.0 {} }).await;
        if last_stays {
            gate.open();
            assert_eq!(second.rest().await.last().unwrap(), "[DONE]");
            assert_eq!(soon(sim.ended(0)).await, Ended::Completed);
        } else {
            drop(second);
            assert_eq!(soon(sim.ended(0)).await, Ended::Disconnected);
        }
        assert_eq!(sim.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_key_belongs_to_its_caller_and_a_replay_is_authorized_like_any_request() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    let token = |tenant: &str, subject: &str, model: &str| {
        let claims = DevClaims {
            tenant: tenant.parse().unwrap(),
            models: vec![model.to_owned()],
            subject: subject.to_owned(),
            lifetime: Duration::from_secs(3600),
        };
        gateway.issuer().mint(&claims, &SystemClock).unwrap()
    };
    let ask = async |token: &str| {
        let mut request = keyed(&gateway, "k", &chat());
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        Answer::of(gateway.client.send(request).await).await
    };
    for (tenant, subject) in [("acme", "tester"), ("acme", "somebody"), ("other", "tester")] {
        let token = token(tenant, subject, "*");
        assert!(!is_replay(&ask(&token).await), "{tenant} {subject}");
        assert!(is_replay(&ask(&token).await), "{tenant} {subject}");
    }
    assert_eq!(ask(&token("acme", "tester", "embed")).await.refusal(), (403, "model_not_allowed".to_owned()));
    assert_eq!(sim.requests().len(), 3);
}

#[tokio::test]
async fn a_key_for_another_body_and_what_is_no_key_are_refused() {
    let sim = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    assert_eq!(ask(&gateway, "k", &chat()).await.status, 200);
    let refused = ask(&gateway, "k", &streamed()).await;
    assert_eq!(refused.refusal(), (422, "idempotency_key_reused".to_owned()));
    assert_eq!(refused.json()["error"]["param"], "Idempotency-Key");
    let mut twice = keyed(&gateway, "k", &chat());
    twice.headers_mut().append("idempotency-key", "l".parse().unwrap());
    for request in [twice, keyed(&gateway, "a key", &chat()), keyed(&gateway, &"k".repeat(256), &chat())] {
        let refused = Answer::of(gateway.client.send(request).await).await;
        assert_eq!(refused.refusal(), (400, "invalid_request".to_owned()));
        assert_eq!(refused.json()["error"]["param"], "Idempotency-Key");
    }
    assert_eq!(sim.requests().len(), 1);
}

#[tokio::test]
async fn what_failed_is_executed_anew() {
    let sim = cloud([Reply::status(500), Reply::status(400), Reply::ResetAfter { events: 2 }]).await;
    let gateway = Gateway::start(&Policy::in_turn([sim.base_url()])).await;
    for status in [502, 400] {
        let answer = ask(&gateway, "k", &streamed()).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let broken = stream(&gateway, "k").await.rest().await;
    assert!(broken.last().unwrap().contains("stream_interrupted"), "{broken:?}");
    let whole = ask(&gateway, "k", &streamed()).await;
    assert!(!is_replay(&whole) && whole.body.ends_with(b"data: [DONE]\n\n"), "{whole:?}");
    assert_eq!(sim.requests().len(), 4);
}

#[tokio::test]
async fn an_answer_is_kept_for_so_long_and_an_answer_that_is_too_large_is_not() {
    let sim = cloud([]).await;
    let setup = Setup::new(&Policy::in_turn([sim.base_url()]));
    let gateway = setup.with(|settings| settings.idempotency.ttl = Duration::from_millis(200)).start().await;
    ask(&gateway, "k", &chat()).await;
    soon(async { while is_replay(&ask(&gateway, "k", &chat()).await) {} }).await;
    assert_eq!(sim.requests().len(), 2);

    let sim = cloud([]).await;
    let setup = Setup::new(&Policy::in_turn([sim.base_url()]));
    let gateway = setup.with(|settings| settings.idempotency.answer.0 = 16).start().await;
    for _ in 0..2 {
        assert_eq!(ask(&gateway, "k", &chat()).await.header("x-tradewind-idempotency"), "not-stored");
    }
    assert_eq!(sim.requests().len(), 2);
    assert_eq!(gateway.metric("tradewind_idempotency_executions_total", &["outcome=\"too_large\""]).await, 2.0);
}
