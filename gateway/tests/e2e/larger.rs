//! A request that is too long for its model goes on to the larger one, be that known before it is sent or told by a refusal.

use std::path::Path;

use serde_json::{Value, json};
use tradewind::{
    config::Settings,
    decision::{Period, Reader},
};
use tradewind_cloudsim::{Reply, Sim};
use tradewind_policies::{
    SourceFile,
    decision::Decision,
    replay::{InForce, Options, World, replay},
};

use crate::support::{Answer, Gateway, Setup, chat, cloud, mint, records as audit_records, soon, streamed};

/// What an upstream says of a prompt that is too long.
const TOO_LONG: &str =
    r#"{"error":{"message":"too long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#;
const HOUR: std::time::Duration = std::time::Duration::from_secs(3600);

fn refusal() -> Reply {
    Reply::Status { status: 400, headers: vec![], body: Some(TOO_LONG.to_owned()) }
}

/// Backend `small` for model `chat`, and `large` for model `long`. In the rest, `KEY` is the file with their key.
async fn between(small: &Sim, large: &Sim, rest: &str) -> Gateway {
    let urls = [("small", "chat", 500, "DE", small.base_url()), ("large", "long", 5000, "US", large.base_url())];
    let rest = rest.to_owned();
    let text = move |key: &Path| {
        let backends = urls.iter().map(|(name, model, room, place, url)| {
            let key = key.display();
            format!(
                "[backend.{name}]\nprovider = \"openai\"\nbase_url = \"{url}\"\nsecret = \"file:{key}\"\njurisdictions = [\"{place}\"]\n\
                 models.{model} = {{ name = \"sim-chat\", capabilities = {{ context = {room} }}, price = {{ in = 1, out = 1 }} }}\n"
            )
        });
        let backends: String = backends.collect();
        let rest = rest.replace("KEY", &key.display().to_string());
        format!(
            "version = 1\n{backends}{rest}\n\
             [[route]]\nname = \"short\"\nmatch = {{ model = \"chat\" }}\ntiers = [[\"small\"]]\nlarger = \"long\"\n\
             [[route]]\nname = \"long\"\nmatch = {{ model = \"long\" }}\ntiers = [[\"large\"]]\n"
        )
    };
    let tell = |settings: &mut Settings| settings.decisions.header_tenants = vec!["*".parse().unwrap()];
    Setup::of_text_with(text).with(tell).start().await
}

/// Shuts the gateway down and reads both logs.
async fn records(gateway: Gateway) -> (Vec<Value>, Vec<Decision>) {
    gateway
        .stop_and(|audit| {
            let reader = Reader::open(&audit.with_file_name("decisions"), Period::default()).unwrap();
            (audit_records(audit), reader.map(|read| read.unwrap()).collect())
        })
        .await
}

#[tokio::test]
async fn one_that_is_known_to_be_too_long_is_not_sent_to_the_small_model() {
    let (small, large) = (cloud([]).await, cloud([]).await);
    let gateway = between(&small, &large, "").await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    let mut long = chat();
    long["messages"][0]["content"] = "why? ".repeat(500).into();
    assert_eq!(gateway.ask(&long).await.status, 200);
    assert_eq!((small.requests().len(), large.requests().len()), (1, 1));
    let went_on = gateway.metric("tradewind_larger_context_total", &["route=\"short\"", "model=\"long\""]).await;
    assert_eq!(went_on, 1.0);
    let (audit, decisions) = records(gateway).await;
    let of = |name: &str| audit.iter().map(|record| record[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("model"), ["chat", "chat"]);
    assert_eq!(of("route"), ["short", "long"]);
    assert_eq!(of("larger"), [Value::Null, json!("long")]);
    let way = decisions[1].outgrown.iter().map(|left| (left.route.as_str(), left.room, left.larger.as_str()));
    assert_eq!(way.collect::<Vec<_>>(), [("short", 500, "long")]);
    assert_eq!((decisions[1].model.as_deref(), decisions[1].attempts.len()), (Some("long"), 1));
    assert!(decisions[0].outgrown.is_empty());
}

#[tokio::test]
async fn one_that_is_refused_as_too_long_goes_on_before_its_caller_hears_of_it() {
    for body in [chat(), streamed()] {
        let (small, large) = (cloud([refusal()]).await, cloud([]).await);
        let gateway = between(&small, &large, "").await;
        let mut request = gateway.chat(&body);
        request.headers_mut().insert("x-tradewind-decision", "?1".parse().unwrap());
        let answer = Answer::of(gateway.client.send(request).await).await;
        assert_eq!(answer.status, 200);
        let told = answer.header("x-tradewind-decision");
        assert!(told.contains("; route=long; outgrown=short; chosen=large"), "{told}");
        assert_eq!((small.requests().len(), large.requests().len()), (1, 1));
        let (audit, decisions) = records(gateway).await;
        let [record] = audit.as_slice() else { panic!("{audit:?}") };
        assert_eq!((&record["route"], &record["backend"], &record["status"]), (&json!("long"), &json!("large"), &json!(200)));
        assert_eq!((&record["attempts"], &record["larger"], &record["reason"]), (&json!(2), &json!("long"), &Value::Null));
        let [decision] = decisions.as_slice() else { panic!("{decisions:?}") };
        assert_eq!(decision.too_small, Some(500), "the refusal has told: {decision:?}");
        let attempts = decision.attempts.iter().map(|attempt| (attempt.backend.as_str(), attempt.outgrown.as_deref()));
        assert_eq!(attempts.collect::<Vec<_>>(), [("small", Some("chat")), ("large", None)]);
        let names: Vec<_> = decision.candidates.iter().map(|candidate| candidate.backend.as_str()).collect();
        assert_eq!((names, decision.chosen.as_deref()), (vec!["large"], Some("large")));
        let shown = tradewind::decision::show_decision(decision).unwrap();
        assert!(
            shown.contains("too long for route short, where no backend that may serve it as chat has room for more than 500 tokens: on to long ("),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn where_the_larger_model_refuses_it_too_the_caller_gets_its_words() {
    let (small, large) = (cloud([refusal()]).await, cloud([refusal()]).await);
    let gateway = between(&small, &large, "").await;
    let answer = gateway.ask(&chat()).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (400, TOO_LONG.as_bytes()));
    assert_eq!((small.requests().len(), large.requests().len()), (1, 1));
    let record = gateway.stop_after_one().await;
    assert_eq!((&record["backend"], &record["reason"]), (&json!("large"), &json!("refused_by_upstream")));
}

#[tokio::test]
async fn who_may_not_use_the_larger_model_is_refused_by_the_small_one() {
    let tenants = "[tenant.acme]\nallow = [\"*\"]\n[tenant.few]\nallow = [\"chat\"]\n";
    let (small, large) = (cloud([refusal(), refusal()]).await, cloud([]).await);
    let gateway = between(&small, &large, tenants).await;
    // By the policy, and by the token.
    for (tenant, models) in [("few", "*"), ("acme", "chat")] {
        let token = mint(gateway.issuer(), tenant, &[models], HOUR);
        let mut request = gateway.chat(&chat());
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        let answer = Answer::of(gateway.client.send(request).await).await;
        assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (400, TOO_LONG.as_bytes()), "{tenant}");
    }
    assert_eq!((small.requests().len(), large.requests().len()), (2, 0));
    let policy = std::fs::read_to_string(gateway.policy_path()).unwrap();
    let (audit, decisions) = records(gateway).await;
    assert!(audit.iter().all(|record| record["larger"] == Value::Null && record["route"] == "short"), "{audit:?}");
    assert!(decisions.iter().all(|decision| decision.outgrown.is_empty()));
    let stays = decisions.iter().map(|decision| decision.stays.as_ref().unwrap());
    assert_eq!(stays.map(|stays| (stays.larger.as_str(), stays.by_token)).collect::<Vec<_>>(), [("long", false), ("long", true)]);
    // A replay knows that as well.
    let policy = tradewind_policies::Policy::parse(&[SourceFile::new("policy.toml", policy)]).unwrap();
    let options = Options { world: World::default(), seed: 1 };
    let traffic = replay(&decisions, InForce::Policy(&policy), &policy, options);
    assert_eq!((traffic.replayed, traffic.share_moved.map(|share| share.value)), (2, Some(0.0)), "{traffic:?}");
}

#[tokio::test]
async fn money_is_set_aside_for_the_model_that_serves() {
    let (small, large) = (cloud([refusal()]).await, cloud([]).await);
    let tenants = "[tenant.acme]\nallow = [\"*\"]\nbudget = { per_day = \"$1\" }\n";
    let gateway = between(&small, &large, tenants).await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    let left = gateway.metric("tradewind_budget_left_nano_usd", &["tenant=\"acme\"", "period=\"day\""]).await;
    let spent = gateway.metric("tradewind_cost_nano_usd_total", &[]).await;
    assert!(spent > 0.0);
    assert_eq!(left, 1e9 - spent, "all reservations are settled");
}

#[tokio::test]
async fn a_refusal_takes_no_request_out_of_the_route_that_matched_it() {
    let (small, large) = (cloud([refusal()]).await, cloud([]).await);
    // What is thought to be short has to stay in the EU, and so it has to when it turns out to be long.
    let strict = "[[route]]\nname = \"strict\"\nmatch = { model = \"chat\", when = \"prompt_tokens < 400\" }\ntiers = [[\"small\"]]\n\
                  larger = \"long\"\nrequire = { jurisdictions = [\"EU\"] }\n";
    let gateway = between(&small, &large, strict).await;
    let answer = gateway.ask(&chat()).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (400, TOO_LONG.as_bytes()));
    assert_eq!((small.requests().len(), large.requests().len()), (1, 0), "the larger one is in the US");
    let (audit, decisions) = records(gateway).await;
    assert_eq!((&audit[0]["route"], &audit[0]["larger"]), (&json!("strict"), &Value::Null));
    assert_eq!((decisions[0].route.as_deref(), decisions[0].too_small), (Some("strict"), Some(500)));
    assert!(decisions[0].stays.as_ref().unwrap().why.contains("only EU is allowed"), "{:?}", decisions[0].stays);
    assert!(decisions[0].candidates.iter().all(|candidate| candidate.excluded.is_none()), "{:?}", decisions[0].candidates);
}

#[tokio::test]
async fn a_copy_that_was_not_sent_on_the_first_route_may_be_on_the_next_and_only_one_is() {
    for (room, unsent) in [(10, 1.0), (1000, 0.0)] {
        let (small, large, next) = (cloud([refusal()]).await, cloud([]).await, cloud([]).await);
        let url = next.base_url();
        let backend = format!(
            "[backend.next]\nprovider = \"vllm\"\nbase_url = \"{url}\"\nsecret = \"file:KEY\"\nmodels.chat = {{ name = \"sim-chat\", capabilities = {{ context = {room} }} }}\n\
             models.long = {{ name = \"sim-chat\" }}\n"
        );
        let route = |model: &str, first: &str, rest: &str| {
            format!(
                "[[route]]\nname = \"copied-{model}\"\nmatch = {{ model = \"{model}\", when = \"prompt_tokens < 400\" }}\ntiers = [[\"{first}\"]]\n\
                 shadow = {{ backend = \"next\", share = \"100%\" }}\n{rest}"
            )
        };
        let rest = backend + &route("chat", "small", "larger = \"long\"\n") + &route("long", "large", "");
        let gateway = between(&small, &large, &rest).await;
        assert_eq!(gateway.ask(&chat()).await.status, 200);
        let copies =
            async |outcome: &str| gateway.metric("tradewind_shadow_requests_total", &[&format!("outcome=\"{outcome}\"")]).await;
        soon(async {
            while copies("succeeded").await == 0.0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!((copies("not_eligible").await, copies("sent").await, copies("succeeded").await), (unsent, 1.0, 1.0));
        let (audit, decisions) = records(gateway).await;
        assert_eq!((&audit[0]["route"], &audit[0]["shadow"]), (&json!("copied-long"), &json!("next")));
        assert_eq!(decisions[0].shadow.as_ref().unwrap().fate.as_str(), "sent");
        let asked = next.requests().into_iter().filter(|request| request.path == "/v1/chat/completions").count();
        assert_eq!(asked, 1);
    }
}
