//! What copies to shadows cost, foretold from a log: every figure is worked out by hand.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use serde_json::{Value, json};
use tradewind_policies::decision::Decision;
use tradewind_policies::replay::{InForce, Options, Traffic, World, replay};
use tradewind_policies::{Policy, SourceFile};

const OLD: &str = r#"
version = 1
[backend.now]
provider = "openai"
secret = "env:NOW"
jurisdictions = ["DE"]
models.chat = { price = { in = 1, out = 2 } }
[backend.next]
provider = "openai"
secret = "env:NEXT"
jurisdictions = ["US"]
models.chat = { name = "next", price = { in = 3, out = 4, cached_in = 1 }, capabilities = { tools = false } }
[tenant.free]
allow = ["*"]
[tenant.union]
allow = ["*"]
residency = ["EU"]
[[route]]
name = "all"
match = { model = "chat" }
tiers = [["now"]]
"#;

/// A log of a hundred seconds is so many of a day.
const LOGS_A_DAY: f64 = 864.0;

fn policy(text: &str) -> Policy {
    Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap()
}

fn shadowed(shadow: &str) -> Policy {
    policy(&format!("{OLD}shadow = {shadow}\n"))
}

/// A request of 1000 tokens that was answered with 500, a second after the one before.
fn request(second: usize) -> Value {
    json!({
        "version": 1, "id": format!("req_{second}"), "at": format!("2026-11-23T12:{:02}:{:02}Z", second / 60, second % 60),
        "policy": policy(OLD).hash().to_string(), "route": "all", "tenant": "free", "asked": "chat", "model": "chat",
        "operation": "chat", "prompt_tokens": 900, "expected_output_tokens": 100.0,
        "candidates": [{ "backend": "now", "model": "chat", "tier": 0,
            "score": { "first_token": 0.2, "generation": 1.0, "crowding": 0.0, "failure": 0.0, "cost": 0.0 },
            "expected": { "base_s": 0.2, "prompt_s": 0.0, "load_s": 0.0, "factor": 1.0, "per_token_s": 0.01, "output_tokens": 100.0,
                "failure_rate": 0.0, "silent_s": 1.0 } }],
        "attempts": [{ "backend": "now", "turn": "first", "reason": "best", "probability": 1.0, "predicted_s": 1.2, "begun_s": 0.0,
            "total_s": 1.2, "outcome": "answered" }],
        "chosen": "now", "usage": { "prompt_tokens": 1000, "completion_tokens": 500 }, "cost_nano_usd": 2_000_000,
        "total_s": 1.2, "status": 200, "outcome": "completed",
    })
}

/// A hundred and one of them.
fn log() -> Vec<Value> {
    (0..=100).map(request).collect()
}

fn replayed(log: &[Value], in_force: InForce<'_>, new: &Policy) -> Traffic {
    let decisions: Vec<_> = log.iter().map(|value| Decision::from_line(value.to_string().as_bytes()).unwrap()).collect();
    replay(&decisions, in_force, new, Options { world: World::Fitted, seed: 1 })
}

fn is_about(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9 * expected.abs().max(1.0), "{found} instead of {expected}");
}

#[test]
fn a_new_shadow_costs_its_share_of_what_it_takes_for_the_tokens() {
    let new = shadowed(r#"{ backend = "next", share = "10%", max_cost_per_day = "$100" }"#);
    let traffic = replayed(&log(), InForce::Policy(&policy(OLD)), &new);
    let copies = traffic.copies.unwrap();
    // A copy is 1000 tokens at $3 and 500 at $4 a million.
    let expected = 101.0 * 0.1 * 0.005 * LOGS_A_DAY;
    is_about(copies.usd_per_day_after.value, expected);
    is_about(copies.usd_per_day_before.unwrap().value, 0.0);
    is_about(copies.delta_usd_per_day.unwrap().value, expected);
    is_about(traffic.cost_delta_usd_per_day.unwrap().value, expected);
    let route = &copies.by_route[0];
    let after = route.after.as_ref().unwrap();
    assert!(route.route == "all" && route.before.is_none() && after.backend == "next" && !after.is_capped, "{route:?}");
    is_about(after.copies_per_day, 101.0 * 0.1 * LOGS_A_DAY);
}

#[test]
fn what_copies_cost_is_added_to_what_requests_cost() {
    let new = format!(
        "{}shadow = {{ backend = \"next\", share = \"10%\", max_cost_per_day = \"$100\" }}\n",
        OLD.replace("in = 1,", "in = 2,")
    );
    let traffic = replayed(&log(), InForce::Policy(&policy(OLD)), &policy(&new));
    let copies = 101.0 * 0.1 * 0.005 * LOGS_A_DAY;
    is_about(traffic.cost_delta_usd_per_day.unwrap().value, 101.0 * 0.001 * LOGS_A_DAY + copies);
    is_about(traffic.by_route[0].cost_delta_usd_per_day.unwrap(), 101.0 * 0.001 * LOGS_A_DAY);
}

#[test]
fn copies_end_where_the_day_may_cost_no_more() {
    let old = shadowed(r#"{ backend = "next", share = "10%", max_cost_per_day = "$40" }"#);
    let new = shadowed(r#"{ backend = "next", share = "100%", max_cost_per_day = "$50" }"#);
    let traffic = replayed(&log(), InForce::Policy(&old), &new);
    let copies = traffic.copies.unwrap();
    let [before, after] = [&copies.by_route[0].before, &copies.by_route[0].after].map(|side| side.clone().unwrap());
    // It would be $43.63 at a tenth, and $436.32 at all.
    is_about(before.uncapped_usd_per_day, 43.632);
    is_about(after.uncapped_usd_per_day, 436.32);
    assert!(before.is_capped && after.is_capped && after.max_usd_per_day == Some(50.0));
    is_about(copies.usd_per_day_before.unwrap().value, 40.0);
    is_about(copies.delta_usd_per_day.unwrap().value, 10.0);
    let interval = copies.usd_per_day_after;
    assert_eq!((interval.low, interval.high), (Some(50.0), Some(50.0)), "chance does not lift it");
}

#[test]
fn what_the_shadow_may_not_see_is_no_copy() {
    let mut log = log();
    for (second, value) in log.iter_mut().enumerate() {
        match second {
            0..50 => value["tenant"] = "union".into(),
            50..60 => value["needs"] = json!({ "tools": true }),
            60..70 => value["attempts"] = json!([]),
            _ => {}
        }
    }
    let new = shadowed(r#"{ backend = "next", share = "100%", max_cost_per_day = "$1000" }"#);
    let copies = replayed(&log, InForce::Policy(&policy(OLD)), &new).copies.unwrap();
    is_about(copies.by_route[0].after.as_ref().unwrap().copies_per_day, 31.0 * LOGS_A_DAY);
    is_about(copies.usd_per_day_after.value, 31.0 * 0.005 * LOGS_A_DAY);
}

#[test]
fn a_copy_has_no_cached_prompt_and_one_without_an_end_has_what_was_expected() {
    let mut log = log();
    for value in &mut log {
        value["usage"]["cached_tokens"] = 1000.into();
    }
    let _usage = log[100].as_object_mut().unwrap().remove("usage");
    // It stands for ten, and asked for three answers.
    log[100]["share"] = 0.1.into();
    log[100]["answers"] = 3.into();
    let new = shadowed(r#"{ backend = "next", share = "100%", max_cost_per_day = "$1000" }"#);
    let copies = replayed(&log, InForce::Policy(&policy(OLD)), &new).copies.unwrap();
    // 900 tokens at $3 and 300 at $4 a million.
    is_about(copies.usd_per_day_after.value, (100.0 * 0.005 + 10.0 * 0.0039) * LOGS_A_DAY);
}

#[test]
fn without_the_policy_in_force_it_is_not_known_what_copies_cost() {
    let new = shadowed(r#"{ backend = "next", share = "10%", max_cost_per_day = "$100" }"#);
    let traffic = replayed(&log(), InForce::Hash(policy(OLD).hash()), &new);
    let copies = traffic.copies.unwrap();
    assert!(copies.usd_per_day_before.is_none() && copies.delta_usd_per_day.is_none() && copies.usd_per_day_after.value > 40.0);
    is_about(traffic.cost_delta_usd_per_day.unwrap().value, 0.0);
    assert!(traffic.caveats.iter().any(|caveat| caveat.starts_with("what copies to shadows cost before is not known")));
}

#[test]
fn copies_that_were_not_sent_are_told_of() {
    let mut log = log();
    for (second, fate) in ["sent", "stored", "not_eligible", "over_cap", "dropped", "dropped"].into_iter().enumerate() {
        log[second]["shadow"] = json!({ "backend": "next", "fate": fate });
    }
    let old = shadowed(r#"{ backend = "next", share = "10%", max_cost_per_day = "$40" }"#);
    let traffic = replayed(&log, InForce::Policy(&old), &policy(OLD));
    let told = "3 of 6 copies that the log drew were not sent (1 stored, 2 dropped): figures of copies count all";
    assert!(traffic.caveats.iter().any(|caveat| caveat == told), "{:?}", traffic.caveats);
    is_about(traffic.copies.unwrap().delta_usd_per_day.unwrap().value, -40.0);
}

#[test]
fn without_shadows_nothing_is_told_of_copies() {
    let traffic = replayed(&log(), InForce::Policy(&policy(OLD)), &policy(OLD));
    assert_eq!(traffic.copies, None);
    assert!(traffic.caveats.iter().all(|caveat| !caveat.contains("copies")), "{:?}", traffic.caveats);
}

#[test]
fn a_request_that_was_refused_as_too_long_may_be_copied_on_both_its_routes() {
    let room = |text: &str| {
        text.replace(
            "models.chat = { price = { in = 1, out = 2 } }",
            "models.chat = { price = { in = 1, out = 2 }, capabilities = { context = 8000 } }",
        )
    };
    let old = room(OLD);
    let larger = "larger = \"long\"\n[backend.large]\nprovider = \"openai\"\nsecret = \"env:LARGE\"\njurisdictions = [\"DE\"]\n\
        models.long = { price = { in = 2, out = 2 }, capabilities = { context = 64_000 } }\n\
        [backend.next_large]\nprovider = \"openai\"\nsecret = \"env:NEXT\"\njurisdictions = [\"DE\"]\nmodels.long = { price = { in = 5, out = 6 } }\n\
        [[route]]\nname = \"long\"\nmatch = { model = \"long\" }\ntiers = [[\"large\"]]\n\
        shadow = { backend = \"next_large\", share = \"50%\", max_cost_per_day = \"$1000\" }\n";
    let new = policy(&format!("{old}shadow = {{ backend = \"next\", share = \"10%\", max_cost_per_day = \"$1000\" }}\n{larger}"));
    let mut log = log();
    log.iter_mut().for_each(|request| request["too_small"] = json!(8000));
    let copies = replayed(&log, InForce::Policy(&policy(&old)), &new).copies.unwrap();
    let after = copies.by_route.iter().map(|route| (route.route.as_str(), route.after.as_ref().unwrap()));
    let [(_, first), (_, last)] = after.collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((first.backend.as_str(), last.backend.as_str()), ("next", "next_large"));
    is_about(first.copies_per_day, 101.0 * 0.1 * LOGS_A_DAY);
    is_about(first.usd_per_day, 101.0 * 0.1 * 0.005 * LOGS_A_DAY);
    // Half of those of which no copy was sent yet, at $5 and $6 a million.
    is_about(last.copies_per_day, 101.0 * 0.9 * 0.5 * LOGS_A_DAY);
    is_about(last.usd_per_day, 101.0 * 0.9 * 0.5 * 0.008 * LOGS_A_DAY);
}

#[test]
fn where_most_requests_have_no_price_only_the_cost_of_copies_is_told() {
    let new = shadowed(r#"{ backend = "next", share = "10%", max_cost_per_day = "$100" }"#);
    let mut log = log();
    log.iter_mut().take(60).for_each(|request| request["cost_nano_usd"] = Value::Null);
    let traffic = replayed(&log, InForce::Policy(&policy(OLD)), &new);
    assert_eq!((traffic.priced, traffic.cost_delta_usd_per_day), (41, None));
    is_about(traffic.copies.unwrap().delta_usd_per_day.unwrap().value, 101.0 * 0.1 * 0.005 * LOGS_A_DAY);
}
