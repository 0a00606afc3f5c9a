//! Failover before the first byte: whatever goes wrong with one backend until then, the client gets the other's answer.

use std::time::Duration;

use serde_json::{Value, json};
use tradewind_cloudsim::{Reply, Sim};

use crate::support::{ANSWER, Absent, Canned, Gateway, Policy, chat, cloud, streamed};

/// A time limit for backends that hang. It is the first backend's alone: the second may be as slow as this machine.
const IMPATIENT: &str = "timeouts = { first_token = \"100ms\", total = \"100ms\" }";

fn rate_limited(seconds: u64) -> Reply {
    Reply::rate_limited(Duration::from_secs(seconds))
}

fn with_body(status: u16, body: &str) -> Reply {
    Reply::Status { status, headers: vec![], body: Some(body.to_owned()) }
}

/// Backend `a` at `url` fails; the client must get the answer of `b`, and the audit log must tell the story.
async fn assert_fails_over(case: &str, url: String, of_a: &'static str, body: &Value) {
    let b = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([url, b.base_url()]).first_has(of_a)).await;
    if body["stream"] == true {
        let events = gateway.stream(body).await.rest().await;
        assert_eq!(events.len(), 10, "{case}: {events:?}");
        assert_eq!(events.last().unwrap(), "[DONE]", "{case}");
    } else {
        let answer = gateway.ask(body).await;
        assert_eq!((answer.status.as_u16(), answer.content().as_str()), (200, ANSWER), "{case}");
    }
    assert_eq!(b.requests().len(), 1, "{case}");
    let record = gateway.stop_after_one().await;
    assert_eq!(
        (&record["attempts"], &record["backend"], &record["status"], &record["outcome"], &record["reason"]),
        (&json!(2), &json!("b"), &json!(200), &json!("completed"), &Value::Null),
        "{case}"
    );
}

#[tokio::test]
async fn an_upstream_that_is_not_there_leads_to_the_next() {
    for body in [chat(), streamed()] {
        let a = Absent::new();
        assert_fails_over("refused", a.base_url(), "", &body).await;
    }
}

#[tokio::test]
async fn an_upstream_that_fails_leads_to_the_next() {
    for body in [chat(), streamed()] {
        for reply in [
            Reply::status(500),
            Reply::status(503),
            Reply::status(529),
            Reply::status(408),
            rate_limited(7),
            Reply::ResetBeforeHeaders,
            Reply::ResetAfter { events: 0 },
            Reply::CloseAfter { events: 0 },
            Reply::EndAfter { events: 0 },
            // The role is no content.
            Reply::EndAfter { events: 1 },
            Reply::Html,
            Reply::Garbage,
            with_body(302, "moved"),
        ] {
            let case = format!("{reply:?}, {body}");
            let a = cloud([reply]).await;
            assert_fails_over(&case, a.base_url(), "", &body).await;
            assert_eq!(a.requests().len(), 1, "{case}");
        }
    }
}

#[tokio::test]
async fn an_upstream_that_its_operator_has_to_mend_leads_to_the_next() {
    for body in [chat(), streamed()] {
        for status in [401, 402, 403, 404] {
            let a = cloud([Reply::status(status)]).await;
            assert_fails_over(&status.to_string(), a.base_url(), "", &body).await;
        }
    }
}

#[tokio::test]
async fn an_upstream_that_hangs_leads_to_the_next() {
    for (reply, body) in [
        (Reply::HangBeforeHeaders, chat()),
        (Reply::HangBeforeFirstToken, chat()),
        (Reply::StallAfter { events: 1 }, chat()),
        (Reply::HangBeforeHeaders, streamed()),
        (Reply::HangBeforeFirstToken, streamed()),
    ] {
        let case = format!("{reply:?}, {body}");
        let a = cloud([reply]).await;
        assert_fails_over(&case, a.base_url(), IMPATIENT, &body).await;
    }
}

#[tokio::test]
async fn a_success_with_an_error_inside_is_a_failure() {
    let a = cloud([with_body(200, r#"{"error":{"message":"overloaded","code":529}}"#)]).await;
    assert_fails_over("whole", a.base_url(), "", &chat()).await;
    for begin in [
        "data: {\"error\":{\"message\":\"overloaded\"}}\n\ndata: [DONE]\n\n",
        "event: error\ndata: {\"error\":{\"message\":\"overloaded\"}}",
        ": keep-alive\n\ndata: {\"error\":{\"message\":\"overloaded\"}}\n\n",
        "data: {\"object\":\"error\",\"message\":\"overloaded\",\"code\":503}\n\n",
        "data: {\"message\":\"overloaded\",\"code\":\"503\"}\n\n",
        "data: [{\"error\":{\"message\":\"overloaded\",\"code\":503}}]\n\n",
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\ndata: {\"error\":{\"message\":\"overloaded\"}}\n\n",
        ": keep-alive\n\n",
        "data: {\"choi",
    ] {
        let a = Canned::events(begin).await;
        assert_fails_over(begin, a.base_url(), "", &streamed()).await;
    }
}

#[tokio::test]
async fn one_of_two_equals_that_is_down_costs_no_request() {
    let (a, b) = (Absent::new(), cloud([]).await);
    let gateway = Gateway::start(&Policy::side_by_side([a.base_url(), b.base_url()])).await;
    for _ in 0..10 {
        assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    }
    assert_eq!(b.requests().len(), 10);
}

#[tokio::test]
async fn a_fault_of_the_request_is_told_in_the_upstreams_words_and_tried_nowhere_else() {
    let words = r#"{"error":{"message":"'messages' is too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"},"more":1}"#;
    for (status, body) in [(400, chat()), (400, streamed()), (422, chat()), (413, chat())] {
        let (a, b) = (cloud([with_body(status, words)]).await, cloud([]).await);
        let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
        let answer = gateway.ask(&body).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (status, words.as_bytes()));
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(b.requests().is_empty());
        let record = gateway.stop_after_one().await;
        assert_eq!(
            (&record["attempts"], &record["backend"], &record["status"], &record["outcome"], &record["decision"]),
            (&json!(1), &json!("a"), &json!(status), &json!("failed"), &json!("granted"))
        );
    }
}

#[tokio::test]
async fn a_fault_of_the_request_is_told_in_openais_shape_whatever_the_hosts() {
    for (status, told, param, code) in [
        (400, r#"{"error":{"code":400,"message":"too hot","metadata":{}}}"#, Value::Null, "invalid_request"),
        (
            400,
            r#"{"error":{"message":"too hot","type":"BadRequestError","param":"temperature","code":400}}"#,
            json!("temperature"),
            "invalid_request",
        ),
        (
            400,
            r#"{"object":"error","message":"too hot","type":"BadRequestError","param":null,"code":400}"#,
            Value::Null,
            "invalid_request",
        ),
        (
            400,
            r#"{"error":{"message":"too hot","type":null,"param":"t","code":"unsupported_value"}}"#,
            json!("t"),
            "unsupported_value",
        ),
        (400, r#"{"error":{"message":"too hot","code":"context_length_exceeded"}}"#, Value::Null, "context_length_exceeded"),
        (400, r#"[{"error":{"code":400,"message":"too hot","status":"INVALID_ARGUMENT"}}]"#, Value::Null, "invalid_request"),
        (400, r#"{"message":"too hot","code":"390400","request_id":"r"}"#, Value::Null, "invalid_request"),
        (422, r#"{"error":"too hot","error_type":"validation"}"#, Value::Null, "invalid_request"),
        (422, r#"{"detail":"too hot"}"#, Value::Null, "invalid_request"),
    ] {
        for body in [chat(), streamed()] {
            let a = cloud([with_body(status, told)]).await;
            let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
            let answer = gateway.ask(&body).await;
            let error = json!({ "message": "too hot", "type": "invalid_request_error", "param": param, "code": code });
            assert_eq!((answer.status.as_u16(), answer.json()), (400, json!({ "error": error })), "{told}");
        }
    }
}

#[tokio::test]
async fn what_azures_filter_found_is_passed_on() {
    let told = r#"{"error":{"message":"filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#;
    let a = cloud([with_body(400, told)]).await;
    let answer = Gateway::start(&Policy::in_turn([a.base_url()])).await.ask(&chat()).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (400, told.as_bytes()));
}

#[tokio::test]
async fn a_fault_of_the_request_that_an_upstream_tells_in_html_is_told_in_our_words() {
    let (a, b) = (cloud([with_body(400, "<h1>nginx says no</h1>")]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
    let answer = gateway.ask(&chat()).await;
    assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()));
    assert!(!String::from_utf8_lossy(&answer.body).contains("nginx"));
    assert!(b.requests().is_empty());
}

#[tokio::test]
async fn what_only_the_operator_may_know_of_an_upstream_is_never_shown() {
    for status in [401, 403, 404, 500] {
        let a = cloud([with_body(status, r#"{"error":{"message":"key sk-sim of org-7 at 10.0.0.1"}}"#)]).await;
        let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
        let answer = gateway.ask(&chat()).await;
        assert_eq!(answer.refusal(), (502, "upstream_error".to_owned()), "{status}");
        let (host, text) = (a.addr().to_string(), String::from_utf8_lossy(&answer.body));
        assert!(["sk-sim", "org-7", "10.0.0.1", host.as_str()].iter().all(|secret| !text.contains(secret)), "{text}");
    }
}

#[tokio::test]
async fn no_more_attempts_are_made_than_the_policy_allows() {
    let sims = [cloud([Reply::status(500)]).await, cloud([Reply::status(503)]).await, cloud([]).await];
    let policy = Policy::in_turn(sims.iter().map(Sim::base_url)).default("max_attempts = 2");
    let gateway = Gateway::start(&policy).await;
    assert_eq!(gateway.ask(&chat()).await.refusal(), (502, "upstream_error".to_owned()));
    assert_eq!(sims.iter().map(|sim| sim.requests().len()).collect::<Vec<_>>(), [1, 1, 0]);
    assert_eq!(gateway.stop_after_one().await["attempts"], 2);
}

#[tokio::test]
async fn later_tiers_are_for_when_the_first_is_out() {
    let script = [vec![Reply::Normal; 20], vec![Reply::status(503)]].concat();
    let (a, b) = (cloud(script).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
    for _ in 0..20 {
        assert_eq!(gateway.ask(&chat()).await.status, 200);
    }
    assert_eq!((a.requests().len(), b.requests().len()), (20, 0));
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    assert_eq!((a.requests().len(), b.requests().len()), (21, 1));
}

#[tokio::test]
async fn a_backend_that_is_rate_limited_is_left_alone_for_as_long_as_it_asked() {
    let (a, b) = (cloud([rate_limited(60)]).await, cloud([]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
    for _ in 0..5 {
        assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    }
    assert_eq!((a.requests().len(), b.requests().len()), (1, 5));
    assert_eq!(gateway.metric("tradewind_attempts_total", &["backend=\"a\"", "outcome=\"rate_limited\""]).await, 1.0);
}

#[tokio::test]
async fn where_every_backend_is_rate_limited_the_client_is_told_when_the_first_comes_back() {
    let (a, b) = (cloud([rate_limited(50)]).await, cloud([rate_limited(40)]).await);
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
    let first = gateway.ask(&chat()).await;
    assert_eq!(first.refusal(), (429, "rate_limit_exceeded".to_owned()));
    assert_eq!(first.header("retry-after"), "40");
    // Now it is known beforehand.
    let second = gateway.ask(&chat()).await;
    assert_eq!(second.refusal(), (429, "rate_limit_exceeded".to_owned()));
    // And a little later, so that not everybody returns at once.
    assert!((1..=44).contains(&second.header("retry-after").parse::<u64>().unwrap()), "{second:?}");
    assert_eq!((a.requests().len(), b.requests().len()), (1, 1));
    let records = gateway.stop().await;
    assert_eq!((&records[0]["attempts"], &records[1]["attempts"]), (&json!(2), &json!(0)));
    assert_eq!(records[0]["reason"], "rate_limit_exceeded");
}

#[tokio::test]
async fn where_every_backend_is_down_the_client_is_told_and_they_are_asked_no_more_than_twice() {
    let (a, b) = (Absent::new(), Absent::new());
    let gateway = Gateway::start(&Policy::in_turn([a.base_url(), b.base_url()])).await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(gateway.ask(&chat()).await);
    }
    assert_eq!(answers[0].refusal(), (502, "upstream_error".to_owned()));
    let last = answers.last().unwrap();
    assert_eq!(last.refusal(), (503, "service_unavailable".to_owned()));
    assert!(last.header("retry-after").parse::<u64>().unwrap() >= 1, "{last:?}");
    let records = gateway.stop().await;
    // With nothing better to do, they are knocked at: the first request after their return is answered.
    assert!(records.iter().all(|record| record["attempts"].as_u64().unwrap() <= 2), "{records:?}");
    assert_eq!(records[5]["reason"], "service_unavailable");
}

#[tokio::test]
async fn where_every_backend_hangs_the_client_is_told_that_it_took_too_long() {
    for body in [chat(), streamed()] {
        let a = cloud([Reply::HangBeforeHeaders]).await;
        let gateway = Gateway::start(&Policy::in_turn([a.base_url()]).first_has(IMPATIENT)).await;
        assert_eq!(gateway.ask(&body).await.refusal(), (504, "upstream_timeout".to_owned()));
        assert_eq!(a.ended(0).await, tradewind_cloudsim::Ended::Disconnected);
    }
}
