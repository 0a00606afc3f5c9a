//! Where expressions tell requests apart, all else that a policy looks at is tried together with what they look at: against brute force.

use proptest::test_runner::RngSeed;

use super::*;

/// Beyond every length that a policy here mentions.
const LONGEST: u64 = 48;

/// What a route may ask.
fn when() -> impl Strategy<Value = Option<String>> {
    let number = || 1_u64..30;
    prop_oneof![
        2 => Just(None),
        2 => number().prop_map(|most| Some(format!("prompt_tokens < {most}"))),
        1 => number().prop_map(|least| Some(format!("max_output_tokens > {least}"))),
        1 => Just(Some("tools".to_owned())),
        1 => number().prop_map(|least| Some(format!("!tools && {least} <= prompt_tokens"))),
        1 => (number(), number()).prop_map(|(most, least)| Some(format!("prompt_tokens < {most} || max_output_tokens >= {least}"))),
    ]
}

/// A policy of a few routes for the same model, in rooms and under ceilings of the size of a few tokens.
fn policy() -> impl Strategy<Value = String> {
    let served = (prop::option::of(5_u64..40), any::<bool>(), prop::option::of(2_u64..20), 1_u64..3, 1_u64..3);
    // Far enough apart that there is a whole token between where two of them decide.
    let ceiling = prop::option::of(prop::sample::select(vec![8_u64, 16, 24]));
    let route = (when(), ceiling, prop::sample::subsequence(vec!["x", "y", "z"], 1..=3), prop::bool::weighted(0.3));
    (prop::collection::vec(served, 4), prop::collection::vec(route, 1..4)).prop_map(|(served, routes)| {
        let mut text = "version = 1\n".to_owned();
        let able = |(context, tools, most, input, output): &(Option<u64>, bool, Option<u64>, u64, u64)| {
            let context = context.map(|most| format!("context = {most}, ")).unwrap_or_default();
            let most = most.map(|most| format!("max_output = {most}, ")).unwrap_or_default();
            format!("{{ price = {{ in = {input}000, out = {output}000 }}, capabilities = {{ {context}{most}tools = {tools} }} }}")
        };
        let long = served[3];
        for (backend, own) in ["x", "y", "z"].into_iter().zip(&served) {
            text += &format!("[backend.{backend}]\nprovider = \"openai\"\nsecret = \"env:K\"\nmodels.m = {}\n", able(own));
        }
        text += &format!("models.n = {}\n", able(&(Some(45), long.1, long.2, long.3, long.4)));
        for (place, (when, ceiling, tier, leads_on)) in routes.iter().enumerate() {
            let when = when.as_ref().map(|when| format!(", when = \"{when}\"")).unwrap_or_default();
            text += &format!("[[route]]\nname = \"r{place}\"\nmatch = {{ model = \"m\"{when} }}\ntiers = [{tier:?}]\n");
            text += &ceiling.map(|cents| format!("ceiling = {{ per_request = \"$0.0{cents:02}\" }}\n")).unwrap_or_default();
            text += if *leads_on { "larger = \"n\"\n" } else { "" };
        }
        text + "[[route]]\nname = \"n\"\nmatch = { model = \"n\" }\ntiers = [[\"z\"]]\n"
    })
}

/// Two of them, the second with a line of another in place of one of its own.
fn pair() -> impl Strategy<Value = (Policy, Policy)> {
    let parse = |text: &str| Policy::parse(&[SourceFile::new("policy.toml", text)]).ok();
    let mutated = (policy(), policy(), any::<prop::sample::Index>()).prop_map(|(old, other, line)| {
        let (mut new, other): (Vec<&str>, Vec<&str>) = (old.lines().collect(), other.lines().collect());
        let place = line.index(new.len());
        let alike: Vec<&str> = other.into_iter().filter(|line| line.split(' ').next() == new[place].split(' ').next()).collect();
        new[place] = alike.get(line.index(alike.len().max(1))).copied().unwrap_or_default();
        let new = new.join("\n");
        (old, new)
    });
    // Where there is neither, prompts and answers are tried by themselves.
    let is_crossed = |policy: &Policy| policy.expressions().next().is_some() || policy.leads_on("m");
    let parsed = mutated.prop_filter_map("faulty", move |(old, new)| Some((parse(&old)?, parse(&new)?)));
    parsed.prop_filter("nothing to try together", move |(old, new)| is_crossed(old) || is_crossed(new))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        max_global_rejects: 100_000,
        // Lengths here are so small that two prices can differ within one token, which is tried only by chance: the same policies each time.
        rng_seed: RngSeed::Fixed(20_261_123),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_change_is_told_just_when_some_length_or_feature_is_treated_otherwise((old, new) in pair()) {
        let plan = plan(&old, &new);
        // Where there is too much to try, the plan says so.
        prop_assume!(plan.not_compared.is_empty());
        let (tenant, everything): (TenantId, Grants) = ("a".parse().unwrap(), "*".parse().into_iter().collect());
        let outputs = || std::iter::once(None).chain((1..LONGEST).map(Some)).map(|most| (most, None, None));
        // As many answers as any ceiling here allows, each as long as the model lets it be.
        let several = || (2..LONGEST).map(|answers| (None, Some(answers), None));
        let refused = || (1..LONGEST).map(|room| (None, None, Some(room)));
        let mut needs = [false, true].into_iter().flat_map(|tools| {
            (0..LONGEST).flat_map(move |prompt_tokens| {
                let sizes = outputs().chain(several()).chain(refused());
                sizes.map(move |(max_output_tokens, answers, too_small)| {
                    Needs { prompt_tokens, max_output_tokens, answers, too_small, tools, ..Needs::default() }
                })
            })
        });
        let fate = |policy: &Policy, needs: Needs| fate(policy, &tenant, "m", Operation::Chat, Some(&everything), needs);
        let differing = needs.find(|needs| fate(&old, *needs) != fate(&new, *needs));
        let of_chat = plan.requests.iter().filter(|change| change.names == ["m"] && change.operations.contains(&"chat"));
        let moving: Vec<_> = of_chat.filter(|change| change.effects.iter().any(Effect::moves_requests)).collect();
        let told: Vec<_> = moving.iter().map(|change| format!("{:?} {}", change.needs, told_of(change))).collect();
        prop_assert_eq!(!told.is_empty(), differing.is_some(), "{:?}: {:#?}", differing, told);
    }
}

/// A policy that sends short prompts to `short`, those that need tools to `tools` and all others to `rest`.
fn sorted(tools: &str) -> Policy {
    parsed(&format!(
        "version = 1\n[backend.short]\nprovider = \"openai\"\nmodels.m = {{}}\n[backend.tools]\nprovider = \"openai\"\n{tools}\n\
         [backend.rest]\nprovider = \"openai\"\nmodels.m = {{}}\n\
         [[route]]\nname = \"short\"\nmatch = {{ model = \"m\", when = \"prompt_tokens < 100\" }}\ntiers = [[\"short\"]]\n\
         [[route]]\nname = \"tools\"\nmatch = {{ model = \"m\", when = \"tools\" }}\ntiers = [[\"tools\"], [\"rest\"]]\n\
         [[route]]\nname = \"rest\"\nmatch = {{ model = \"m\" }}\ntiers = [[\"rest\"]]\n"
    ))
}

fn whom(plan: &Plan) -> Vec<(Vec<String>, String)> {
    plan.requests.iter().map(|change| (change.needs.clone(), told_of(change))).collect()
}

#[test]
fn expressions_of_several_routes_are_tried_together() {
    let plan = plan(&sorted("models.m = {}"), &sorted("models.m = { operations = [\"chat\"] }"));
    assert!(plan.not_compared.is_empty(), "{:?}", plan.not_compared);
    let [(needs, effects)] = whom(&plan).try_into().unwrap_or_else(|all| panic!("{all:?}"));
    assert_eq!(needs, ["prompts of 100 tokens or more and tools"]);
    assert!(effects.contains("tools, was in tier 1"), "{effects}");
}

#[test]
fn room_is_tried_where_an_expression_leads() {
    let with = |context: &str| sorted(&format!("models.m = {{ capabilities = {{ context = {context} }} }}"));
    let told = whom(&plan(&with("4000"), &with("8000")));
    let all: Vec<&str> = told.iter().flat_map(|(needs, _)| needs).map(String::as_str).collect();
    assert_eq!(all, ["such as a prompt of 100 tokens with an answer limited to 3901 tokens, tools"], "{told:?}");
}

#[test]
fn what_computes_with_lengths_is_named() {
    let computing = |most: u64| {
        parsed(&BASE.replacen(
            "match = { model = \"chat\" }",
            &format!("match = {{ model = \"chat\", when = \"prompt_tokens + max_output_tokens < {most}\" }}"),
            1,
        ))
    };
    let notes = plan(&computing(100), &computing(100)).not_compared;
    assert!(notes.iter().any(|note| note.contains("computes (`all`)")), "{notes:?}");
}
