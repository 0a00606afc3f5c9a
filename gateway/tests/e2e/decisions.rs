//! The decision log says what happened: why each request went where it went, and what came of it.

use std::{os::unix::fs::PermissionsExt, sync::Arc, time::Duration};

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tradewind::decision::{Period, Reader, segments};
use tradewind_cloudsim::{Behaviour, CloudKind, Ended, Gate, Reply, Sim};
use tradewind_policies::{
    decision::{AttemptOutcome, Decision, Outcome},
    select::{Reason, Turn},
};

use crate::support::{
    Answer, Events, FaultServer, Gateway, Policy, Setup, Step, chat, cloud, fault_server::streamed_answer, skip, soon, streamed,
};

/// Shuts the gateway down and reads its log.
async fn decisions(gateway: Gateway) -> Vec<Decision> {
    gateway
        .stop_and(|audit| {
            let reader = Reader::open(&audit.with_file_name("decisions"), Period::default()).unwrap();
            reader.map(|read| read.unwrap_or_else(|bad| panic!("{bad}"))).collect()
        })
        .await
}

async fn the_decision(gateway: Gateway) -> Decision {
    let [decision] = decisions(gateway).await.try_into().unwrap();
    decision
}

fn tried(decision: &Decision) -> Vec<(&str, Turn, AttemptOutcome)> {
    decision.attempts.iter().map(|made| (made.backend.as_str(), made.turn, made.outcome)).collect()
}

fn names(decision: &Decision) -> Vec<&str> {
    decision.candidates.iter().map(|candidate| candidate.backend.as_str()).collect()
}

#[tokio::test]
async fn a_granted_request_is_recorded_with_every_candidate_and_without_a_word_of_it() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::side_by_side([a.base_url(), b.base_url()])).await;
    let answer = gateway.ask(&chat()).await;
    let id = answer.header("x-request-id").to_owned();
    let (decision, text) = gateway
        .stop_and(|audit| {
            let [segment] = segments(&audit.with_file_name("decisions")).unwrap().try_into().unwrap();
            assert_eq!(std::fs::metadata(&segment.path).unwrap().permissions().mode() & 0o777, 0o600);
            let text = std::fs::read_to_string(&segment.path).unwrap();
            (Decision::from_line(text.as_bytes()).unwrap(), text)
        })
        .await;
    assert!(!text.contains("wind"), "{text}");
    assert_eq!((decision.id.as_str(), decision.tenant.as_str(), decision.asked.as_str()), (id.as_str(), "acme", "chat"));
    assert_eq!((decision.route.as_deref(), decision.model.as_deref()), (Some("to-chat"), Some("chat")));
    assert_eq!(names(&decision), ["a", "b"]);
    assert!(decision.candidates.iter().all(|candidate| candidate.score.is_some() && candidate.removed.is_none()));
    let [made] = decision.attempts.as_slice() else { panic!("{decision:?}") };
    assert_eq!((made.turn, made.outcome), (Turn::First, AttemptOutcome::Answered));
    assert!(made.probability > 0.0 && made.probability <= 1.0, "{made:?}");
    assert_eq!(decision.chosen.as_ref(), Some(&made.backend));
    let chosen = decision.candidates.iter().find(|candidate| candidate.backend == made.backend).unwrap();
    assert!((chosen.score.unwrap().total() - made.predicted_s).abs() < 1e-5, "{decision:?}");
    assert!(made.first_token_s.unwrap() <= made.total_s && made.begun_s + made.total_s <= decision.total_s, "{made:?}");
    let served = if made.backend == "a" { &a } else { &b };
    assert_eq!(served.requests().len(), 1);
    assert_eq!(decision.usage.unwrap().completion_tokens, answer.json()["usage"]["completion_tokens"].as_u64().unwrap());
    assert_eq!((decision.status, decision.outcome, decision.error), (200, Outcome::Completed, None));
}

#[tokio::test]
async fn a_refused_request_is_recorded_with_the_reason_and_a_stranger_s_is_not() {
    let a = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
    let mut body = chat();
    body["model"] = "nosuch".into();
    assert_eq!(gateway.ask(&body).await.status.as_u16(), 404);
    let stranger = crate::support::request("POST", "/v1/chat/completions").body(Full::from(chat().to_string())).unwrap();
    assert_eq!(Answer::of(gateway.client.send(stranger).await).await.status.as_u16(), 401);
    let decision = the_decision(gateway).await;
    assert_eq!((decision.asked.as_str(), decision.route.as_deref(), decision.chosen.as_deref()), ("nosuch", None, None));
    assert!(decision.candidates.is_empty() && decision.attempts.is_empty());
    assert_eq!((decision.status, decision.outcome), (404, Outcome::Failed));
    assert_eq!(decision.error.as_deref(), Some("model_not_found"));
}

#[tokio::test]
async fn a_failover_is_recorded_attempt_by_attempt() {
    let (a, b) = (cloud([Reply::status(500)]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
    assert_eq!(gateway.stream(&streamed()).await.rest().await.last().unwrap(), "[DONE]");
    let decision = the_decision(gateway).await;
    let expected = [("a", Turn::First, AttemptOutcome::Failed), ("b", Turn::Again, AttemptOutcome::Answered)];
    assert_eq!(tried(&decision), expected);
    let [first, second] = decision.attempts.as_slice() else { panic!("{decision:?}") };
    assert!(first.first_token_s.is_none() && first.begun_s + first.total_s <= second.begun_s + 1e-3, "{decision:?}");
    assert_eq!((first.reason, second.reason), (Reason::Only, Reason::Only));
    assert_eq!(decision.candidates.iter().map(|candidate| candidate.tier).collect::<Vec<_>>(), [0, 1]);
    assert!(decision.streamed && decision.first_token_s.unwrap() >= second.begun_s, "{decision:?}");
    assert_eq!((decision.chosen.as_deref(), decision.status), (Some("b"), 200));
}

#[tokio::test]
async fn what_was_left_out_at_the_moment_of_the_choice_is_recorded_with_the_reason() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let policy = Policy::side_by_side([a.base_url(), b.base_url()]).first_has("drained = true");
    let gateway = Gateway::start(&policy).await;
    gateway.ask(&chat()).await;
    let decision = the_decision(gateway).await;
    let removed = decision.candidates.iter().map(|candidate| candidate.removed.map(|removed| removed.reason.as_str()));
    assert_eq!(removed.collect::<Vec<_>>(), [Some("drained"), None]);
    assert_eq!(decision.attempts[0].reason, Reason::Only);
}

#[tokio::test]
async fn a_hedge_is_recorded_with_the_attempt_that_it_overtook() {
    let never = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&never);
    let a = FaultServer::start(move |number| {
        if number == 0 { streamed_answer() } else { [vec![Step::Await(Arc::clone(&held))], streamed_answer()].concat() }
    })
    .await;
    let b = FaultServer::always(streamed_answer()).await;
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
    gateway.stream(&streamed()).await.rest().await;
    let (client, request) = (gateway.client.clone(), gateway.chat(&streamed()));
    let asking = tokio::spawn(async move { Events::of(client.send(request).await) });
    a.until(|counts| counts.requests == 2).await;
    skip(Duration::from_secs(3)).await;
    soon(asking).await.unwrap().rest().await;
    let [_, hedged] = decisions(gateway).await.try_into().unwrap();
    let expected = [("a", Turn::First, AttemptOutcome::CalledOff), ("b", Turn::Hedge, AttemptOutcome::Answered)];
    assert_eq!(tried(&hedged), expected);
    let [slow, quick] = hedged.attempts.as_slice() else { panic!("{hedged:?}") };
    assert!(slow.first_token_s.is_none() && quick.begun_s > slow.begun_s + slow.predicted_s * 0.5, "{hedged:?}");
    assert_eq!(hedged.chosen.as_deref(), Some("b"));
}

#[tokio::test]
async fn an_answer_that_goes_on_elsewhere_is_recorded_with_both_halves() {
    let behaviour = Behaviour { answer: ["one", " two", " three", " four"].map(String::from).into(), ..Behaviour::default() };
    let a = Sim::start_cloud(CloudKind::Vllm, behaviour.clone()).await.unwrap();
    let b = Sim::start_cloud(CloudKind::Vllm, behaviour).await.unwrap();
    a.script([Reply::EndAfter { events: 3 }]);
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "sk-sim").unwrap();
    let backend = |name: &str, url: String| {
        format!(
            "[backend.{name}]\nprovider = \"vllm\"\nbase_url = \"{url}\"\nsecret = \"file:{}\"\nprobe = false\nmetrics = false\n\
             models.chat = {{ name = \"sim-chat\", weights = \"w\" }}\n",
            key.display()
        )
    };
    let text = format!(
        "version = 1\n{}{}[[route]]\nname = \"to-chat\"\nmatch = {{ model = \"chat\" }}\ntiers = [[\"a\"], [\"b\"]]\nmidstream = \"continue\"\n",
        backend("a", a.base_url()),
        backend("b", b.base_url()),
    );
    let gateway = Setup::of_text(&text).keeping(folder).start().await;
    // The comment at the seam is for people, not for the tests' reader of events.
    assert_eq!(gateway.ask(&streamed()).await.status.as_u16(), 200);
    let decision = the_decision(gateway).await;
    let expected = [("a", Turn::First, AttemptOutcome::BrokenOff), ("b", Turn::Again, AttemptOutcome::Answered)];
    assert_eq!(tried(&decision), expected);
    assert_eq!(decision.attempts.iter().map(|made| made.continues).collect::<Vec<_>>(), [false, true]);
    assert!(decision.attempts[0].first_token_s.is_some());
    assert_eq!((decision.chosen.as_deref(), decision.outcome), (Some("a"), Outcome::Completed));
}

#[tokio::test]
async fn a_client_that_leaves_is_recorded_with_what_had_come_by_then() {
    let gate = Gate::closed();
    let a = cloud([Reply::Gated(gate.clone())]).await;
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
    gate.pass(2);
    let mut events = gateway.stream(&streamed()).await;
    events.next().await.unwrap();
    drop(events);
    assert_eq!(soon(a.ended(0)).await, Ended::Disconnected);
    let decision = the_decision(gateway).await;
    assert_eq!(tried(&decision), [("a", Turn::First, AttemptOutcome::CalledOff)]);
    assert!(decision.attempts[0].first_token_s.is_some() && decision.usage.unwrap().estimated, "{decision:?}");
    assert_eq!((decision.status, decision.outcome), (200, Outcome::ClientClosed));
}

fn asking(gateway: &Gateway) -> Request<Full<bytes::Bytes>> {
    let mut request = gateway.chat(&chat());
    request.headers_mut().insert("x-tradewind-decision", "?1".parse().unwrap());
    request
}

#[tokio::test]
async fn those_that_ask_and_may_are_told_in_a_header_also_where_nothing_is_recorded() {
    for (tenants, share, is_told) in [("acme", "0%", true), ("ac*", "100%", true), ("other", "100%", false)] {
        let (a, b) = (cloud([Reply::status(500)]).await, cloud([]).await);
        let policy = Policy::in_turn([a.base_url(), b.base_url()]);
        let setup = Setup::new(&policy).with(|settings| {
            settings.decisions.header_tenants = vec![tenants.parse().unwrap()];
            settings.decisions.share = share.parse().unwrap();
        });
        let gateway = setup.start().await;
        assert!(gateway.ask(&chat()).await.headers.get("x-tradewind-decision").is_none(), "it did not ask");
        a.script([Reply::status(500)]);
        let answer = Answer::of(gateway.client.send(asking(&gateway)).await).await;
        let told = answer.headers.get("x-tradewind-decision").map(|told| told.to_str().unwrap().to_owned());
        assert_eq!(told.is_some(), is_told, "{tenants}");
        if let Some(told) = told {
            assert!(told.starts_with("policy=") && told.contains("; route=to-chat; chosen=b; candidates=a:"), "{told}");
            assert!(told.ends_with("; attempts=a:failed b:answered"), "{told}");
        }
        let recorded = if share == "0%" { 0 } else { 2 };
        assert_eq!(decisions(gateway).await.len(), recorded, "{share}");
    }
}

fn body_of(response: &str) -> Value {
    serde_json::from_str(response.split_once("\r\n\r\n").unwrap().1).unwrap_or_else(|error| panic!("{error}: {response}"))
}

#[tokio::test]
async fn operators_are_told_why_a_request_went_where_it_went() {
    let a = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
    let id = gateway.ask(&chat()).await.header("x-request-id").to_owned();
    let told = gateway.admin(&format!("/explain/{id}")).await;
    assert_eq!((&body_of(&told)["id"], &body_of(&told)["chosen"]), (&json!(id), &json!("a")));
    let text = gateway.operate("GET", &format!("/explain/{id}"), "accept: text/plain\r\n").await;
    assert!(text.contains("tier 1  a  ") && text.contains("answer 200 from a: complete"), "{text}");
    let unknown = gateway.admin("/explain/req_0190f5fe7c2d7e4b9a7c1d2e3f405162").await;
    assert!(unknown.starts_with("HTTP/1.1 404") && unknown.contains("does not have req_0190f5fe7c2d"), "{unknown}");
    let odd = gateway.admin("/explain/me").await;
    assert!(odd.starts_with("HTTP/1.1 400") && odd.contains("`me` is no request's id; accepted is"), "{odd}");
    let wrong = gateway.operate("POST", &format!("/explain/{id}"), "").await;
    assert!(wrong.starts_with("HTTP/1.1 405"), "{wrong}");
}

#[tokio::test]
async fn operators_are_told_where_a_request_would_go() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
    let ask = |body: &'static str| {
        let headers = format!("content-length: {}\r\n\r\n{body}", body.len());
        let gateway = &gateway;
        async move { gateway.operate("POST", "/explain", &headers).await }
    };
    let told = body_of(&ask("{\"model\":\"chat\",\"tenant\":\"acme\",\"prompt_tokens\":2000}").await);
    assert_eq!((&told["route"], &told["draw"][0]["backend"]), (&json!("to-chat"), &json!("a")));
    assert_eq!(told["candidates"].as_array().unwrap().len(), 2);
    gateway.operate("POST", "/backends/a/drain", "").await;
    let told = body_of(&ask("{\"model\":\"chat\",\"tenant\":\"acme\"}").await);
    assert_eq!((&told["candidates"][0]["removed"]["reason"], &told["draw"][0]["backend"]), (&json!("drained"), &json!("b")));
    let nobody = body_of(&ask("{\"model\":\"nosuch\",\"tenant\":\"acme\"}").await);
    assert_eq!(nobody["refused"], "model `nosuch` does not exist");
    let typo = ask("{\"modle\":\"chat\",\"tenant\":\"acme\"}").await;
    assert!(typo.starts_with("HTTP/1.1 400") && typo.contains("unknown field `modle`, expected one of"), "{typo}");
    let page = gateway.operate("POST", "/explain", "origin: https://evil.example\r\n").await;
    assert!(page.starts_with("HTTP/1.1 403"), "{page}");
    assert!(a.requests().is_empty() && b.requests().is_empty());
}

#[tokio::test]
async fn what_several_answers_are_predicted_to_cost_is_told_before_and_recorded_after() {
    let a = cloud([]).await;
    let prices = "[prices]\ndate = 2026-11-01\n[prices.openai]\nsim-chat = { in = 1000, out = 2000 }";
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()]).with(prices)).await;
    // A token of the prompt costs a tenth of a cent, one of an answer two: of each answer, ten are expected, for there may be no more.
    let answered = 3 * 10 * 2_000_000;
    let asked = "{\"model\":\"chat\",\"tenant\":\"acme\",\"prompt_tokens\":7,\"max_output_tokens\":10,\"answers\":3}";
    let headers = format!("content-length: {}\r\n\r\n{asked}", asked.len());
    let told = body_of(&gateway.operate("POST", "/explain", &headers).await);
    assert_eq!(told["candidates"][0]["price_nano_usd"], 7 * 1_000_000 + answered);
    let mut body = chat();
    body["max_tokens"] = 10.into();
    body["n"] = 3.into();
    assert_eq!(gateway.ask(&body).await.status, 200);
    let decision = the_decision(gateway).await;
    assert_eq!((decision.answers, decision.expected_output_tokens as u64), (Some(3), 10));
    assert_eq!(decision.candidates[0].price_nano_usd, Some(decision.prompt_tokens * 1_000_000 + answered));
}

#[tokio::test]
async fn a_log_that_cannot_be_written_costs_no_request_anything_and_is_counted() {
    let a = cloud([]).await;
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("decisions");
    std::fs::write(&place, "no folder").unwrap();
    let setup = Setup::new(&Policy::in_turn([a.base_url()])).with(|settings| settings.decisions.dir = Some(place));
    let gateway = setup.keeping(folder).start().await;
    for _ in 0..3 {
        assert_eq!(gateway.ask(&chat()).await.status.as_u16(), 200);
    }
    // Asking for one has the log written first.
    let told = gateway.admin("/explain/req_0190f5fe7c2d7e4b9a7c1d2e3f405162").await;
    assert!(told.starts_with("HTTP/1.1 500"), "{told}");
    let disk = gateway.metric("tradewind_decision_records_total", &["result=\"disk\""]).await;
    let written = gateway.metric("tradewind_decision_records_total", &["result=\"written\""]).await;
    assert_eq!((disk, written), (3.0, 0.0));
}
