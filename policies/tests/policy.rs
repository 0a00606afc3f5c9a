//! What a policy decides, asked from outside: who may use what, and where it goes.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::path::Path;
use std::time::Duration;

use tradewind_policies::spec::{Api, Credential, HttpVersion, OpenAiHost, Provider, SecretRef, Target, TenantLimits};
use tradewind_policies::{Caller, Denied, Eligible, Grantor, Grants, NoRoute, Operation, Policy, Request, SourceFile, TenantId};

const COMPANY: &str = include_str!("../examples/company.toml");
const LAPTOP: &str = include_str!("../examples/laptop.toml");
const BACKENDS: &str = include_str!("../examples/folder/10-backends.toml");
const ROUTES: &str = include_str!("../examples/folder/20-routes.toml");

fn parse(text: &str) -> Policy {
    Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn tenant(id: &str) -> TenantId {
    id.parse().unwrap()
}

fn grants(patterns: &[&str]) -> Grants {
    Grants::parse(patterns.iter().copied()).unwrap()
}

fn eligible<'p>(policy: &'p Policy, who: &str, asked: &str, operation: Operation) -> Result<Eligible<'p>, NoRoute> {
    policy.eligible(&Request::new(Caller::of(&tenant(who)), asked, operation))
}

fn first<'p>(policy: &'p Policy, who: &str, asked: &str, operation: Operation) -> &'p Target {
    eligible(policy, who, asked, operation).unwrap().targets().next().unwrap()
}

/// The route's name and, tier by tier, the names of its backends.
fn way(policy: &Policy, who: &str, asked: &str, operation: Operation) -> (String, Vec<Vec<String>>) {
    let eligible = eligible(policy, who, asked, operation).unwrap();
    let mut tiers: Vec<Vec<String>> = Vec::new();
    for target in eligible.targets() {
        tiers.resize(target.tier + 1, Vec::new());
        tiers[target.tier].push(policy.backends()[target.backend.get()].name.to_string());
    }
    (eligible.route.to_string(), tiers)
}

#[test]
fn a_tenant_has_the_limits_that_its_entry_sets_and_no_others() {
    let policy = parse(
        r#"
        version = 1
        [backend.a]
        provider = "openai"
        secret = "env:KEY"
        models.chat = {}
        [[route]]
        name = "chat"
        match = { model = "chat" }
        tiers = [["a"]]
        [tenant.noisy]
        allow = ["*"]
        limits = { requests_per_minute = 60, concurrency = 4 }
        [tenant.quiet]
        allow = ["*"]
        "#,
    );
    let limits = |name: &str| policy.tenants().find(|(id, _)| id.as_str() == name).unwrap().1.limits;
    assert_eq!(limits("quiet"), TenantLimits::default());
    let noisy = limits("noisy");
    assert_eq!((noisy.requests_per_minute.unwrap().get(), noisy.concurrency.unwrap().get()), (60, 4));
}

#[test]
fn every_example_is_a_policy() {
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            parse(&std::fs::read_to_string(path).unwrap());
        }
    }
    let folder = [SourceFile::new("10-backends.toml", BACKENDS), SourceFile::new("20-routes.toml", ROUTES)];
    let policy = Policy::parse(&folder).unwrap();
    assert_eq!(way(&policy, "any", "chat", Operation::Chat).1, [["primary"], ["spare"]]);
}

#[test]
fn the_first_matching_route_decides() {
    let policy = parse(COMPANY);
    let large = |who| way(&policy, who, "chat-large", Operation::Chat);
    assert_eq!(large("bank-retail"), ("bank-chat-large".into(), vec![vec!["vllm".into()], vec!["openai-eu".into()]]));
    assert_eq!(large("acme").1, [vec!["openai", "openai-eu"], vec!["vllm"]]);
}

#[test]
fn an_alias_goes_where_its_model_goes_under_the_name_of_the_upstream() {
    let policy = parse(COMPANY);
    assert_eq!(way(&policy, "acme", "gpt-4o", Operation::Chat), way(&policy, "acme", "chat-large", Operation::Chat));
    let eligible = eligible(&policy, "bank-retail", "gpt-4o", Operation::Chat).unwrap();
    assert_eq!(eligible.model.as_str(), "chat-large");
    assert_eq!(eligible.targets().next().unwrap().model.as_str(), "meta-llama/Llama-3.3-70B-Instruct");
}

#[test]
fn a_model_is_called_by_its_id_upstream_unless_named() {
    let policy = Policy::parse(&[SourceFile::new("a", BACKENDS), SourceFile::new("b", ROUTES)]).unwrap();
    assert_eq!(first(&policy, "any", "chat", Operation::Chat).model.as_str(), "chat");
}

#[test]
fn timeouts_are_those_of_the_route_then_of_the_backend_then_of_the_defaults() {
    let policy = parse(COMPANY);
    let embed = eligible(&policy, "acme", "embed", Operation::Embeddings).unwrap();
    assert_eq!(embed.timeouts.total, Duration::from_secs(10));
    let attempt = first(&policy, "acme", "embed", Operation::Embeddings).timeouts;
    assert_eq!((attempt.first_token, attempt.idle), (Duration::from_secs(5), Duration::from_secs(30)));
    let chat = eligible(&policy, "bank-retail", "chat-small", Operation::Chat).unwrap();
    assert_eq!(first(&policy, "bank-retail", "chat-small", Operation::Chat).timeouts.connect, Duration::from_millis(500));
    assert_eq!(chat.routing.max_attempts.get(), 1);
}

#[test]
fn backends_say_how_to_reach_them() {
    let policy = parse(COMPANY);
    let provider = |name: &str| match &policy.backends().iter().find(|b| b.name.as_str() == name).unwrap().provider {
        Provider::Remote(remote) => remote.clone(),
        Provider::Local => panic!("{name} is local"),
    };
    let base_url = "https://api.openai.com/v1".parse().unwrap();
    assert_eq!(provider("openai").api, Api::OpenAi { host: OpenAiHost::OpenAi, base_url });
    assert_eq!(provider("openai").credential, Credential::Key(SecretRef::Env("OPENAI_API_KEY".into())));
    assert_eq!(provider("openai-eu").credential, Credential::Key(SecretRef::File("/run/secrets/openai-eu".into())));
    assert_eq!(provider("vllm").credential, Credential::None);
    assert_eq!(provider("vllm").connection.http, HttpVersion::Http2);
    assert_eq!(provider("vllm").connection.ca_file.unwrap().to_str(), Some("/etc/tradewind/company-ca.pem"));
}

#[test]
fn why_there_is_no_route_is_told_apart() {
    let policy = parse(COMPANY);
    let ask = |who, asked, operation| eligible(&policy, who, asked, operation).unwrap_err();
    assert!(matches!(ask("acme", "gpt-5", Operation::Chat), NoRoute::NoSuchModel { .. }));
    assert!(matches!(ask("acme", "embed", Operation::Chat), NoRoute::OperationNotServed { .. }));
    let only_bank = COMPANY.split("[[route]]\nname = \"chat-large\"").next().unwrap().replace(", \"embed\"]", "]");
    let policy = parse(&only_bank.replace("\"text-embedding-3-small\" = \"embed\"\n", ""));
    let error = eligible(&policy, "acme", "chat-large", Operation::Chat).unwrap_err();
    assert!(matches!(error, NoRoute::NotForTenant { .. }), "{error}");
}

#[test]
fn token_and_tenant_entry_must_both_grant() {
    let policy = parse(COMPANY);
    let ask =
        |who, token: Option<&[&str]>, asked| policy.authorize(&tenant(who), token.map(grants).as_ref(), asked, Operation::Chat);
    assert_eq!(ask("acme", None, "chat-large"), Ok(()));
    assert_eq!(ask("acme", Some(&["chat-*"]), "chat-large"), Ok(()));
    let denied = |by| Err(Denied::NotGranted { by, asked: "chat-large".into() });
    assert_eq!(ask("acme", Some(&["embed"]), "chat-large"), denied(Grantor::Token));
    assert_eq!(ask("acme", Some(&[]), "chat-large"), denied(Grantor::Token));
    assert_eq!(ask("bank-retail", Some(&["*"]), "embed"), Err(Denied::NotGranted { by: Grantor::Tenant, asked: "embed".into() }));
}

#[test]
fn a_grant_may_name_the_alias_or_its_model() {
    let policy = parse(COMPANY);
    let ask =
        |patterns: &[&str], asked| policy.authorize(&tenant("acme"), Some(&grants(patterns)), asked, Operation::Chat).is_ok();
    assert!(ask(&["gpt-4o"], "gpt-4o"));
    assert!(ask(&["chat-large"], "gpt-4o"));
    // An alias that is granted is not its model's name.
    assert!(!ask(&["gpt-4o"], "chat-large"));
}

#[test]
fn a_tenant_that_is_not_declared_is_denied_whatever_its_token_says() {
    let denied = parse(COMPANY).authorize(&tenant("eve"), Some(&grants(&["*"])), "chat-large", Operation::Chat);
    assert_eq!(denied, Err(Denied::UnknownTenant(tenant("eve"))));
}

#[test]
fn where_nothing_grants_everything_is_denied() {
    let policy = parse(LAPTOP);
    let denied = policy.authorize(&tenant("me"), None, "chat", Operation::Chat);
    assert_eq!(denied, Err(Denied::NothingGrants { asked: "chat".into() }));
    assert_eq!(policy.authorize(&tenant("me"), Some(&grants(&["chat"])), "chat", Operation::Chat), Ok(()));
}

#[test]
fn only_who_is_granted_a_name_learns_whether_it_exists() {
    let policy = parse(COMPANY);
    let ask = |who, asked| policy.authorize(&tenant(who), None, asked, Operation::Chat);
    assert_eq!(ask("acme", "gpt-5"), Err(Denied::NoSuchModel { asked: "gpt-5".into() }));
    assert_eq!(ask("bank-retail", "chat-huge"), Err(Denied::NoSuchModel { asked: "chat-huge".into() }));
    assert!(matches!(ask("acme", "embed"), Err(Denied::OperationNotServed { .. })));
    for asked in ["gpt-5", "embed"] {
        let denied = Err(Denied::NotGranted { by: Grantor::Tenant, asked: asked.into() });
        assert_eq!(ask("bank-retail", asked), denied, "a missing and a forbidden model look the same");
    }
}

#[test]
fn a_caller_sees_the_names_it_may_use_and_no_others() {
    let policy = parse(COMPANY);
    let names = |who, token: Option<&[&str]>| {
        let models = policy.models_for(&Caller::of(&tenant(who)), token.map(grants).as_ref());
        models.iter().map(|model| model.name.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("acme", None), ["chat-large", "chat-small", "embed", "gpt-4o", "gpt-4o-mini", "text-embedding-3-small"]);
    assert_eq!(names("bank-retail", None), ["chat-large", "chat-small", "gpt-4o", "gpt-4o-mini"]);
    assert_eq!(names("bank-retail", Some(&["*-small"])), ["chat-small", "gpt-4o-mini"]);
    assert!(names("eve", Some(&["*"])).is_empty());
    let policy = parse(LAPTOP);
    assert!(policy.models_for(&Caller::of(&tenant("me")), None).is_empty());
}

#[test]
fn what_a_caller_sees_it_may_use() {
    for (text, who, token) in [(COMPANY, "bank-markets", None), (LAPTOP, "me", Some(grants(&["*"])))] {
        let policy = parse(text);
        for model in policy.models_for(&Caller::of(&tenant(who)), token.as_ref()) {
            for operation in model.operations.iter() {
                assert_eq!(policy.authorize(&tenant(who), token.as_ref(), model.name, operation), Ok(()));
                eligible(&policy, who, model.name, operation).unwrap();
            }
        }
    }
}

#[test]
fn the_built_in_policy_serves_the_local_models_under_their_ids_and_aliases() {
    let policy = Policy::local(Some("smollm2-135m-instruct"), Some("all-minilm-l6-v2")).unwrap();
    let all = grants(&["*"]);
    for (asked, operation) in [
        ("default", Operation::Chat),
        ("default", Operation::Completions),
        ("smollm2-135m-instruct", Operation::Chat),
        ("default-embeddings", Operation::Embeddings),
        ("all-minilm-l6-v2", Operation::Embeddings),
    ] {
        assert_eq!(policy.authorize(&tenant("me"), Some(&all), asked, operation), Ok(()));
        assert_eq!(way(&policy, "me", asked, operation).1, [["local"]]);
    }
    assert!(policy.authorize(&tenant("me"), None, "default", Operation::Chat).is_err());
    assert_eq!(policy.backends()[0].provider, Provider::Local);
}

#[test]
fn the_built_in_policy_without_models_serves_nothing() {
    let policy = Policy::local(None, None).unwrap();
    assert!(policy.backends().is_empty());
    assert!(policy.models_for(&Caller::of(&tenant("me")), Some(&grants(&["*"]))).is_empty());
    let one = Policy::local(Some("both"), Some("both")).unwrap();
    assert_eq!(one.backends()[0].models.len(), 1);
    assert_eq!(way(&one, "me", "default-embeddings", Operation::Embeddings).1, [["local"]]);
}

#[test]
fn the_hash_follows_the_text_and_not_the_file_name() {
    let hash = |name, text: &str| Policy::parse(&[SourceFile::new(name, text)]).unwrap().hash().to_string();
    assert_eq!(hash("a.toml", LAPTOP), hash("b.toml", LAPTOP));
    assert_ne!(hash("a.toml", LAPTOP), hash("a.toml", &format!("{LAPTOP}\n")));
    assert_eq!(hash("a.toml", LAPTOP).len(), 64);
}
