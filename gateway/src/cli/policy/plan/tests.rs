//! What plans tell people: on a terminal, in Markdown and as JSON.

use clap::Parser;
use tradewind_policies::SourceFile;
use tradewind_policies::simulate::{Recorded as Recording, Scenario, record};

use super::*;

const OLD: &str = r#"
version = 1
[backend.near]
provider = "openai"
secret = "env:A"
failure_domain = "north"
models.chat = { price = { in = 1.0, out = 2.0 } }
[backend.far]
provider = "openai"
secret = "env:B"
failure_domain = "south"
models.chat = {}
[[route]]
name = "all"
match = { model = "chat" }
tiers = [["near"], ["far"]]
"#;

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    args: PlanArgs,
}

/// What is printed for the change of `from` into `to`, and the exit code.
fn planned(from: &str, to: &str, flags: &[&str]) -> (String, ExitCode) {
    let dir = tempfile::tempdir().unwrap();
    let [old, new] = ["old.toml", "new.toml"].map(|name| dir.path().join(name));
    std::fs::write(&old, OLD).unwrap();
    std::fs::write(&new, OLD.replace(from, to)).unwrap();
    let line = ["plan", new.to_str().unwrap(), "--policy", old.to_str().unwrap()];
    let args = Cli::try_parse_from(line.into_iter().chain(flags.iter().copied())).unwrap().args;
    let mut out = Vec::new();
    let code = run(&args, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    (text.replace(dir.path().to_str().unwrap(), "DIR"), code)
}

#[test]
fn tells_what_changes_for_whom_and_how_to_apply_it() {
    let (text, code) = planned(r#"["near"], ["far"]"#, r#"["near"]"#, &[]);
    let told = "DIR/old.toml -> DIR/new.toml\n\nchat for every tenant: chat, completions (route all)\n  - far, was in tier 2\n  \
        ! loses its only failover outside north\n\nno log was given (--log): what becomes of the traffic is not told\n\n1 change for requests, 1 line to look at twice\nplan ";
    assert!(text.starts_with(told), "{text}");
    assert!(text.contains("apply it with: tradewind policy apply DIR/new.toml --plan "), "{text}");
    assert!(!text.contains('\u{1b}'));
    assert_eq!(code, ExitCode::SUCCESS);
}

#[test]
fn the_example_in_the_readme_is_what_is_printed() {
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../policies");
    let company = std::fs::read_to_string(format!("{policies}/examples/company.toml")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let [old, new] = ["company.toml", "new.toml"].map(|name| dir.path().join(name));
    std::fs::write(&old, &company).unwrap();
    std::fs::write(&new, company.replace(r#", ["vllm"]]"#, "]").replace("concurrency = 64", "concurrency = 32")).unwrap();
    let args = Cli::try_parse_from(["plan", new.to_str().unwrap(), "--policy", old.to_str().unwrap()]).unwrap().args;
    let mut out = Vec::new();
    run(&args, &mut out).unwrap();
    let printed = String::from_utf8(out).unwrap().replace(&format!("{}/", dir.path().display()), "");
    // The hash of the plan changes with every comment of the example.
    let (told, _) = printed.split_once("\nplan ").unwrap();
    let page = std::fs::read_to_string(format!("{policies}/README.md")).unwrap();
    assert!(page.contains(&format!("--policy company.toml\n{told}\n…\n```\n")), "{told}");
}

#[test]
fn the_exit_code_tells_of_changes_where_it_is_asked_for() {
    assert_eq!(planned("in = 1.0", "in = 2.0", &["--detailed-exitcode"]).1, ExitCode::from(CHANGES));
    let (text, code) = planned("version = 1", "version = 1 # one", &["--detailed-exitcode"]);
    assert_eq!(code, ExitCode::SUCCESS);
    let unknown = planned(
        "match = { model = \"chat\" }",
        "match = { model = \"chat\", when = \"session != 'a'\" }",
        &["--detailed-exitcode"],
    );
    assert_eq!(unknown.1, ExitCode::from(CHANGES), "{}", unknown.0);
    assert!(text.contains("no change") && text.contains("what they mean does not") && !text.contains("apply"), "{text}");
}

#[test]
fn prints_json_and_markdown() {
    let (json, _) = planned("in = 1.0", "in = 2.0", &["--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["backends"][0]["settings"][0]["key"], "models.chat.price");
    assert!(value["changes"].as_array().unwrap().is_empty() && value["share_moved"].is_null());
    assert_eq!(value["plan_hash"].as_str().unwrap().len(), 64);
    assert!(value["unsupported"].is_null());
    let (markdown, _) = planned("in = 1.0", "in = 2.0", &["--markdown"]);
    assert!(
        markdown.contains("```diff\n~ models.chat.price: { in = $1.00, out = $2.00 } -> { in = $2.00, out = $2.00 }\n```"),
        "{markdown}"
    );
}

const WORLD: &str = r#"
    name = "two"
    horizon = 60
    [arrivals]
    rate = 10
    [prompt]
    law = "constant"
    value = 100
    [output]
    law = "constant"
    value = 20
    [[backend]]
    name = "near"
    ttft = { base = "100ms", sigma = 0.3 }
    tpot = { base = "10ms" }
    price = { in = 1.0, out = 2.0 }
    [[backend]]
    name = "far"
    ttft = { base = "300ms", sigma = 0.3 }
    tpot = { base = "10ms" }
    price = { in = 0.5, out = 1.0 }
"#;

/// A recorded world, and what is printed for the change of its policy from `old` to `new`.
fn planned_with_a_log(old: impl Fn(&str) -> String, new: impl Fn(&str) -> String, flags: &[&str]) -> (Recording, String) {
    let scenario = Scenario::parse(SourceFile::new("world.toml", WORLD), &|_| Err("no trace".to_owned())).unwrap();
    let recorded = record(&scenario, 1, 5);
    let dir = tempfile::tempdir().unwrap();
    let [old_path, new_path, log] = ["old.toml", "new.toml", "log.jsonl"].map(|name| dir.path().join(name));
    std::fs::write(&old_path, old(&recorded.policy)).unwrap();
    std::fs::write(&new_path, new(&recorded.policy)).unwrap();
    let mut lines = Vec::new();
    recorded.decisions.iter().for_each(|decision| decision.write_line(&mut lines).unwrap());
    std::fs::write(&log, lines).unwrap();
    let [old, new, log] = [&old_path, &new_path, &log].map(|path| path.to_str().unwrap());
    let line = ["plan", new, "--against", old, "--log", log];
    let args = Cli::try_parse_from(line.into_iter().chain(flags.iter().copied())).unwrap().args;
    let mut out = Vec::new();
    run(&args, &mut out).unwrap();
    (recorded, String::from_utf8(out).unwrap())
}

#[test]
fn replays_a_recorded_log() {
    let only_far = |policy: &str| policy.replace(r#"[["near", "far"]]"#, r#"[["far"]]"#);
    let (recorded, json) = planned_with_a_log(str::to_owned, only_far, &["--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let near = recorded.decisions.iter().filter(|decision| decision.attempts[0].backend == "near").count() as f64;
    let moved = value["share_moved"].as_f64().unwrap();
    assert!((moved - near / recorded.decisions.len() as f64).abs() < 1e-9, "{moved}");
    assert!(value["cost_delta_usd_per_day"].as_f64().unwrap() < 0.0);
    assert!(value["p95_ttft_delta_s"].as_f64().unwrap() > 0.1);
    assert_eq!((&value["unroutable"], &value["unsupported"]), (&0.into(), &0.into()));
    assert!(value["traffic"]["copies"].is_null() && value["copies_delta_usd_per_day"].is_null());
}

/// The recorded policy with a shadow that takes $10 for a million tokens of either kind.
fn shadowed(policy: &str, share: &str) -> String {
    let tiers = r#"tiers = [["near", "far"]]"#;
    assert!(policy.contains(tiers), "{policy}");
    let shadow = format!("shadow = {{ backend = \"next\", share = \"{share}\", max_cost_per_day = \"$200\" }}");
    let next = "provider = \"openai\"\nsecret = \"env:NEXT\"\nmodels.model = { price = { in = 10.0, out = 10.0 } }";
    format!("{}\n[backend.next]\n{next}\n", policy.replace(tiers, &format!("{tiers}\n{shadow}")))
}

/// What copies of all requests would cost in a day: 100 tokens of prompt and 20 of an answer each.
fn all_copied(recorded: &Recording) -> (f64, f64) {
    let (first, last) = (recorded.decisions.first().unwrap(), recorded.decisions.last().unwrap());
    let a_day = recorded.decisions.len() as f64 * 86_400.0 / last.at.since(first.at).as_secs_f64();
    (a_day, a_day * 120.0 * 10.0 * 1e-6)
}

#[test]
fn tells_what_copies_to_a_shadow_would_cost() {
    let shadow = |policy: &str| shadowed(policy, "10%");
    let (recorded, json) = planned_with_a_log(str::to_owned, shadow, &["--json"]);
    let (copies, dollars) = all_copied(&recorded);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    for figure in ["copies_delta_usd_per_day", "cost_delta_usd_per_day"] {
        assert!((value[figure].as_f64().unwrap() - 0.1 * dollars).abs() < 1e-6, "{figure}: {}", value[figure]);
    }
    assert_eq!(value["traffic"]["copies"]["by_route"][0]["after"]["is_capped"], false);
    let (_, text) = planned_with_a_log(str::to_owned, shadow, &[]);
    assert!(text.contains(&format!("\n  copies          ${:.2} a day (", 0.1 * dollars)), "{text}");
    let route = format!("10% to next, {:.0} a day for ${:.2}", 0.1 * copies, 0.1 * dollars);
    assert!(text.contains("), was $0.00\n") && text.contains(&route), "{text}");
    let (_, markdown) = planned_with_a_log(str::to_owned, shadow, &["--markdown"]);
    assert!(markdown.contains("| copies | $") && markdown.contains(&format!(" | {route} |\n")), "{markdown}");
}

#[test]
fn tells_that_the_cap_is_what_bounds_the_cost_of_copies() {
    let (recorded, text) = planned_with_a_log(|policy| shadowed(policy, "1%"), |policy| shadowed(policy, "50%"), &[]);
    let (copies, dollars) = all_copied(&recorded);
    let told = format!(
        "50% to next, {:.0} a day would cost ${:.2}, and max_cost_per_day ends them at $200.00; was 1% to next, {:.0} a day for ${:.2}\n",
        0.5 * copies,
        0.5 * dollars,
        0.01 * copies,
        0.01 * dollars,
    );
    assert!(text.contains(&told), "{text}\n{told}");
    let both = format!("copies          $200.00 a day (200.00..200.00), was ${:.2}\n", 0.01 * dollars);
    assert!(text.contains(&both), "{text}");
    let (_, same) = planned_with_a_log(|policy| shadowed(policy, "1%"), |policy| shadowed(policy, "1%"), &[]);
    assert!(same.contains(&format!(" a day for ${:.2}, as before\n", 0.01 * dollars)), "{same}");
    let (_, none) = planned_with_a_log(|policy| shadowed(policy, "1%"), str::to_owned, &[]);
    assert!(none.contains("none any more; was 1% to next"), "{none}");
}
