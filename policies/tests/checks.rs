//! What an operator sees of a policy that could be in force: its tests, what is likely a mistake, and what it names outside of itself.
//!
//! Each folder of `tests/warnings` holds one policy and, in `expected.txt`, what is said of it. With `UPDATE_EXPECTED` set, the test writes
//! what it sees instead; the review of that change is the test then.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::fs;
use std::path::Path;

use tradewind_policies::{Day, Outside, Policy, Severity, SourceFile};

/// When the policies are looked at.
fn today() -> Day {
    Day::new(2026, 11, 20).unwrap()
}

fn source(text: &str) -> [SourceFile; 1] {
    [SourceFile::new("policy.toml", text)]
}

#[test]
fn what_is_likely_a_mistake_is_said_and_not_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/warnings");
    let mut wrong = Vec::new();
    for folder in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        let text = fs::read_to_string(folder.join("policy.toml")).unwrap();
        let checked = Policy::check(&source(&text), today());
        assert!(checked.policy.is_some() && Policy::parse(&source(&text)).is_ok(), "{}", folder.display());
        assert!(checked.findings.iter().all(|finding| finding.severity == Severity::Warning));
        let seen = checked.findings.iter().map(|finding| format!("{finding}\n")).collect::<Vec<_>>().join("\n");
        let expected = folder.join("expected.txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &seen).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != seen {
            wrong.push(format!("{}:\n{seen}", folder.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const ROUTED: &str = r#"
version = 1
[backend.cloud]
provider = "openai"
secret = "env:OPENAI_API_KEY"
ca_file = "/etc/ca.pem"
models.chat = {}
models.embed = { operations = ["embeddings"] }
[backend.here]
provider = "local"
models.chat = {}
[[route]]
name = "chat"
match = { model = "chat" }
tiers = [["cloud"], ["here"]]
[[route]]
name = "embed"
match = { model = "embed" }
tiers = [["cloud"]]
"#;

#[test]
fn tests_that_hold_are_counted_and_leave_no_finding() {
    let text = format!(
        r#"{ROUTED}
        [[test]]
        name = "all that serve it, in their order"
        given = {{ model = "chat", operation = "completions" }}
        expect = {{ only = ["here", "cloud"], first_tier = ["cloud"], includes = ["here"], route = "chat" }}
        [[test]]
        name = "a tier that is down is no tier"
        given = {{ model = "chat" }}
        with = {{ down = ["cloud"] }}
        expect = {{ only = ["here"], first_tier = ["here"], excludes = ["cloud"] }}
        [[test]]
        name = "what is asked of a model that does not chat is what it serves"
        given = {{ model = "embed" }}
        expect = {{ only = ["cloud"] }}
        [[test]]
        given = {{ model = "embed" }}
        with = {{ down = ["cloud", "here"] }}
        expect = {{ no_backend = "out-of-service" }}
        [[test]]
        given = {{ model = "embed", operation = "chat" }}
        expect = {{ denied = "operation-not-served" }}
        [[test]]
        given = {{ model = "image" }}
        expect = {{ denied = "no-such-model" }}
        [[test]]
        given = {{ model = "chat", grants = ["emb*"] }}
        expect = {{ denied = "not-granted" }}
        "#
    );
    let checked = Policy::check(&source(&text), today());
    let findings: Vec<_> = checked.findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{}", findings.join("\n"));
    assert_eq!(checked.tests, 7);
}

#[test]
fn what_is_named_outside_of_a_policy_is_told_with_its_place() {
    let references = Policy::check(&source(ROUTED), today()).references;
    assert_eq!(references[0].to, Outside::Secret("env:OPENAI_API_KEY".parse().unwrap()));
    assert_eq!(references[1].to, Outside::File("/etc/ca.pem".into()));
    assert!(matches!(&references[2].to, Outside::LocalModel(model) if model.id.as_str() == "chat"));
    assert_eq!(references.len(), 3);
    let fault = references[0].fault(Severity::Warning, "it is not there");
    assert!(
        fault.to_string().starts_with("policy.toml:5:10: warning: backend.cloud.secret: it is not there\n  |\n5 |"),
        "{fault}"
    );
}
