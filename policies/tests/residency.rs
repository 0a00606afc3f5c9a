//! Where data may be processed, and what is agreed about it: what leaves a backend out whatever else happens.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use tradewind_policies::{Caller, Needs, NoRoute, Operation, Policy, PolicyErrors, Request, SourceFile, Stage, TenantId};

const POLICY: &str = r#"
version = 1
[backend.frankfurt]
provider = "bedrock"
region = "eu-central-1"
no_training = true
models.chat = { name = "anthropic.claude-sonnet-4-20250514-v1:0" }
models.fast = { name = "global.anthropic.claude-haiku-4-5-20251001-v1:0" }
[backend.sweden]
provider = "azure-openai"
resource = "acme"
region = "swedencentral"
models.chat = { deployment_type = "data-zone" }
models.fast = { deployment_type = "global" }
[backend.somewhere]
provider = "openai"
secret = "env:KEY"
models.chat = {}
models.fast = {}
[backend.own]
provider = "vllm"
base_url = "http://vllm.internal/v1"
jurisdictions = ["NO"]
zero_retention = true
no_training = true
models.chat = {}
[tenant.free]
allow = ["*"]
[tenant.union]
allow = ["*"]
residency = ["EU"]
[tenant.north]
allow = ["*"]
residency = ["EEA"]
[tenant.careful]
allow = ["*"]
no_training = true
[[route]]
name = "chat"
match = { model = "chat" }
tiers = [["frankfurt", "sweden"], ["somewhere", "own"]]
[[route]]
name = "fast"
match = { model = "fast" }
tiers = [["frankfurt", "sweden", "somewhere"]]
"#;

fn parse(text: &str) -> Result<Policy, PolicyErrors> {
    Policy::parse(&[SourceFile::new("policy.toml", text)])
}

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn request<'r>(who: &'r TenantId, model: &'r str) -> Request<'r> {
    Request::new(Caller::of(who), model, Operation::Chat)
}

fn eligible(policy: &Policy, who: &str, model: &str) -> Result<Vec<String>, NoRoute> {
    let who = tenant(who);
    let eligible = policy.eligible(&request(&who, model))?;
    Ok(eligible.targets().map(|target| policy.backends().get(target.backend.get()).unwrap().name.to_string()).collect())
}

#[test]
fn a_tenants_floor_leaves_out_what_is_elsewhere_or_nobody_knows_where() {
    let policy = parse(POLICY).unwrap();
    assert_eq!(eligible(&policy, "free", "chat").unwrap(), ["frankfurt", "sweden", "somewhere", "own"]);
    assert_eq!(eligible(&policy, "union", "chat").unwrap(), ["frankfurt", "sweden"]);
    assert_eq!(eligible(&policy, "north", "chat").unwrap(), ["frankfurt", "sweden", "own"]);
    assert_eq!(eligible(&policy, "careful", "chat").unwrap(), ["frankfurt", "own"]);
}

#[test]
fn what_a_cloud_moves_silently_satisfies_nothing_and_the_reasons_say_so() {
    let policy = parse(POLICY).unwrap();
    let Err(NoRoute::NoneEligible { stage, reasons, .. }) = eligible(&policy, "union", "fast") else {
        panic!("a global profile serves a tenant of the EU");
    };
    assert_eq!(stage, Stage::Residency);
    let told: Vec<_> =
        reasons.iter().map(|(backend, excluded)| (backend.as_str(), excluded.place.as_ref().unwrap().line)).collect();
    assert_eq!(told, [("frankfurt", 8), ("sweden", 14), ("somewhere", 19)]);
    let text = reasons.to_string();
    for part in [
        "anywhere (inference profile `global.`)",
        "deployment type `global`",
        "nobody says where",
        "tenant `union` at policy.toml:29",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn requirements_of_defaults_route_and_tenant_add_up() {
    let defaults = POLICY.replace("version = 1\n", "version = 1\n[defaults]\nrequire = { jurisdictions = [\"EEA\"] }\n");
    let fast = defaults.split("[[route]]\nname = \"fast\"").next().unwrap();
    let text = format!("{fast}require = {{ jurisdictions = [\"EU\", \"NO\"], no_training = true }}\n");
    let policy = parse(&text).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(eligible(&policy, "free", "chat").unwrap(), ["frankfurt", "own"]);
    assert_eq!(eligible(&policy, "union", "chat").unwrap(), ["frankfurt"]);
}

#[test]
fn a_model_is_only_left_out_for_what_it_is_said_to_lack() {
    let lacking = "models.chat = { capabilities = { tools = false, context = 1000 } }\nmodels.fast = {}\n[backend.own]";
    let text = POLICY.replace("models.chat = {}\nmodels.fast = {}\n[backend.own]", lacking);
    let policy = parse(&text).unwrap();
    let who = tenant("free");
    let asked = |needs: Needs| {
        let eligible = policy.eligible(&Request { needs, ..request(&who, "chat") }).unwrap();
        eligible.targets().map(|target| target.backend.get()).collect::<Vec<_>>()
    };
    let all = asked(Needs::default());
    let some = asked(Needs { tools: true, ..Needs::default() });
    assert_eq!((all.len(), some.len()), (4, 3));
    assert_eq!(asked(Needs { prompt_tokens: 900, max_output_tokens: Some(100), ..Needs::default() }), all);
    assert_eq!(asked(Needs { prompt_tokens: 900, max_output_tokens: Some(101), ..Needs::default() }), some);
}

#[test]
fn where_nobody_seems_to_have_room_all_may_still_be_tried() {
    let text = "version = 1\n[backend.a]\nprovider = \"vllm\"\nbase_url = \"http://a/v1\"\nmodels.m = { capabilities = { context = 100 } }\n\
        [[route]]\nname = \"r\"\nmatch = { model = \"m\" }\ntiers = [[\"a\"]]\n";
    let policy = parse(text).unwrap();
    let who = tenant("me");
    let needs = Needs { prompt_tokens: 1_000, ..Needs::default() };
    assert_eq!(policy.eligible(&Request { needs, ..request(&who, "m") }).unwrap().targets().count(), 1);
}

#[test]
fn what_a_caller_is_shown_is_what_some_backend_may_serve() {
    let policy = parse(POLICY).unwrap();
    let shown = |who: &str| {
        let who = tenant(who);
        policy.models_for(&Caller::of(&who), None).iter().map(|model| model.name.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((shown("free").len(), shown("union")), (2, vec!["chat".to_owned()]));
}
