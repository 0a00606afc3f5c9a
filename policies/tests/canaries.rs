//! A canary gets the sessions of its share and no other request, and never one that it may not serve.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

use proptest::prelude::*;
use tradewind_policies::canary::Arm;
use tradewind_policies::{Caller, Eligible, Needs, Operation, Policy, Request, Session, SourceFile, Stage, TenantId};

/// Three backends with so much room each, and a route through the first two, perhaps with a canary.
fn policy(rooms: [u64; 3], more: &str) -> Policy {
    let backend = |(name, room): (&str, u64)| {
        format!(
            "[backend.{name}]\nprovider = \"vllm\"\nbase_url = \"http://{name}/v1\"\nmodels.m = {{ capabilities = {{ context = {room}, tools = {} }} }}\n",
            room % 2 == 0
        )
    };
    let backends: String = ["a", "b", "new"].into_iter().zip(rooms).map(backend).collect();
    let route = format!("[[route]]\nname = \"r\"\nmatch = {{ model = \"m\" }}\ntiers = [[\"a\"], [\"b\"]]\n{more}\n");
    Policy::parse(&[SourceFile::new("policy.toml", format!("version = 1\n{backends}{route}"))])
        .unwrap_or_else(|errors| panic!("{errors}"))
}

fn canary(share: &str) -> String {
    format!("canary = {{ backend = \"new\", share = \"{share}\" }}")
}

/// The backends that may serve it, in their order, each with its tier.
fn order(policy: &Policy, eligible: &Eligible<'_>) -> Vec<(String, usize)> {
    let name = |place: usize| policy.backends()[place].name.to_string();
    eligible.targets().map(|target| (name(target.backend.get()), eligible.tier(target))).collect()
}

fn who() -> TenantId {
    "acme".parse().unwrap()
}

fn asked(who: &TenantId, needs: Needs, session: Option<u64>) -> Request<'_> {
    let session = session.map(|name| Session::of(who, &name.to_be_bytes()));
    Request { needs, session, ..Request::new(Caller::of(who), "m", Operation::Chat) }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_canary_only_puts_itself_before_its_own_sessions(
        rooms in [1_000_u64..2_000, 1_000..2_000, 1_000..2_000],
        share in prop::sample::select(vec!["1%", "30%", "100%"]),
        session in prop::option::of(any::<u64>()),
        prompt_tokens in 0_u64..2_500,
        tools in any::<bool>(),
    ) {
        let who = who();
        let needs = Needs { prompt_tokens, tools, ..Needs::default() };
        let request = asked(&who, needs, session);
        let (plain, with) = (policy(rooms, ""), policy(rooms, &canary(share)));
        let (Ok(before), Ok(after)) = (plain.eligible(&request), with.eligible(&request)) else {
            prop_assert!(plain.eligible(&request).is_err() && with.eligible(&request).is_err());
            return Ok(());
        };
        prop_assert_eq!(before.arm(), None);
        let may_serve = needs.room() <= rooms[2] && (!tools || rooms[2] % 2 == 0);
        let (before, control) = (order(&plain, &before), order(&with, &after.of_control()));
        prop_assert_eq!(&before, &control);
        if after.arm() == Some(Arm::Canary) {
            prop_assert!(may_serve && session.is_some());
            let expected: Vec<_> =
                std::iter::once(("new".to_owned(), 0)).chain(before.iter().map(|(name, tier)| (name.clone(), tier + 1))).collect();
            prop_assert_eq!(&order(&with, &after), &expected);
        } else {
            prop_assert_eq!(&order(&with, &after), &before);
            prop_assert!(session.is_none() || !may_serve || share != "100%");
        }
        let considered = with.consider(&request).unwrap();
        prop_assert_eq!(considered.arm(), after.arm());
        for candidate in &considered.candidates {
            let name = with.backends()[candidate.target.backend.get()].name.as_str();
            let found = order(&with, &after).into_iter().find(|(other, _)| other == name);
            prop_assert_eq!(found.map(|(_, tier)| tier), candidate.excluded.is_none().then(|| considered.tier(candidate.target)));
            let spared = candidate.excluded.as_ref().is_some_and(|excluded| excluded.stage == Stage::Canary);
            prop_assert_eq!(spared, name == "new" && may_serve && after.arm() == Some(Arm::Control));
        }
    }

    #[test]
    fn a_larger_share_keeps_the_sessions_that_were_in_it(session in any::<u64>(), shares in (1_u32..=10_000, 1_u32..=10_000)) {
        let who = who();
        let arm = |hundredths: u32| {
            let policy = policy([1_000; 3], &canary(&format!("{}%", f64::from(hundredths) / 100.0)));
            policy.eligible(&asked(&who, Needs::default(), Some(session))).unwrap().arm().unwrap()
        };
        let (less, more) = (shares.0.min(shares.1), shares.0.max(shares.1));
        prop_assert!(arm(less) == Arm::Control || arm(more) == Arm::Canary);
    }
}

#[test]
fn a_canary_that_is_in_the_tiers_too_comes_first_for_its_sessions_and_in_its_tier_for_the_others() {
    let who = who();
    let policy = policy([1_000; 3], "canary = { backend = \"b\", share = \"50%\" }\nsplit = { a = 1, b = 1 }");
    let mut seen = std::collections::BTreeSet::new();
    for session in 0..40 {
        let eligible = policy.eligible(&asked(&who, Needs::default(), Some(session))).unwrap();
        let order = order(&policy, &eligible);
        assert_eq!(order.len(), 2, "{order:?}");
        if eligible.arm() == Some(Arm::Canary) {
            assert_eq!(order, [("b".to_owned(), 0), ("a".to_owned(), 1)]);
        }
        seen.insert((eligible.arm().map(Arm::as_str), order));
    }
    // Two of control, by what the session draws of the split.
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn a_test_that_names_no_session_is_of_every_session() {
    let checked = |expect: &str| {
        let test = format!("{}\n[[test]]\ngiven = {{ model = \"m\", tenant = \"acme\" }}\nexpect.{expect}\n", canary("5%"));
        let backends = ["a", "b", "new"]
            .map(|name| format!("[backend.{name}]\nprovider = \"vllm\"\nbase_url = \"http://{name}/v1\"\nmodels.m = {{}}\n"));
        let route = "[[route]]\nname = \"r\"\nmatch = { model = \"m\" }\ntiers = [[\"a\"], [\"b\"]]\n";
        Policy::parse(&[SourceFile::new("p.toml", format!("version = 1\n{}{route}{test}", backends.concat()))])
    };
    for holds in ["only = [\"a\", \"b\", \"new\"]", "includes = [\"new\"]", "first_tier = [\"a\"]"] {
        assert!(checked(holds).is_ok(), "{holds}");
    }
    let error = checked("excludes = [\"new\"]").unwrap_err().to_string();
    assert!(error.contains("found `a`, then `b` by route `r`, for some sessions after the canary `new`"), "{error}");
}

#[test]
fn a_tenant_whose_data_must_not_go_there_has_no_canary() {
    let text = r#"
        version = 1
        backend.home = { provider = "vllm", base_url = "http://home/v1", jurisdictions = ["DE"], models.m = {} }
        backend.new = { provider = "vllm", base_url = "http://new/v1", jurisdictions = ["US"], models.m = {} }
        tenant.bank = { allow = ["*"], residency = ["EU"] }
        tenant.acme = { allow = ["*"] }
        [[route]]
        name = "r"
        match = { model = "m" }
        tiers = [["home"]]
        canary = { backend = "new", share = "100%" }
        [[test]]
        given = { model = "m", tenant = "bank" }
        expect.only = ["home"]
    "#;
    let policy = Policy::parse(&[SourceFile::new("p.toml", text)]).unwrap_or_else(|errors| panic!("{errors}"));
    for (tenant, arm) in [("bank", Arm::Control), ("acme", Arm::Canary)] {
        let who: TenantId = tenant.parse().unwrap();
        let request = asked(&who, Needs::default(), Some(1));
        assert_eq!(policy.eligible(&request).unwrap().arm(), Some(arm), "{tenant}");
        let considered = policy.consider(&request).unwrap();
        let excluded = considered.candidates.iter().find_map(|candidate| candidate.excluded.clone());
        assert_eq!(excluded.map(|excluded| excluded.stage), (arm == Arm::Control).then_some(Stage::Residency), "{tenant}");
    }
}
