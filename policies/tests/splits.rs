//! A split orders the backends that may serve a request, and does nothing else.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "a helper that panics fails its test")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use tradewind_policies::{Caller, Eligible, Needs, Operation, Policy, Request, Session, SourceFile, TenantId};

const BACKENDS: [&str; 5] = ["a", "b", "c", "d", "e"];
const TIERS: &str = "tiers = [[\"a\", \"b\"], [\"c\", \"d\"], [\"e\"]]\n";

/// Backends with so much room each, and their route.
fn policy(rooms: &[u64], split: Option<&[u32]>) -> Policy {
    let backend = |(name, room): (&str, &u64)| {
        format!(
            "[backend.{name}]\nprovider = \"vllm\"\nbase_url = \"http://{name}/v1\"\nmodels.m = {{ capabilities = {{ context = {room}, tools = {} }} }}\n",
            room % 2 == 0
        )
    };
    let backends: String = BACKENDS.into_iter().zip(rooms).map(backend).collect();
    let weights = |weights: &[u32]| {
        let weights: Vec<_> = BACKENDS.into_iter().zip(weights).map(|(name, weight)| format!("{name} = {weight}")).collect();
        format!("split = {{ {} }}\n", weights.join(", "))
    };
    let split = split.map(weights).unwrap_or_default();
    let text = format!("version = 1\n{backends}[[route]]\nname = \"r\"\nmatch = {{ model = \"m\" }}\n{TIERS}{split}");
    Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The backends that may serve it, each with its tier.
fn tiers(policy: &Policy, eligible: &Eligible<'_>) -> BTreeMap<String, usize> {
    let name = |place: usize| policy.backends()[place].name.to_string();
    eligible.targets().map(|target| (name(target.backend.get()), eligible.tier(target))).collect()
}

fn asked<'r>(who: &'r TenantId, needs: Needs, session: Option<Session>) -> Request<'r> {
    Request { needs, session, ..Request::new(Caller::of(who), "m", Operation::Chat) }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_split_never_widens_and_only_puts_one_backend_first(
        rooms in prop::collection::vec(1_000_u64..2_000, 5),
        weights in prop::collection::vec(0_u32..4, 5).prop_filter("somebody weighs something", |all| all.iter().any(|weight| *weight > 0)),
        session in prop::option::of(any::<u64>()),
        prompt_tokens in 0_u64..2_500,
        tools in any::<bool>(),
    ) {
        let who: TenantId = "acme".parse().unwrap();
        let needs = Needs { prompt_tokens, tools, ..Needs::default() };
        let session = session.map(|name| Session::of(&who, &name.to_be_bytes()));
        let (plain, split) = (policy(&rooms, None), policy(&rooms, Some(&weights)));
        let request = asked(&who, needs, session);
        let (Ok(before), Ok(after)) = (plain.eligible(&request), split.eligible(&request)) else {
            prop_assert!(plain.eligible(&request).is_err() && split.eligible(&request).is_err());
            return Ok(());
        };
        let (before, after) = (tiers(&plain, &before), tiers(&split, &after));
        prop_assert!(before.keys().eq(after.keys()), "{before:?} {after:?}");
        let weighs = |name: &String| BACKENDS.iter().zip(&weights).any(|(other, weight)| other == name && *weight > 0);
        if session.is_none() || !before.keys().any(weighs) {
            prop_assert_eq!(&before, &after);
        } else {
            let first: Vec<_> = after.iter().filter(|(_, tier)| **tier == 0).map(|(name, _)| name).collect();
            prop_assert!(matches!(first.as_slice(), [drawn] if weighs(drawn)), "{:?}", first);
            prop_assert!(after.iter().all(|(name, tier)| *tier == 0 || *tier == before[name] + 1), "{before:?} {after:?}");
        }
        let considered = split.consider(&request).unwrap();
        for candidate in considered.candidates.iter().filter(|candidate| candidate.excluded.is_none()) {
            let name = split.backends()[candidate.target.backend.get()].name.to_string();
            prop_assert_eq!(considered.tier(candidate.target), after[&name]);
        }
    }
}

#[test]
fn a_test_of_a_policy_sees_where_a_session_goes() {
    let who: TenantId = "acme".parse().unwrap();
    let plain = policy(&[1_000; 5], Some(&[1, 1, 0, 0, 0]));
    let first = |name: &str| {
        let eligible = plain.eligible(&asked(&who, Needs::default(), Some(Session::of(&who, name.as_bytes())))).unwrap();
        tiers(&plain, &eligible).into_iter().find(|(_, tier)| *tier == 0).unwrap().0
    };
    let text = |expected: &str| {
        format!(
            "version = 1\n[backend.a]\nprovider = \"vllm\"\nbase_url = \"http://a/v1\"\nmodels.m = {{}}\n\
             [backend.b]\nprovider = \"vllm\"\nbase_url = \"http://b/v1\"\nmodels.m = {{}}\n\
             [[route]]\nname = \"r\"\nmatch = {{ model = \"m\" }}\ntiers = [[\"a\", \"b\"]]\nsplit = {{ a = 1, b = 1 }}\n\
             [[test]]\nname = \"t\"\ngiven = {{ model = \"m\", tenant = \"acme\", session = \"s\" }}\nexpect.first_tier = [\"{expected}\"]\n"
        )
    };
    let other = if first("s") == "a" { "b" } else { "a" };
    assert!(Policy::parse(&[SourceFile::new("p.toml", text(&first("s")))]).is_ok());
    assert!(Policy::parse(&[SourceFile::new("p.toml", text(other))]).is_err());
}
