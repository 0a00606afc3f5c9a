//! What a plan says of policies that differ in one thing, and that it says something just when a request is treated otherwise.

use proptest::prelude::*;

use super::*;
use crate::grant::Grants;
use crate::name::TenantId;
use crate::request::{Caller, Needs, Request};
use crate::source::SourceFile;
use tradewind_protocol::Operation;

pub(crate) mod attributes;
mod expressions;

fn parsed(text: &str) -> Policy {
    Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

const BASE: &str = r#"
version = 1
[backend.near]
provider = "openai"
secret = "env:A"
failure_domain = "north"
models.chat = { price = { in = 1.25, out = 10.0 } }
[backend.near-2]
provider = "openai"
secret = "env:A"
failure_domain = "north"
models.chat = {}
[backend.far]
provider = "openai"
secret = "env:B"
failure_domain = "south"
models.chat = {}
[alias]
gpt = "chat"
[[route]]
name = "bank"
match = { model = "chat", tenant = ["bank-*"] }
tiers = [["near"], ["far"]]
[[route]]
name = "all"
match = { model = "chat" }
tiers = [["near", "near-2", "far"]]
"#;

/// The plan for a change of one text in the policy above.
fn changed(from: &str, to: &str) -> Plan {
    assert!(BASE.contains(from), "{from}");
    plan(&parsed(BASE), &parsed(&BASE.replacen(from, to, 1)))
}

fn told(plan: &Plan) -> Vec<String> {
    plan.requests.iter().map(|change| format!("{:?} {:?}: {}", change.names, change.tenants, told_of(change))).collect()
}

fn told_of(change: &Change) -> String {
    change.effects.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn comments_order_and_names_of_routes_change_nothing() {
    for (from, to) in
        [("version = 1", "# a comment\nversion = 1"), (r#"["near", "near-2", "far"]"#, r#"["far", "near", "near-2"]"#)]
    {
        let plan = changed(from, to);
        assert!(plan.is_empty(), "{plan:?}");
        assert_eq!(plan.without_effect, ["the texts differ, and what they mean does not"]);
    }
    let renamed = changed(r#"name = "all""#, r#"name = "everybody""#);
    assert!(renamed.is_empty(), "{renamed:?}");
    assert!(renamed.without_effect[0].contains("route `everybody` in place of `all`"), "{:?}", renamed.without_effect);
}

#[test]
fn the_loss_of_the_only_backend_elsewhere_is_told_to_whom_it_concerns() {
    let plan = changed(r#"tiers = [["near"], ["far"]]"#, r#"tiers = [["near"], ["near-2"]]"#);
    let lines = told(&plan);
    assert_eq!(
        lines,
        [r#"["chat", "gpt"] ["bank-*"]: far, was in tier 2; near-2 in tier 2; loses its only failover outside north"#]
    );
    assert_eq!(plan.warnings().count(), 1);
    assert!(plan.moves_requests());
}

#[test]
fn who_sees_copies_is_told_and_counts_as_who_sees_the_request() {
    let places = BASE
        .replacen("[backend.near]\n", "[backend.near]\njurisdictions = [\"DE\"]\n", 1)
        .replacen("[backend.near-2]\n", "[backend.near-2]\njurisdictions = [\"DE\"]\n", 1)
        .replacen("[backend.far]\n", "[backend.far]\njurisdictions = [\"US\"]\n", 1)
        .replace("models.chat = {}", "models.chat = { price = { in = 1, out = 2 } }");
    let bank = |shadow: &str| {
        places.replacen("tiers = [[\"near\"], [\"far\"]]", &format!("tiers = [[\"near\"]]\nshadow = {{ {shadow} }}"), 1)
    };
    let none = places.replacen("[[\"near\"], [\"far\"]]", "[[\"near\"]]", 1);
    let far = bank(r#"backend = "far", share = "1%", max_cost_per_day = "$5""#);
    let told = |old: &str, new: &str| {
        let plan = plan(&parsed(old), &parsed(new));
        assert!(!plan.moves_requests(), "{plan:?}");
        told(&plan).join("\n").replacen(r#"["chat", "gpt"] ["bank-*"]: "#, "", 1)
    };
    assert_eq!(
        told(&none, &far),
        "copies of 1% are sent to far, for at most $5.00 a day; its data may now be processed by far in US"
    );
    assert_eq!(told(&far, &none), "no copies are sent to far any more");
    assert_eq!(
        told(&far, &bank(r#"backend = "far", share = "2%", max_cost_per_day = "$10""#)),
        "shadow.share: 1% -> 2%; shadow.max_cost_per_day: $5.00 -> $10.00"
    );
    assert_eq!(
        told(&far, &bank(r#"backend = "near-2", share = "1%", max_cost_per_day = "$5""#)),
        "no copies are sent to far any more; copies of 1% are sent to near-2, for at most $5.00 a day"
    );
}

#[test]
fn settings_and_prices_are_told_and_move_no_request() {
    let plan = changed(
        r#"tiers = [["near", "near-2", "far"]]"#,
        "tiers = [[\"near\", \"near-2\", \"far\"]]\nobjective = \"first-token\"",
    );
    assert_eq!(told(&plan), [r#"["chat", "gpt"] ["any other tenant"]: objective: completion -> first-token"#]);
    assert!(!plan.moves_requests() && !plan.is_empty());
    let plan = changed("in = 1.25", "in = 0.75");
    assert!(plan.requests.is_empty());
    assert_eq!(
        plan.backends[0].settings[0].to_string(),
        "models.chat.price: { in = $1.25, out = $10.00 } -> { in = $0.75, out = $10.00 }"
    );
    assert!(plan.backends[0].is_used && !plan.backends[0].is_relearnt);
}

#[test]
fn a_split_moves_requests_and_the_order_in_which_it_is_written_does_not() {
    let split = |weights: &str| format!("tiers = [[\"near\", \"near-2\", \"far\"]]\nsplit = {weights}");
    let plain = r#"tiers = [["near", "near-2", "far"]]"#;
    let plan = changed(plain, &split("{ near-2 = 1, near = 9 }"));
    assert_eq!(told(&plan), [r#"["chat", "gpt"] ["any other tenant"]: split: false -> { near = 9, near-2 = 1 }"#]);
    assert!(plan.moves_requests() && plan.warnings().count() == 0);
    let [one, other] = ["{ near = 9, near-2 = 1, far = 0 }", "{ near-2 = 1, near = 9 }"]
        .map(|weights| parsed(&BASE.replace(plain, &split(weights))));
    assert!(super::plan(&one, &other).is_empty());
}

#[test]
fn a_canary_is_told_with_its_share_and_where_data_could_now_reach() {
    let plain = r#"tiers = [["near", "near-2", "far"]]"#;
    let with = |backend: &str, share: &str| format!("{plain}\ncanary = {{ backend = \"{backend}\", share = \"{share}\" }}");
    let plan = changed(plain, &with("far", "5%"));
    assert_eq!(told(&plan), [r#"["chat", "gpt"] ["any other tenant"]: canary: false -> { backend = "far", share = "5%" }"#]);
    assert!(plan.moves_requests() && plan.warnings().count() == 0);
    let [less, more] = ["5%", "10%"].map(|share| parsed(&BASE.replace(plain, &with("far", share))));
    assert!(told(&super::plan(&less, &more))[0].contains(r#"share = "5%" } -> { backend = "far", share = "10%" }"#));
    let placed = |canary: &str| {
        let tiers = r#"tiers = [["near"]]"#;
        let text = BASE.replace(plain, &format!("{tiers}\n{canary}"));
        let home = text.replace("[backend.near]", "[backend.near]\njurisdictions = [\"DE\"]");
        parsed(&home.replace("[backend.far]", "[backend.far]\njurisdictions = [\"US\"]"))
    };
    let plan = super::plan(&placed(""), &placed(r#"canary = { backend = "far", share = "5%" }"#));
    assert!(told(&plan).iter().any(|line| line.contains("its data may now be processed by far in US")), "{:?}", told(&plan));
}

#[test]
fn names_and_access_come_and_go() {
    let plan = changed("gpt = \"chat\"", "gpt-5 = \"chat\"");
    let lines = told(&plan);
    assert_eq!(
        lines,
        [r#"["gpt"] []: can be asked for no more"#, r#"["gpt-5"] []: can be asked for, and leads to model `chat`"#]
    );
    let plan = changed("[alias]", "[tenant.bank-1]\nallow = [\"chat\"]\n[tenant.acme]\nallow = [\"gpt\"]\n[alias]");
    let text = told(&plan).join("\n");
    assert!(
        text.contains(r#"["bank-*", "any other tenant"]: is allowed no more: the policy declares its tenants, and not this one"#),
        "{text}"
    );
    assert!(text.contains(r#"["chat"] ["acme"]: is allowed no more: the tenant's `allow` does not name it"#), "{text}");
    // A token that names no models was good for nothing before.
    assert!(plan.requests.iter().any(|change| change.tokens == Tokens::NamingNone && change.effects == [Effect::AccessGained]));
}

#[test]
fn references_to_secrets_are_not_repeated() {
    let plan = changed("env:B", "env:C");
    assert_eq!(plan.backends[0].parts, ["credential"]);
    assert!(plan.backends[0].is_relearnt);
    assert!(!serde_json::to_string(&plan).unwrap().contains("env:"));
}

#[test]
fn a_ceiling_is_told_from_which_number_of_answers_on_it_leaves_somebody_out() {
    // An answer costs up to 10 cents.
    let policy = |ceiling: &str| {
        parsed(&format!(
            "version = 1\n[backend.one]\nprovider = \"openai\"\nmodels.chat = {{ price = {{ in = 1, out = 100 }}, capabilities = {{ max_output = 1000 }} }}\n\
             [[route]]\nname = \"r\"\nmatch = {{ model = \"chat\" }}\ntiers = [[\"one\"]]\nceiling = {{ per_request = \"{ceiling}\" }}\n"
        ))
    };
    let plan = plan(&policy("$0.55"), &policy("$0.25"));
    let needs: Vec<&String> = plan.requests.iter().flat_map(|change| &change.needs).collect();
    assert!(needs.iter().any(|need| *need == "3 to 5 answers at once"), "{needs:?}");
}

#[test]
fn a_ceiling_is_told_with_whom_it_leaves_out_from_which_size_on() {
    let all = |backend: &str| format!("[backend.{backend}]\nprovider = \"openai\"\nsecret = \"env:A\"\n");
    let policy = |ceiling: &str| {
        let (small, large) = (all("small"), all("large"));
        parsed(&format!(
            "version = 1\n{small}models.chat = {{ price = {{ in = 100, out = 200 }} }}\n{large}models.chat = {{ price = {{ in = 1000, out = 1000 }} }}\n\
             [[route]]\nname = \"r\"\nmatch = {{ model = \"chat\" }}\ntiers = [[\"small\", \"large\"]]\n{ceiling}\n"
        ))
    };
    let plan = plan(&policy(""), &policy("ceiling = { per_request = \"$0.25\" }"));
    let lines: Vec<_> = plan
        .requests
        .iter()
        .map(|change| format!("{:?} {:?}", change.needs, change.effects().map(ToString::to_string).collect::<Vec<_>>()))
        .collect();
    let setting = "ceiling.per_request: false -> $0.25";
    assert_eq!(
        lines,
        [
            format!(r#"[] ["{setting}"]"#),
            format!(r#"["prompts of 251 to 2500 tokens", "answers of 251 to 1250 tokens"] ["large, was in tier 1", "loses its only failover outside small", "{setting}"]"#),
            r#"["prompts of more than 2500 tokens", "answers of more than 1250 tokens"] ["can be served no more: every backend of its route is left out, the last for its cost_ceiling"]"#.to_owned(),
        ]
    );
}

/// What becomes of one request, as the policy itself says.
fn fate(
    policy: &Policy,
    tenant: &TenantId,
    asked: &str,
    operation: Operation,
    token: Option<&Grants>,
    needs: Needs,
) -> Option<(String, Vec<Vec<String>>)> {
    policy.authorize(tenant, token, asked, operation).ok()?;
    let request = Request { needs, ..Request::new(Caller::of(tenant), asked, operation) };
    let eligible = policy.eligible(&request).ok()?;
    let name = |target: &crate::spec::Target| policy.backends()[target.backend.get()].name.to_string();
    let mut tiers: std::collections::BTreeMap<usize, Vec<String>> = std::collections::BTreeMap::new();
    eligible.targets().for_each(|target| tiers.entry(target.tier).or_default().push(name(target)));
    tiers.values_mut().for_each(|names| names.sort());
    Some((eligible.model.to_string(), tiers.into_values().collect()))
}

/// A policy over a few names, so that chance finds collisions.
fn policy() -> impl Strategy<Value = String> {
    let pattern = prop::sample::select(vec!["a", "b", "a*", "*b", "*", "ab", "*a*"]);
    let model = prop::sample::select(vec!["m", "n"]);
    let tier = prop::collection::btree_set(prop::sample::select(vec!["x", "y", "z"]), 1..3);
    let route = (model, prop::option::of(prop::collection::vec(pattern.clone(), 1..3)), prop::collection::vec(tier, 1..3));
    let routes = prop::collection::vec(route, 1..4);
    let tenants = prop::collection::btree_map(
        prop::sample::select(vec!["a", "b", "ab", "c"]),
        prop::sample::select(vec!["m", "n", "*", "k"]),
        0..4,
    );
    let alias = prop::option::of(prop::sample::select(vec!["m", "n"]));
    let embeds = prop::sample::subsequence(vec!["x", "y", "z"], 0..3);
    (routes, tenants, alias, embeds).prop_map(|(routes, tenants, alias, embeds)| {
        let mut text = "version = 1\n".to_owned();
        for backend in ["x", "y", "z"] {
            let operations = if embeds.contains(&backend) { r#"["chat", "embeddings"]"# } else { r#"["chat"]"# };
            text += &format!("[backend.{backend}]\nprovider = \"openai\"\nsecret = \"env:K\"\n");
            text += &format!("models.m = {{}}\nmodels.n = {{ operations = {operations} }}\n");
        }
        alias.iter().for_each(|model| text += &format!("[alias]\nk = \"{model}\"\n"));
        tenants.iter().for_each(|(tenant, allow)| text += &format!("[tenant.{tenant}]\nallow = [\"{allow}\"]\n"));
        for (place, (model, patterns, tiers)) in routes.iter().enumerate() {
            let tenants = patterns.as_ref().map(|patterns| format!(", tenant = {patterns:?}")).unwrap_or_default();
            let mut seen = std::collections::BTreeSet::new();
            let tiers: Vec<Vec<&str>> =
                tiers.iter().map(|tier| tier.iter().copied().filter(|name| seen.insert(*name)).collect()).collect();
            let tiers: Vec<_> = tiers.into_iter().filter(|tier| !tier.is_empty()).collect();
            text += &format!("[[route]]\nname = \"r{place}\"\nmatch = {{ model = \"{model}\"{tenants} }}\ntiers = {tiers:?}\n");
        }
        text
    })
}

/// Two policies that may have much in common: drawn apart, or one with lines of the other.
fn pair() -> impl Strategy<Value = (Policy, Policy)> {
    let parse = |text: &str| Policy::parse(&[SourceFile::new("policy.toml", text)]).ok();
    let mutated = (policy(), policy(), any::<prop::sample::Index>()).prop_map(|(old, other, line)| {
        let (mut new, other): (Vec<&str>, Vec<&str>) = (old.lines().collect(), other.lines().collect());
        let place = line.index(new.len());
        let theirs = line.index(other.len());
        new[place] = other[theirs];
        let new = new.join("\n");
        (old, new)
    });
    let texts = prop_oneof![(policy(), policy()), mutated, policy().prop_map(|text| (text.clone(), format!("# same\n{text}")))];
    texts.prop_filter_map("faulty", move |(old, new)| Some((parse(&old)?, parse(&new)?)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_change_is_told_just_when_some_request_is_treated_otherwise((old, new) in pair()) {
        let tenants = Tenants::told_apart_by(&old, &new);
        let plan = plan(&old, &new);
        prop_assert!(plan.not_compared.is_empty());
        let everything: Grants = "*".parse().into_iter().collect();
        for name in ["a", "b", "ab", "ba", "aa", "bb", "c", "ca", "cb", "cab", "acb", "abab", "d"] {
            let tenant: TenantId = name.parse().unwrap();
            let class = tenants.class_of(&old, &new, &tenant);
            prop_assert!(class.is_some(), "{name} is in no class");
            for asked in ["m", "n", "k", "nothing"] {
                for operation in Operation::ALL {
                    for (tokens, token) in [(Tokens::NamingModels, Some(&everything)), (Tokens::NamingNone, None)] {
                        let differs = {
                            let none = Needs::default();
                            fate(&old, &tenant, asked, operation, token, none) != fate(&new, &tenant, asked, operation, token, none)
                        };
                        let concerns = |change: &&Change| {
                            change.needs.is_empty()
                                && change.names.iter().any(|own| own == asked)
                                && change.operations.contains(&operation.as_str())
                                && (change.tokens == Tokens::All || change.tokens == tokens)
                                && class.is_some_and(|class| change.classes.contains(&class))
                        };
                        let is_told = plan.requests.iter().filter(concerns).any(|change| change.effects.iter().any(Effect::moves_requests));
                        prop_assert_eq!(is_told, differs, "{} {} {} {:?}: {:#?}", name, asked, operation, tokens, plan.requests);
                    }
                }
            }
        }
    }
}

/// A policy whose prices and ceilings are of the size of a few tokens.
fn priced() -> impl Strategy<Value = String> {
    let above = prop::option::of((5_u64..20, 1_u64..5));
    let backend = (1_u64..5, 1_u64..5, prop::option::of(1_u64..9), prop::option::of(5_u64..30), above, 0_u64..4);
    let ceiling = prop::option::of(1_u64..40);
    (prop::collection::vec(backend, 2), ceiling.clone(), ceiling, any::<bool>()).prop_map(|(backends, defaults, route, embeds)| {
        let mut text = "version = 1\n".to_owned();
        let ceiling = |cents: Option<u64>| {
            cents.map(|cents| format!("ceiling = {{ per_request = \"$0.0{cents:02}\" }}\n")).unwrap_or_default()
        };
        text += &format!("[defaults]\n{}", ceiling(defaults));
        for (name, (input, output, most, context, above, fee)) in ["x", "y"].into_iter().zip(backends) {
            let above = above.map(|(prompt, rate)| format!(", above = [{{ prompt = {prompt}, in = {rate}000, out = {rate}000 }}]"));
            let capabilities = [("max_output", most), ("context", context)];
            let capabilities: Vec<_> =
                capabilities.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}", value?))).collect();
            text += &format!(
                "[backend.{name}]\nprovider = \"openai\"\nmodels.m = {{ price = {{ in = {input}000, out = {output}000, per_request = 0.00{fee}{} }}, \
                 capabilities = {{ {} }}, operations = [\"chat\"{}] }}\n",
                above.unwrap_or_default(),
                capabilities.join(", "),
                if embeds { ", \"embeddings\"" } else { "" }
            );
        }
        text + &format!("[[route]]\nname = \"r\"\nmatch = {{ model = \"m\" }}\ntiers = [[\"x\"], [\"y\"]]\n{}", ceiling(route))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_ceiling_is_told_just_when_it_leaves_somebody_out((old, new) in (priced(), priced())) {
        let (old, new) = (parsed(&old), parsed(&new));
        let plan = plan(&old, &new);
        let tenant: TenantId = "a".parse().unwrap();
        let everything: Grants = "*".parse().into_iter().collect();
        let prompts = (0..60).map(|tokens| Needs { prompt_tokens: tokens, ..Needs::default() });
        let answers = (1..60).map(|tokens| Needs { max_output_tokens: Some(tokens), ..Needs::default() });
        let several = (1..=128).map(|answers| Needs { answers: Some(answers), ..Needs::default() });
        let sizes: Vec<Needs> = prompts.chain(answers).chain(several).collect();
        for operation in [Operation::Chat, Operation::Embeddings] {
            let fate = |policy: &Policy, needs: &Needs| fate(policy, &tenant, "m", operation, Some(&everything), *needs);
            let differs = sizes.iter().any(|needs| fate(&old, needs) != fate(&new, needs));
            let concerns = |change: &&Change| change.operations.contains(&operation.as_str());
            let is_told = plan.requests.iter().filter(concerns).any(|change| change.effects.iter().any(Effect::moves_requests));
            prop_assert_eq!(is_told, differs, "{}: {:#?}", operation, plan.requests);
        }
    }
}

/// A policy with a small model and a large one, in rooms of the size of a few tokens.
fn leading_on() -> impl Strategy<Value = String> {
    let served = || (5_u64..40, any::<bool>(), any::<bool>(), 1_u64..5);
    let ceiling = prop::option::of(1_u64..60);
    (prop::collection::vec(served(), 4), any::<bool>(), ceiling.clone(), ceiling, any::<bool>()).prop_map(
        |(served, leads_on, own, other, is_allowed)| {
            let mut text = "version = 1\n".to_owned();
            let ceiling = |cents: Option<u64>| {
                cents.map(|cents| format!("ceiling = {{ per_request = \"$0.0{cents:02}\" }}\n")).unwrap_or_default()
            };
            for (backend, models) in ["x", "y"].into_iter().zip(served.chunks(2)) {
                text += &format!("[backend.{backend}]\nprovider = \"openai\"\n");
                for (model, (context, tools, vision, price)) in ["m", "n"].into_iter().zip(models) {
                    text += &format!(
                        "models.{model} = {{ price = {{ in = {price}000, out = {price}000 }}, \
                         capabilities = {{ context = {context}, tools = {tools}, vision = {vision} }} }}\n"
                    );
                }
            }
            let larger = if leads_on { "larger = \"n\"\n" } else { "" };
            let route = |model: &str| {
                format!("[[route]]\nname = \"{model}\"\nmatch = {{ model = \"{model}\" }}\ntiers = [[\"x\"], [\"y\"]]\n")
            };
            text += &format!("{}{}{larger}{}{}", route("m"), ceiling(own), route("n"), ceiling(other));
            let allowed = if is_allowed { "*" } else { "m" };
            text + &format!("[tenant.a]\nallow = [\"{allowed}\"]\n")
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_larger_model_is_told_of_just_when_somebody_is_led_on(
        (old, new) in (leading_on(), leading_on(), any::<bool>()).prop_filter_map("faulty", |(old, other, same)| {
            let parse = |text: &str| Policy::parse(&[SourceFile::new("policy.toml", text)]).ok();
            // The same but for the way on, which may be all that tells two policies apart.
            let new = if same { old.replace("larger = \"n\"\n", "") } else { other };
            Some((parse(&old)?, parse(&new)?))
        }),
    ) {
        let plan = plan(&old, &new);
        let tenant: TenantId = "a".parse().unwrap();
        let everything: Grants = "*".parse().into_iter().collect();
        let features = [(false, false), (true, false), (false, true), (true, true)];
        let needs = features.into_iter().flat_map(|(tools, vision)| {
            let prompts = (0..50).map(move |prompt_tokens| Needs { prompt_tokens, tools, vision, ..Needs::default() });
            prompts.chain((1..50).map(move |tokens| Needs { max_output_tokens: Some(tokens), tools, vision, ..Needs::default() }))
        });
        let fate = |policy: &Policy, needs: Needs| fate(policy, &tenant, "m", Operation::Chat, Some(&everything), needs);
        let mut needs = needs;
        let differing = needs.find(|needs| fate(&old, *needs) != fate(&new, *needs));
        let of_small = plan.requests.iter().filter(|change| change.names.iter().any(|name| name == "m"));
        let is_told = of_small.flat_map(|change| &change.effects).any(Effect::moves_requests);
        prop_assert_eq!(is_told, differing.is_some(), "{:?}: {:#?}", differing, plan.requests);
    }
}

#[test]
fn a_way_to_a_larger_model_is_told_to_whom_it_leads_on() {
    let policy = |larger: &str| {
        parsed(&format!(
            "version = 1\n[backend.b]\nprovider = \"openai\"\nmodels.m = {{ capabilities = {{ context = 8000 }} }}\n\
             models.n = {{ capabilities = {{ context = 32000 }} }}\n[[route]]\nname = \"m\"\nmatch = {{ model = \"m\" }}\ntiers = [[\"b\"]]\n{larger}\n\
             [[route]]\nname = \"n\"\nmatch = {{ model = \"n\" }}\ntiers = [[\"b\"]]\n"
        ))
    };
    let plan = plan(&policy(""), &policy("larger = \"n\""));
    let lines: Vec<_> = plan.requests.iter().map(|change| format!("{:?} {}", change.needs, told_of(change))).collect();
    assert_eq!(lines, [r#"["more than 8000 tokens"] leads to model `n`, not `m`"#]);
}

#[test]
fn who_is_not_led_on_for_what_else_they_need_is_told() {
    let policy = |larger: &str| {
        parsed(&format!(
            "version = 1\n[backend.b]\nprovider = \"openai\"\nmodels.m = {{ capabilities = {{ context = 8000 }} }}\n\
             models.n = {{ capabilities = {{ context = 32000, tools = false }} }}\n[[route]]\nname = \"m\"\nmatch = {{ model = \"m\" }}\ntiers = [[\"b\"]]\n{larger}\n\
             [[route]]\nname = \"n\"\nmatch = {{ model = \"n\" }}\ntiers = [[\"b\"]]\n"
        ))
    };
    let plan = plan(&policy(""), &policy("larger = \"n\""));
    let lines: Vec<_> =
        plan.requests.iter().map(|change| format!("{:?} {:?} {}", change.needs, change.but_not, told_of(change))).collect();
    assert_eq!(lines, [r#"["more than 8000 tokens"] ["tools and more than 8000 tokens"] leads to model `n`, not `m`"#]);
}

#[test]
fn a_change_for_all_says_whom_it_does_not_reach() {
    let policy = |tiers: &str| {
        parsed(&format!(
            "version = 1\n[backend.b]\nprovider = \"openai\"\nmodels.m = {{ capabilities = {{ context = 8000 }} }}\n\
             [backend.wide]\nprovider = \"openai\"\nmodels.m = {{ capabilities = {{ context = 32000, tools = false }} }}\n\
             [backend.small]\nprovider = \"openai\"\nmodels.m = {{ capabilities = {{ context = 4000, tools = false }} }}\n\
             [[route]]\nname = \"m\"\nmatch = {{ model = \"m\" }}\ntiers = {tiers}\n"
        ))
    };
    let told = |plan: &Plan| -> Vec<String> {
        plan.requests.iter().map(|change| format!("{:?} {:?} {}", change.needs, change.but_not, told_of(change))).collect()
    };
    let plan = plan(&policy(r#"[["b", "wide"]]"#), &policy(r#"[["b", "wide", "small"]]"#));
    // Where nobody has room, they all may count for themselves.
    assert_eq!(told(&plan), [r#"[] ["tools", "4001 to 32000 tokens"] small in tier 1"#]);
}
