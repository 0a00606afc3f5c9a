//! Who may be sent copies of a route's requests: nobody who could not answer them.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use tradewind_policies::spec::NanoUsd;
use tradewind_policies::{Caller, Needs, Operation, Policy, Request, SourceFile, Stage, TenantId};

const POLICY: &str = r#"
version = 1
[backend.now]
provider = "vllm"
base_url = "http://now.internal/v1"
jurisdictions = ["DE"]
zero_retention = true
models.chat = { operations = ["chat", "embeddings"] }
[backend.next]
provider = "openai"
secret = "env:KEY"
jurisdictions = ["US"]
models.chat = { name = "gpt-next", price = { in = 1, out = 2 }, capabilities = { tools = false, context = 1000 } }
[tenant.free]
allow = ["*"]
[tenant.union]
allow = ["*"]
residency = ["EU"]
[tenant.careful]
allow = ["*"]
zero_retention = true
[[route]]
name = "chat"
match = { model = "chat" }
tiers = [["now"]]
shadow = { backend = "next", share = "2.5%", max_cost_per_day = "$0.50" }
"#;

fn policy() -> Policy {
    Policy::parse(&[SourceFile::new("policy.toml", POLICY)]).unwrap()
}

fn left_out(who: &str, operation: Operation, needs: Needs) -> Option<Stage> {
    let (policy, who): (_, TenantId) = (policy(), who.parse().unwrap());
    let request = Request { needs, ..Request::new(Caller::of(&who), "chat", operation) };
    let eligible = policy.eligible(&request).unwrap();
    let considered = policy.consider(&request).unwrap().shadow.unwrap();
    let stage = considered.excluded.map(|excluded| excluded.stage);
    assert_eq!(eligible.shadow().is_none(), stage.is_some(), "{stage:?}");
    assert_eq!(eligible.left_out_shadow(), stage.map(|_| considered.target.backend));
    assert_eq!(eligible.targets().count(), 1, "it is in no tier");
    stage
}

#[test]
fn a_copy_is_subject_to_every_stage() {
    let chat = |who, needs| left_out(who, Operation::Chat, needs);
    assert_eq!(chat("free", Needs::default()), None);
    assert_eq!(chat("union", Needs::default()), Some(Stage::Residency));
    assert_eq!(chat("careful", Needs::default()), Some(Stage::DataTerms));
    assert_eq!(left_out("free", Operation::Embeddings, Needs::default()), Some(Stage::Operation));
    assert_eq!(chat("free", Needs { tools: true, ..Needs::default() }), Some(Stage::Capability));
    let long = Needs { prompt_tokens: 2000, ..Needs::default() };
    assert_eq!(chat("free", long), Some(Stage::Room), "nobody waits for it, so nothing is tried on the off chance");
}

#[test]
fn what_the_route_says_of_its_copies_is_known() {
    let (policy, who): (_, TenantId) = (policy(), "free".parse().unwrap());
    let eligible = policy.eligible(&Request::new(Caller::of(&who), "chat", Operation::Chat)).unwrap();
    let shadow = eligible.shadow().unwrap();
    assert_eq!(shadow.target.model.as_str(), "gpt-next");
    assert_eq!(shadow.share.hundredths(), 250);
    assert_eq!(shadow.max_cost_per_day, Some(NanoUsd(500_000_000)));
}

#[test]
fn of_a_server_without_a_price_no_limit_is_asked() {
    let text = POLICY.replace("\"next\", share = \"2.5%\", max_cost_per_day = \"$0.50\"", "\"next\", share = \"1%\"");
    let parse = |text: &str| Policy::parse(&[SourceFile::new("policy.toml", text)]);
    let errors = parse(&text).unwrap_err().to_string();
    assert!(errors.contains("add how much a day may cost"), "{errors}");
    parse(&text.replace("{ in = 1, out = 2 }", "false")).unwrap();
    parse(&text.replace("{ in = 1, out = 2 }", "{ in = 0, out = 0 }")).unwrap();
}
