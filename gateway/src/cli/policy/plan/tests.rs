//! What plans tell people: on a terminal, in Markdown and as JSON.

use clap::Parser;
use tradewind_policies::SourceFile;
use tradewind_policies::simulate::{Scenario, record};

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
    assert!(text.contains("no change") && text.contains("what they mean does not") && !text.contains("apply"), "{text}");
}

#[test]
fn prints_json_and_markdown() {
    let (json, _) = planned("in = 1.0", "in = 2.0", &["--json"]);
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["backends"][0]["settings"][0]["key"], "models.chat.price");
    assert!(value["changes"].as_array().unwrap().is_empty() && value["share_moved"].is_null());
    assert_eq!(value["plan_hash"].as_str().unwrap().len(), 64);
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

#[test]
fn replays_a_recorded_log() {
    let scenario = Scenario::parse(SourceFile::new("world.toml", WORLD), &|_| Err("no trace".to_owned())).unwrap();
    let recorded = record(&scenario, 1, 5);
    let dir = tempfile::tempdir().unwrap();
    let [old, new, log] = ["old.toml", "new.toml", "log.jsonl"].map(|name| dir.path().join(name));
    std::fs::write(&old, &recorded.policy).unwrap();
    std::fs::write(&new, recorded.policy.replace(r#"[["near", "far"]]"#, r#"[["far"]]"#)).unwrap();
    let mut lines = Vec::new();
    recorded.decisions.iter().for_each(|decision| decision.write_line(&mut lines).unwrap());
    std::fs::write(&log, lines).unwrap();
    let [old, new, log] = [&old, &new, &log].map(|path| path.to_str().unwrap());
    let args = Cli::try_parse_from(["plan", new, "--against", old, "--log", log, "--json"]).unwrap().args;
    let mut out = Vec::new();
    run(&args, &mut out).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
    let near = recorded.decisions.iter().filter(|decision| decision.attempts[0].backend == "near").count() as f64;
    let moved = value["share_moved"].as_f64().unwrap();
    assert!((moved - near / recorded.decisions.len() as f64).abs() < 1e-9, "{moved}");
    assert!(value["cost_delta_usd_per_day"].as_f64().unwrap() < 0.0);
    assert!(value["p95_ttft_delta_s"].as_f64().unwrap() > 0.1);
    assert_eq!(value["unroutable"], 0);
}
