//! What an answer cost is counted, recorded and taken from budgets, by the prices of the policy.

use std::time::Duration;

use http_body_util::Full;
use serde_json::{Value, json};

use crate::support::{Answer, FaultServer, Gateway, Policy, Setup, Step, chat, cloud, mint, streamed};

/// A thousandth of a dollar a token of input, and two a token of output.
const PRICES: &str = "[prices]\ndate = 2026-11-01\n[prices.openai]\nsim-chat = { in = 1000, out = 2000 }";

/// What the tokens of a record cost by these prices.
fn cost(record: &Value) -> Value {
    let tokens = |name: &str| record[name].as_u64().unwrap();
    json!(tokens("prompt_tokens") * 1_000_000 + tokens("completion_tokens") * 2_000_000)
}

#[tokio::test]
async fn an_answer_costs_what_its_backend_told_whole_or_in_events() {
    let a = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()]).with(PRICES)).await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    let _all = gateway.stream(&streamed()).await.rest().await;
    let counted = gateway.metric("tradewind_cost_nano_usd_total", &["backend=\"a\""]).await;
    let records = gateway.stop().await;
    for record in &records {
        assert_eq!((&record["cost_nano_usd"], &record["wasted_nano_usd"]), (&cost(record), &json!(null)), "{record}");
    }
    let sum: u64 = records.iter().map(|record| record["cost_nano_usd"].as_u64().unwrap()).sum();
    assert!(sum > 0);
    assert_eq!(counted, sum as f64);
}

#[tokio::test]
async fn what_an_attempt_cost_that_was_too_slow_is_counted_apart() {
    let a = FaultServer::always(vec![Step::Hang]).await;
    let b = cloud([]).await;
    let policy = Policy::in_turn([a.base_url(), b.base_url()]).default("hedge = false").with(PRICES);
    let gateway = Gateway::start(&policy.first_has("timeouts = { first_token = \"100ms\" }")).await;
    let _all = gateway.stream(&streamed()).await.rest().await;
    let failed = gateway.metric("tradewind_failed_cost_nano_usd_total", &["backend=\"a\""]).await;
    let record = gateway.stop_after_one().await;
    assert!(failed > 0.0, "{record}");
    assert_eq!(record["wasted_nano_usd"], json!(failed as u64));
    assert_eq!((&record["backend"], &record["cost_nano_usd"]), (&json!("b"), &cost(&record)), "{record}");
}

#[tokio::test]
async fn what_nobody_prices_costs_nobody_knows_what() {
    let a = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()])).await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    assert_eq!(gateway.stop_after_one().await["cost_nano_usd"], json!(null));
}

/// Asks until an answer is refused: how many were not, and that one.
async fn until_refused(gateway: &Gateway) -> (usize, Answer) {
    let mut answered = 0;
    loop {
        let answer = gateway.ask(&chat()).await;
        if answer.status != 200 {
            return (answered, answer);
        }
        answered += 1;
        assert!(answered < 1000, "money is used up in the end");
    }
}

/// The tenant of the tests may spend a dollar a day: an answer costs some cents.
const BUDGET: &str =
    "[tenant.acme]\nallow = [\"*\"]\nbudget = { per_day = \"$1\", per_month = \"$20\" }\n[tenant.rich]\nallow = [\"*\"]";

#[tokio::test]
async fn a_tenant_whose_budget_is_used_up_is_refused_until_the_next_day_and_the_others_are_not() {
    let a = cloud([]).await;
    let gateway = Gateway::start(&Policy::in_turn([a.base_url()]).with(PRICES).with(BUDGET)).await;
    let (answered, refused) = until_refused(&gateway).await;
    assert_eq!(refused.refusal(), (429, "budget_exceeded".to_owned()));
    assert_eq!(refused.json()["error"]["type"], "insufficient_quota");
    assert_eq!(refused.header("x-should-retry"), "false", "SDKs are not to try again");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    assert_eq!(a.requests().len(), answered, "no backend hears of the refused one");
    let left = gateway.metric("tradewind_budget_left_nano_usd", &["tenant=\"acme\"", "period=\"day\""]).await;
    let spent = gateway.metric("tradewind_cost_nano_usd_total", &[]).await;
    assert_eq!(left, 1e9 - spent, "all reservations are settled");

    let rich = mint(gateway.issuer(), "rich", &["*"], Duration::from_secs(3600));
    let mut request = gateway.chat(&chat());
    request.headers_mut().insert("authorization", format!("Bearer {rich}").parse().unwrap());
    assert_eq!(Answer::of(gateway.client.send(request).await).await.status, 200);
    let records = gateway.stop().await;
    let refused = records.iter().find(|record| record["status"] == 429).unwrap();
    assert_eq!((&refused["decision"], &refused["attempts"]), (&json!("denied"), &json!(0)));
}

/// The prices above, and one of the model that embeds: where there is a ceiling, each has one.
const ALL_PRICES: &str =
    "[prices]\ndate = 2026-11-01\n[prices.openai]\nsim-chat = { in = 1000, out = 2000 }\nsim-embed = { in = 1, out = 0 }";

#[tokio::test]
async fn a_request_that_may_cost_more_than_one_may_is_refused_and_no_backend_hears_of_it() {
    let a = cloud([]).await;
    let policy = Policy::in_turn([a.base_url()]).with(ALL_PRICES).default("ceiling = { per_request = \"$0.10\" }");
    let gateway = Gateway::start(&policy).await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    let (mut long, mut talkative) = (chat(), chat());
    long["messages"][0]["content"] = "why? ".repeat(100).into();
    talkative["max_tokens"] = 50.into();
    // A token of an answer costs a fifth of a cent, and each answer may have so many.
    let mut several = chat();
    several["max_tokens"] = 12.into();
    assert_eq!(gateway.ask(&several).await.status, 200);
    several["n"] = 5.into();
    for request in [long, talkative, several] {
        let refused = gateway.ask(&request).await;
        assert_eq!(refused.refusal(), (403, "no_eligible_backend".to_owned()), "{request}");
        assert!(refused.json()["error"]["message"].as_str().unwrap().contains("may cost more than is allowed"));
    }
    assert_eq!(a.requests().len(), 2);
    let records = gateway.stop().await;
    let reasons: Vec<_> = records.iter().filter(|record| record["status"] == 403).map(|record| &record["reason"]).collect();
    assert_eq!(reasons, ["no_backend_under_ceiling"; 3]);
}

#[tokio::test]
async fn what_a_tenant_may_spend_on_a_route_in_a_day_ends_there_alone_and_is_known_to_the_next_process() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("state");
    let a = cloud([]).await;
    let setup = || {
        let policy = Policy::in_turn([a.base_url()]).with(ALL_PRICES).default("ceiling = { per_tenant_day = \"$0.50\" }");
        let path = path.clone();
        Setup::new(&policy).with(|settings| settings.home = path)
    };
    let gateway = setup().start().await;
    let (answered, refused) = until_refused(&gateway).await;
    assert!(answered > 0, "there was money to begin with");
    assert_eq!(refused.refusal(), (429, "budget_exceeded".to_owned()));
    assert_eq!(refused.header("x-should-retry"), "false");
    let labels = ["tenant=\"acme\"", "route=\"to-chat\""];
    let left = gateway.metric("tradewind_ceiling_left_nano_usd", &labels).await;
    assert_eq!(left, 0.5e9 - gateway.metric("tradewind_cost_nano_usd_total", &[]).await, "all reservations are settled");
    let embedding = json!({ "model": "embed", "input": "a" }).to_string();
    let embedding = gateway.request("POST", "/v1/embeddings").body(Full::from(embedding)).unwrap();
    assert_eq!(gateway.client.send(embedding).await.status(), 200, "another route has a ceiling of its own");
    let records = gateway.stop().await;
    let refused = records.iter().find(|record| record["status"] == 429).unwrap();
    assert_eq!(refused["reason"], "ceiling_per_tenant_day");

    let gateway = setup().start().await;
    assert_eq!(gateway.ask(&chat()).await.status, 429);
    gateway.stop().await;
}

#[tokio::test]
async fn what_was_spent_is_known_to_the_next_process() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("state");
    let a = cloud([]).await;
    let setup = || {
        let policy = Policy::in_turn([a.base_url()]).with(PRICES).with(BUDGET);
        let path = path.clone();
        Setup::new(&policy).with(|settings| settings.home = path)
    };
    let gateway = setup().start().await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    let spent = gateway.metric("tradewind_cost_nano_usd_total", &[]).await;
    gateway.stop().await;
    let gateway = setup().start().await;
    assert_eq!(gateway.ask(&chat()).await.status, 200);
    let left = gateway.metric("tradewind_budget_left_nano_usd", &["tenant=\"acme\"", "period=\"month\""]).await;
    assert_eq!(left, 20e9 - 2.0 * spent);
    gateway.stop().await;
}
