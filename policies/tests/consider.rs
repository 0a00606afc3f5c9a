//! What is told of every backend of a route, and of the tenants that a policy tells apart.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

use tradewind_policies::{Caller, Considered, Operation, Policy, Request, SourceFile, TenantId};

const COMPANY: &str = include_str!("../examples/company.toml");

fn parse(text: &str) -> Policy {
    Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn consider<'p>(policy: &'p Policy, who: &TenantId, asked: &str, operation: Operation) -> Considered<'p> {
    policy.consider(&Request::new(Caller::of(who), asked, operation)).unwrap()
}

#[test]
fn a_backend_that_is_left_out_is_told_with_the_stage_the_reason_and_the_line() {
    let policy = parse(
        "version = 1\n[backend.a]\nprovider = \"vllm\"\nbase_url = \"http://a/v1\"\nmodels.m = {}\n\
         [backend.b]\nprovider = \"tei\"\nbase_url = \"http://b/v1\"\nmodels.m = { operations = [\"embeddings\"] }\n\
         [[route]]\nname = \"r\"\nmatch = { model = \"m\" }\ntiers = [[\"a\"], [\"b\"]]\n",
    );
    let considered = consider(&policy, &"acme".parse().unwrap(), "m", Operation::Chat);
    assert_eq!((considered.route.as_str(), considered.place.unwrap().line), ("r", 10));
    let told = considered.candidates.iter().map(|candidate| {
        let excluded = candidate.excluded.as_ref();
        (candidate.target.tier, excluded.map(|excluded| (excluded.stage.as_str(), excluded.why.as_str())))
    });
    let why = "it serves embeddings with this model, not chat";
    assert_eq!(told.collect::<Vec<_>>(), [(0, None), (1, Some(("operation", why)))]);
    let place = considered.candidates.last().unwrap().excluded.clone().unwrap().place.unwrap();
    assert_eq!((place.file.as_str(), place.line), ("policy.toml", 9));
}

#[test]
fn declared_tenants_that_no_stage_tells_apart_are_one_class() {
    let policy = parse(COMPANY);
    let classes = policy.tenant_classes();
    let all: usize = classes.iter().map(|class| class.tenants.len()).sum();
    assert_eq!(all, policy.tenants().count());
    assert!(classes.iter().all(|class| !class.is_open));
    for class in &classes {
        let routes: Vec<_> =
            class.tenants.iter().map(|who| consider(&policy, who, "chat-large", Operation::Chat).route.clone()).collect();
        assert!(routes.windows(2).all(|pair| pair.first() == pair.last()), "{routes:?}");
    }
}

#[test]
fn where_no_tenant_is_declared_one_name_stands_for_everybody_else() {
    let text = "version = 1\n[backend.a]\nprovider = \"vllm\"\nbase_url = \"http://a/v1\"\nmodels.m = {}\n\
         [[route]]\nname = \"bank\"\nmatch = { model = \"m\", tenant = [\"bank-*\", \"acme\", \"bank-17\"] }\ntiers = [[\"a\"]]\n\
         [[route]]\nname = \"rest\"\nmatch = { model = \"m\" }\ntiers = [[\"a\"]]\n";
    let classes = parse(text).tenant_classes();
    let told: Vec<_> =
        classes.iter().map(|class| (class.tenants.iter().map(TenantId::as_str).collect(), class.is_open)).collect();
    let bank = vec!["acme", "bank-17", "bank-any"];
    assert_eq!(told, [(bank, true), (vec!["other-0"], true)]);
}
