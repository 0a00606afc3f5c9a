//! What a plan says of routes that match by claims, headers and expressions, and of tenants who are known by claims.

use std::collections::BTreeMap;

use super::super::marks::{Looks, Marks};
use super::*;
use crate::request::{Attributes, Caller, Needs, Request};
use crate::spec::Target;

/// The plan for a route before all others that matches by this, and then leads to `far` in place of `near`.
fn moved(by: &str) -> Plan {
    let route = |backend: &str| {
        let route = format!("[[route]]\nname = \"some\"\nmatch = {{ model = \"chat\", {by} }}\ntiers = [[\"{backend}\"]]\n");
        parsed(&BASE.replacen("[[route]]\n", &format!("{route}[[route]]\n"), 1))
    };
    plan(&route("near"), &route("far"))
}

#[test]
fn those_are_told_of_whom_a_condition_is() {
    for (by, with, needs) in [
        (r#"claims = { plan = "gold" }"#, "with `plan = gold`", ""),
        (r#"claims = { groups = ["eng-*", "ops"] }"#, "with `groups = eng-* or ops`", ""),
        (r#"headers = { x-team = "red" }"#, "with header `x-team = red`", ""),
        (r#"when = "'gold' in claims.plan""#, "with `plan = gold`", ""),
        (r#"when = "!has(claims.plan)""#, "without `plan`", ""),
        (r#"when = "claims.?plan.orValue([]).exists(own, own.startsWith('go'))""#, "with `plan = go` or with `plan = gox`", ""),
        (r#"when = "prompt_tokens > 8000""#, "", "prompts of 8001 tokens or more"),
        (r#"when = "prompt_tokens < 6000""#, "", "prompts of less than 6000 tokens"),
        (r#"when = "prompt_tokens > 2000 && prompt_tokens <= 8000""#, "", "prompts of 2001 to 8000 tokens"),
        (
            r#"when = "max_output_tokens >= 100 && tools && !vision""#,
            "",
            "answers limited to 100 tokens or more and tools and not images",
        ),
    ] {
        let plan = moved(by);
        assert!(plan.not_compared.is_empty(), "{by}: {:?}", plan.not_compared);
        let [change] = plan.requests.as_slice() else { panic!("{by}: {:#?}", plan.requests) };
        assert_eq!((change.with.join(" or "), change.needs.join(" or ")), (with.to_owned(), needs.to_owned()), "{by}");
        let effects: Vec<String> = change.effects().map(ToString::to_string).collect();
        assert_eq!(effects[..2], ["near, was in tier 1", "far in tier 1"], "{by}");
        assert!(change.tenants.is_empty(), "{by}: {:?}", change.tenants);
    }
}

#[test]
fn an_expression_tells_tenants_by_the_names_that_it_mentions() {
    let plan = moved(r#"when = "tenant == 'acme' || tenant.startsWith('lab-')""#);
    assert!(plan.not_compared.is_empty(), "{:?}", plan.not_compared);
    let tenants: Vec<&str> = plan.requests.iter().flat_map(|change| &change.tenants).map(String::as_str).collect();
    assert_eq!(tenants, ["acme", "lab-", "lab-x"]);
}

#[test]
fn an_expression_that_nothing_satisfies_is_named() {
    for by in [r#"when = "session == 'a'""#, r#"when = "prompt_tokens * 3 == 1000000 - 1""#] {
        let notes = moved(by).not_compared;
        assert!(notes.iter().any(|note| note.contains("`some`")), "{by}: {notes:?}");
    }
}

#[test]
fn tokens_that_become_another_tenants_are_told() {
    let tenants = |who: &str| parsed(&format!("{BASE}[tenant.acme]\nallow = [\"*\"]\n{who}[tenant.bank-1]\nallow = [\"*\"]\n"));
    let known = |group: &str| format!("who = {{ claims = {{ groups = [\"{group}\"] }} }}\n");
    let told = |plan: &Plan| {
        let line = |own: &OwnerChange| format!("{:?} {:?}: {} -> {}", own.with, own.naming, own.from, own.to);
        plan.owners.iter().map(line).collect::<Vec<_>>()
    };
    let change = plan(&tenants(""), &tenants(&known("acme-*")));
    assert_eq!(
        told(&change),
        [
            r#"["without `groups = acme-*`"] ["acme"]: tenant `acme` -> nobody"#,
            r#"["with `groups = acme-*`"] ["any other tenant"]: the tenant that they name -> tenant `acme`"#,
        ]
    );
    assert!(!change.is_empty() && change.requests.is_empty());
    let narrower = plan(&tenants(&known("acme-*")), &tenants(&known("acme-eu")));
    assert!(told(&narrower).iter().all(|line| line.contains("acme-*")), "{:?}", told(&narrower));
    assert!(plan(&tenants(&known("a")), &tenants(&known("a"))).owners.is_empty());
}

/// Claims and headers of a token: a few names and values, so that chance finds collisions.
pub(crate) type Token = Vec<(bool, &'static str, &'static str)>;

pub(crate) fn attributes(token: &Token, header: bool) -> Attributes {
    token.iter().filter(|own| own.0 == header).map(|(_, name, value)| (*name, *value)).collect()
}

pub(crate) fn token() -> impl Strategy<Value = Token> {
    let value = prop::sample::select(vec!["a", "b", "ab", "ba", "c", "abc"]);
    prop::collection::vec((any::<bool>(), prop::sample::select(vec!["p", "q"]), value), 0..4)
}

/// A policy whose routes match by claims, headers and expressions, and whose tenants are known by claims.
fn policy() -> impl Strategy<Value = String> {
    let pattern = || prop::sample::select(vec!["a", "b", "a*", "*b", "*", "ab", "*a*"]);
    let name = || prop::sample::select(vec!["p", "q"]);
    let wants = || prop::collection::btree_map(name(), prop::collection::vec(pattern(), 1..3), 0..3);
    let when = prop::option::of(prop::sample::select(vec![
        "has(claims.p)",
        "prompt_tokens > 10",
        "'ab' in claims.?q.orValue([])",
        "tools && !vision",
        "operation == 'chat'",
    ]));
    let route = (wants(), wants(), when, prop::sample::select(vec!["x", "y", "z"]));
    let who = prop::collection::btree_map(prop::sample::select(vec!["t", "u", "v"]), prop::option::of(wants()), 0..3);
    (prop::collection::vec(route, 1..4), who).prop_map(|(routes, who)| {
        let mut text = "version = 1\n".to_owned();
        for backend in ["x", "y", "z"] {
            text += &format!("[backend.{backend}]\nprovider = \"openai\"\nsecret = \"env:K\"\nmodels.m = {{}}\n");
        }
        let wanted = |wants: &BTreeMap<&str, Vec<&str>>| {
            wants.iter().map(|(name, patterns)| format!("{name} = {patterns:?}")).collect::<Vec<_>>().join(", ")
        };
        for (place, (claims, headers, when, backend)) in routes.iter().enumerate() {
            let mut conditions = String::new();
            [("claims", claims), ("headers", headers)].into_iter().filter(|(_, wants)| !wants.is_empty()).for_each(
                |(key, wants)| {
                    conditions += &format!(", {key} = {{ {} }}", wanted(wants));
                },
            );
            when.iter().for_each(|when| conditions += &format!(", when = \"{when}\""));
            text +=
                &format!("[[route]]\nname = \"r{place}\"\nmatch = {{ model = \"m\"{conditions} }}\ntiers = [[\"{backend}\"]]\n");
        }
        for (tenant, wants) in &who {
            text += &format!("[tenant.{tenant}]\nallow = [\"*\"]\n");
            wants.iter().filter(|wants| !wants.is_empty()).for_each(|wants| {
                text += &format!("who = {{ claims = {{ {} }} }}\n", wanted(wants));
            });
        }
        text
    })
}

/// Two policies, the second with a line of another in place of one of its own.
pub(crate) fn pair() -> impl Strategy<Value = (Policy, Policy)> {
    let parse = |text: &str| Policy::parse(&[SourceFile::new("policy.toml", text)]).ok();
    let mutated = (policy(), policy(), any::<prop::sample::Index>()).prop_map(|(old, other, line)| {
        let (mut new, other): (Vec<&str>, Vec<&str>) = (old.lines().collect(), other.lines().collect());
        new[line.index(old.lines().count())] = other[line.index(other.len())];
        let new = new.join("\n");
        (old, new)
    });
    prop_oneof![(policy(), policy()), mutated].prop_filter_map("faulty", move |(old, new)| Some((parse(&old)?, parse(&new)?)))
}

/// Where one request goes.
fn fate(policy: &Policy, tenant: &TenantId, token: &Token, operation: Operation, needs: Needs) -> Option<Vec<String>> {
    let (claims, headers) = (attributes(token, false), attributes(token, true));
    let caller = Caller { tenant, claims: &claims, models: None, headers: &headers };
    let everything: Grants = "*".parse().into_iter().collect();
    policy.authorize(tenant, Some(&everything), "m", operation).ok()?;
    let eligible = policy.eligible(&Request { needs, ..Request::new(caller, "m", operation) }).ok()?;
    let name = |target: &Target| policy.backends()[target.backend.get()].name.to_string();
    Some(eligible.targets().map(name).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_global_rejects: 40_000, ..ProptestConfig::default() })]

    /// Of routes without expressions; what those mention is tried, and what they say beyond that nobody knows.
    #[test]
    fn a_change_is_told_just_when_some_claims_or_headers_are_treated_otherwise(
        (old, new) in pair(), tokens in prop::collection::vec(token(), 12),
    ) {
        prop_assume!(old.expressions().chain(new.expressions()).next().is_none());
        let classes = Tenants::told_apart_by(&old, &new);
        let plan = plan(&old, &new);
        let mut looks = Looks::default();
        old.conditions_for("m").chain(new.conditions_for("m")).for_each(|conditions| looks.add_conditions(conditions));
        let marks = Marks::of(&looks);
        prop_assert_eq!(plan.not_compared.is_empty(), marks.complete, "{:?}", plan.not_compared);
        prop_assume!(marks.complete);
        for token in &tokens {
            let mark = marks.like(&attributes(token, false), &attributes(token, true)).unwrap();
            for tenant in ["t", "u", "v", "w"] {
                let tenant: TenantId = tenant.parse().unwrap();
                let class = classes.class_of(&old, &new, &tenant).unwrap();
                let [before, after] = [&old, &new].map(|policy| fate(policy, &tenant, token, Operation::Chat, Needs::default()));
                let concerns = |change: &&Change| {
                    change.needs.is_empty() && change.tokens != Tokens::NamingNone && change.operations.contains(&"chat")
                        && change.classes.contains(&class) && change.marks.contains(&("m".to_owned(), mark))
                };
                let is_told = plan.requests.iter().filter(concerns).any(|change| change.effects.iter().any(Effect::moves_requests));
                prop_assert_eq!(is_told, before != after, "{} {:?}: {:#?}", tenant, token, plan.requests);
            }
        }
    }

    #[test]
    fn no_request_that_an_expression_moves_goes_unsaid((old, new) in pair(), tokens in prop::collection::vec(token(), 12)) {
        let plan = plan(&old, &new);
        let is_silent = !plan.moves_requests() && plan.not_compared.is_empty();
        for token in tokens.iter().filter(|_| is_silent) {
            for (prompt_tokens, tools, operation) in [(0, false, Operation::Chat), (11, false, Operation::Completions), (9, true, Operation::Chat)] {
                let needs = Needs { prompt_tokens, tools, ..Needs::default() };
                for tenant in ["t", "u", "v", "w"] {
                    let tenant: TenantId = tenant.parse().unwrap();
                    let [before, after] = [&old, &new].map(|policy| fate(policy, &tenant, token, operation, needs));
                    prop_assert_eq!(before, after, "{} {:?}", tenant, token);
                }
            }
        }
    }

    #[test]
    fn whose_tokens_change_is_told_just_when_they_do((old, new) in pair(), tokens in prop::collection::vec(token(), 12)) {
        let plan = plan(&old, &new);
        let mut looks = Looks::default();
        old.known_by_claims().chain(new.known_by_claims()).for_each(|(_, wanted)| looks.add_claims(&wanted.0));
        let marks = Marks::of(&looks);
        prop_assume!(marks.complete);
        prop_assert!(plan.not_compared.iter().all(|note| !note.contains("whose")));
        for token in &tokens {
            let claims = attributes(token, false);
            let mark = marks.like(&claims, &Attributes::default()).unwrap();
            for tenant in ["t", "u", "v", "w"] {
                let named: TenantId = tenant.parse().unwrap();
                // What it is not is no one tenant, whichever way.
                let [before, after] = [&old, &new].map(|policy| policy.tenant_of(&claims, Some(&named)).map_err(|none| {
                    matches!(none, crate::policy::NoTenant::Ambiguous { .. })
                }));
                let names = |change: &OwnerChange| {
                    let is_changed = change.naming.iter().any(|own| own == tenant);
                    let is_known = |policy: &Policy| policy.known_by_claims().find(|(own, _)| **own == named).map(|(_, who)| who.clone());
                    let is_other = is_known(&old) == is_known(&new);
                    change.naming.is_empty() || is_changed || (is_other && change.naming.iter().any(|own| own == "any other tenant"))
                };
                let is_told = plan.owners.iter().any(|change| change.marks.contains(&mark) && names(change));
                prop_assert_eq!(is_told, before != after, "{} {:?}: {:#?}", tenant, token, plan.owners);
            }
        }
    }
}
