//! The commands by which operators change the policy of a gateway that runs, and what it tells them of it.

use std::{path::Path, process::ExitCode};

use clap::Parser;
use serde_json::Value;
use tempfile::TempDir;
use tradewind::cli::policy;
use tradewind_policies::{PlanHash, PolicyHash, SourceFile};

use crate::support::{ANSWER, Gateway, Policy, chat, cloud, soon};

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    args: policy::PolicyArgs,
}

/// What a command printed, and its exit code; or why it could not be carried out.
type Done = Result<(ExitCode, String), String>;

/// Runs a command as it is run beside a gateway, on a thread of its own.
async fn command(words: &[&str]) -> Done {
    let words: Vec<String> = ["policy"].iter().chain(words).map(|word| (*word).to_owned()).collect();
    let run = move || {
        let cli = Cli::try_parse_from(words).unwrap();
        let mut out = Vec::new();
        let done = policy::run(cli.args, &mut out).map_err(|error| error.to_string());
        done.map(|code| (code, String::from_utf8(out).unwrap()))
    };
    soon(tokio::task::spawn_blocking(run)).await.unwrap()
}

/// The same, about this gateway.
async fn about(gateway: &Gateway, words: &[&str]) -> Done {
    let (admin, path) = (gateway.admin_address().to_string(), gateway.policy_path());
    let place = ["--admin", &admin, "--policy", path.to_str().unwrap(), "--home", gateway.home_dir().to_str().unwrap()];
    command(&[words, &place].concat()).await
}

/// What `GET /policy` tells.
async fn told(gateway: &Gateway) -> Value {
    let answer = gateway.admin("/policy").await;
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

async fn until_told(gateway: &Gateway, condition: impl Fn(&Value) -> bool) -> Value {
    soon(async {
        loop {
            let told = told(gateway).await;
            if condition(&told) {
                return told;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// A gateway whose history has its first policy.
async fn start(policy: &Policy) -> Gateway {
    let gateway = Gateway::start(policy).await;
    until_told(&gateway, |told| told["history"].as_array().is_some_and(|history| history.len() == 1)).await;
    gateway
}

fn hash(text: &str) -> PolicyHash {
    PolicyHash::of_files(&[SourceFile::new("", text)])
}

fn plan(from: &str, to: &str) -> String {
    PlanHash::of(hash(from), hash(to)).to_string()
}

/// A new policy, in a folder of its own.
fn draft(text: &str) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.toml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

fn names(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[tokio::test]
async fn what_was_planned_is_applied_and_told_everywhere() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let gateway = start(&Policy::in_turn([a.base_url()])).await;
    let old = std::fs::read_to_string(gateway.policy_path()).unwrap();
    let new = gateway.policy_text(&Policy::in_turn([b.base_url()]));
    let (_kept, path) = draft(&new);
    let plan = plan(&old, &new);
    let (code, out) = about(&gateway, &["apply", &path, "--plan", &plan, "--json"]).await.unwrap();
    assert_eq!(code, ExitCode::SUCCESS, "{out}");
    let out: Value = serde_json::from_str(&out).unwrap();
    let (before, after) = (hash(&old).to_string(), hash(&new).to_string());
    assert_eq!(
        (&out["outcome"], &out["hash"], &out["before"]),
        (&"in_force".into(), &after.clone().into(), &before.clone().into())
    );

    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    assert_eq!((a.requests().len(), b.requests().len()), (0, 1));
    let told = until_told(&gateway, |told| told["history"][0]["hash"] == after.as_str()).await;
    assert_eq!((&told["hash"], &told["why"], &told["refused"]), (&after.clone().into(), &"apply".into(), &Value::Null));
    assert_eq!(told["source"], gateway.policy_path().to_str().unwrap());
    assert_eq!(told["history"][1]["hash"], before.as_str());
    assert_eq!(told["history"][1]["why"], "start");
    assert!(told["age_seconds"].as_f64().unwrap() >= 0.0 && told["since"].as_str().unwrap().ends_with('Z'), "{told}");
    let label = |hash: &str| format!("policy=\"{}\"", &hash[..12]);
    assert_eq!(gateway.metric("tradewind_policy_info", &[&label(&after)]).await, 1.0);
    assert!(!gateway.admin("/metrics").await.contains(&label(&before)));
    assert!(gateway.metric("tradewind_policy_age_seconds", &[]).await >= 0.0);

    // Again, it is nothing new, and no plan of something else.
    let (code, out) = about(&gateway, &["apply", &path, "--plan", &plan]).await.unwrap();
    assert_eq!(code, ExitCode::from(3), "{out}");
    assert!(out.contains("this is not what was planned"), "{out}");
    let (code, out) = about(&gateway, &["apply", &path, "--plan", &self::plan(&new, &new)]).await.unwrap();
    assert_eq!((code, out), (ExitCode::SUCCESS, format!("in force already: {after}\n")));
    let records = gateway.stop().await;
    assert_eq!(records[0]["policy"], after.as_str());
}

#[tokio::test]
async fn a_plan_is_refused_once_anything_changed() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let gateway = start(&Policy::in_turn([a.base_url()])).await;
    let old = std::fs::read_to_string(gateway.policy_path()).unwrap();
    let new = gateway.policy_text(&Policy::in_turn([b.base_url()]));
    let plan = plan(&old, &new);
    // The new policy was changed.
    let (_kept, path) = draft(&format!("{new}# and more\n"));
    let (code, _) = about(&gateway, &["apply", &path, "--plan", &plan]).await.unwrap();
    assert_eq!(code, ExitCode::from(3));
    // The one in force was.
    let changed = format!("{old}# changed\n");
    gateway.write_policy_text(&changed);
    until_told(&gateway, |told| told["hash"] == hash(&changed).to_string().as_str()).await;
    let (_kept, path) = draft(&new);
    let (code, _) = about(&gateway, &["apply", &path, "--plan", &plan]).await.unwrap();
    assert_eq!(code, ExitCode::from(3));
    assert_eq!(std::fs::read_to_string(gateway.policy_path()).unwrap(), changed);
    // A faulty one is no policy at all.
    let (_kept, path) = draft("version = 1\n[backend.x]\nprovider = \"nobody\"\n");
    let error = about(&gateway, &["apply", &path, "--plan", &plan]).await.unwrap_err();
    assert!(error.contains("the new policy is faulty") && error.contains(&path), "{error}");
}

#[tokio::test]
async fn what_the_gateway_refuses_is_taken_back() {
    let a = cloud([]).await;
    let gateway = start(&Policy::in_turn([a.base_url()])).await;
    let old = std::fs::read_to_string(gateway.policy_path()).unwrap();
    // It reads well, but what it names is not there.
    let new = gateway.policy_text(&Policy::in_turn([a.base_url()]).first_has("ca_file = \"/nowhere/ca.pem\""));
    let (_kept, path) = draft(&new);
    let (code, out) = about(&gateway, &["apply", &path, "--plan", &plan(&old, &new)]).await.unwrap();
    assert_eq!(code, ExitCode::FAILURE, "{out}");
    assert!(out.contains("the gateway refused") && out.contains("/nowhere/ca.pem"), "{out}");
    assert_eq!(std::fs::read_to_string(gateway.policy_path()).unwrap(), old);
    let told = until_told(&gateway, |told| told["refused"].is_null()).await;
    assert_eq!(told["hash"], hash(&old).to_string().as_str());
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
}

#[tokio::test]
async fn a_policy_of_the_history_is_brought_back() {
    let (a, b) = (cloud([]).await, cloud([]).await);
    let gateway = start(&Policy::in_turn([a.base_url()])).await;
    let old = std::fs::read_to_string(gateway.policy_path()).unwrap();
    let error = about(&gateway, &["rollback"]).await.unwrap_err();
    assert!(error.contains("no other policy was in force lately"), "{error}");
    let new = gateway.policy_text(&Policy::in_turn([b.base_url()]));
    gateway.write_policy_text(&new);
    let (old_hash, new_hash) = (hash(&old).to_string(), hash(&new).to_string());
    until_told(&gateway, |told| told["history"][0]["hash"] == new_hash.as_str()).await;

    let (code, out) = about(&gateway, &["rollback"]).await.unwrap();
    assert_eq!((code, out), (ExitCode::SUCCESS, format!("in force: {old_hash}\nbefore:   {new_hash}\n")));
    assert_eq!(std::fs::read_to_string(gateway.policy_path()).unwrap(), old);
    assert_eq!(gateway.ask(&chat()).await.content(), ANSWER);
    assert_eq!((a.requests().len(), b.requests().len()), (1, 0));
    let told = until_told(&gateway, |told| told["history"].as_array().unwrap().len() == 3).await;
    assert_eq!(told["why"], "rollback");

    // By its hash; and over a faulty file, back to what is in force.
    let (code, _) = about(&gateway, &["rollback", &new_hash[..8]]).await.unwrap();
    assert_eq!(code, ExitCode::SUCCESS);
    until_told(&gateway, |told| told["history"][0]["hash"] == new_hash.as_str()).await;
    gateway.write_policy_text("version = 1\n[");
    until_told(&gateway, |told| !told["refused"].is_null()).await;
    // What was planned does not go over it: somebody is at work there.
    let (_kept, path) = draft(&old);
    let error = about(&gateway, &["apply", &path, "--plan", &plan(&new, &old)]).await.unwrap_err();
    assert!(error.contains("an edit that the gateway refused"), "{error}");
    assert_eq!(std::fs::read_to_string(gateway.policy_path()).unwrap(), "version = 1\n[");
    let (code, _) = about(&gateway, &["rollback"]).await.unwrap();
    assert_eq!(code, ExitCode::SUCCESS);
    assert_eq!(std::fs::read_to_string(gateway.policy_path()).unwrap(), new);

    let (_, out) = about(&gateway, &["history", "--json"]).await.unwrap();
    let listed: Value = serde_json::from_str(&out).unwrap();
    let whys: Vec<_> = listed["entries"].as_array().unwrap().iter().map(|entry| entry["why"].as_str().unwrap()).collect();
    assert_eq!(whys, ["rollback", "rollback", "change", "start"]);
    let (_, out) = about(&gateway, &["history"]).await.unwrap();
    assert!(out.starts_with(&format!("000004  {}  20", &new_hash[..12])), "{out}");
    let (_, out) = about(&gateway, &["show", &old_hash[..6]]).await.unwrap();
    assert_eq!(out, old);
    let error = about(&gateway, &["show", "000000"]).await.unwrap_err();
    assert!(error.contains("no policy whose hash begins with 000000"), "{error}");
}

#[tokio::test]
async fn without_a_gateway_the_policy_is_written_for_one_that_starts() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = ("version = 1\n", "version = 1\n# new\n");
    let policies = folder.path().join("policies");
    std::fs::create_dir(&policies).unwrap();
    std::fs::write(policies.join("1.toml"), old).unwrap();
    let drafts = tempfile::tempdir().unwrap();
    std::fs::write(drafts.path().join("2.toml"), new).unwrap();
    // Nobody listens on the port of discarded packets.
    let home = folder.path().join("home");
    let place = ["--admin", "127.0.0.1:9", "--policy", policies.to_str().unwrap(), "--home", home.to_str().unwrap()];
    let drafts_path = drafts.path().to_str().unwrap();
    let plan = plan(old, new);
    let apply = ["apply", drafts_path, "--plan", &plan];
    let (code, out) = command(&[&apply[..], &place].concat()).await.unwrap();
    assert_eq!(code, ExitCode::SUCCESS);
    assert!(out.starts_with(&format!("written:  {}", hash(new))), "{out}");
    assert_eq!((names(&policies), std::fs::read_to_string(policies.join("2.toml")).unwrap()), (1, new.to_owned()));
}

#[tokio::test]
async fn what_cannot_be_written_or_asked_is_told_before_anything_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = ("version = 1\n", "version = 1\n# new\n");
    std::fs::create_dir(folder.path().join("..1")).unwrap();
    std::fs::write(folder.path().join("..1/policy.toml"), old).unwrap();
    std::os::unix::fs::symlink("..1", folder.path().join("..data")).unwrap();
    let (mounted, home) = (folder.path().join("policy.toml"), folder.path().join("home"));
    std::os::unix::fs::symlink("..data/policy.toml", &mounted).unwrap();
    let (_kept, path) = draft(new);
    let plan = plan(old, new);
    let apply = ["apply", &path, "--plan", &plan, "--home", home.to_str().unwrap(), "--policy", mounted.to_str().unwrap()];
    let error = command(&[&apply[..], &["--admin", "127.0.0.1:9"]].concat()).await.unwrap_err();
    assert!(error.contains("ConfigMap") && error.contains("kubectl"), "{error}");
    let other = cloud([]).await;
    let error = command(&[&apply[..], &["--admin", &other.addr().to_string()]].concat()).await.unwrap_err();
    assert!(error.contains("does not tell of a policy"), "{error}");
    assert_eq!(std::fs::read_to_string(mounted).unwrap(), old);
}
