//! What requests may cost: who is left out for it, and what is told of that.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

use tradewind_policies::spec::NanoUsd;
use tradewind_policies::{Caller, Needs, NoRoute, Operation, Policy, Request, SourceFile, Stage};

/// A token costs a tenth of a cent, of an answer two tenths, at `cheap`, and ten times as much at `dear`; `own` costs nothing. At most
/// ten cents.
const POLICY: &str = r#"version = 1
[defaults]
ceiling = { per_request = "$0.20", per_tenant_day = "$5" }
[backend.cheap]
provider = "openai"
models.m = { price = { in = 1000, out = 2000 }, operations = ["chat", "embeddings"] }
[backend.dear]
provider = "openai"
models.m = { price = { in = 10_000, out = 10_000 }, capabilities = { max_output = 2 } }
[backend.own]
provider = "vllm"
base_url = "http://own/v1"
models.m = { capabilities = { context = 1000 } }
[[route]]
name = "r"
match = { model = "m" }
tiers = [["cheap", "dear"], ["own"]]
ceiling = { per_request = "$0.10" }
"#;

fn parse(text: &str) -> Policy {
    Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap_or_else(|errors| panic!("{errors}"))
}

fn needs(prompt_tokens: u64, max_output_tokens: Option<u64>) -> Needs {
    Needs { prompt_tokens, max_output_tokens, ..Needs::default() }
}

/// The backends that may serve a request.
fn eligible(policy: &Policy, operation: Operation, needs: Needs) -> Result<Vec<String>, NoRoute> {
    let tenant = "acme".parse().unwrap();
    let eligible = policy.eligible(&Request { needs, ..Request::new(Caller::of(&tenant), "m", operation) })?;
    let name = |target: &tradewind_policies::spec::Target| policy.backends().get(target.backend.get()).unwrap().name.to_string();
    Ok(eligible.targets().map(name).collect())
}

#[test]
fn a_backend_is_left_out_where_prompt_and_answer_may_cost_more_than_a_request_may() {
    let policy = parse(POLICY);
    let chat = |prompt, answer| eligible(&policy, Operation::Chat, needs(prompt, answer)).unwrap();
    assert_eq!(chat(8, None), ["cheap", "dear", "own"], "an answer of at most two tokens fits beside eight");
    assert_eq!(chat(9, None), ["cheap", "own"]);
    assert_eq!(chat(9, Some(1)), ["cheap", "dear", "own"]);
    assert_eq!(chat(8, Some(40)), ["cheap", "dear", "own"], "more than two tokens are never answered there");
    assert_eq!(chat(100, None), ["cheap", "own"], "nobody limits the answer, so the prompt alone counts");
    assert_eq!(chat(101, None), ["own"]);
    assert_eq!(chat(50, Some(25)), ["cheap", "own"]);
    assert_eq!(chat(50, Some(26)), ["own"]);
    let embeddings = eligible(&policy, Operation::Embeddings, needs(100, Some(1000)));
    assert_eq!(embeddings.unwrap(), ["cheap"], "there is no answer to be paid");
}

#[test]
fn every_answer_that_is_asked_for_counts_and_the_prompt_once() {
    let policy = parse(POLICY);
    let chat = |answers, prompt, answer| {
        eligible(&policy, Operation::Chat, Needs { answers: Some(answers), ..needs(prompt, answer) }).unwrap()
    };
    assert_eq!(chat(5, 50, Some(5)), ["cheap", "own"], "50 tenths of a cent, and five times 10");
    assert_eq!(chat(6, 50, Some(5)), ["own"]);
    assert_eq!(chat(4, 2, None), ["cheap", "dear", "own"], "2 cents, and four times two tokens at a cent each");
    assert_eq!(chat(5, 2, None), ["cheap", "own"]);
    assert_eq!(chat(0, 2, None), ["cheap", "dear", "own"], "none is as good as one");
    assert_eq!(chat(u64::MAX, 2, Some(2)), ["own"], "beyond belief");
    assert_eq!(chat(100, 100, None), ["cheap", "own"], "nobody limits the answers, so the prompt alone counts");
}

#[test]
fn a_test_of_a_policy_may_ask_for_several_answers() {
    let expecting = |answers: u64, backends: &str| {
        let given = format!("{{ model = \"m\", prompt_tokens = 50, max_output_tokens = 5, answers = {answers} }}");
        let test = format!("[[test]]\ngiven = {given}\nexpect = {{ only = {backends} }}\n");
        Policy::parse(&[SourceFile::new("policy.toml", format!("{POLICY}{test}"))])
    };
    expecting(5, r#"["cheap", "own"]"#).unwrap();
    expecting(6, r#"["own"]"#).unwrap();
    let told = expecting(6, r#"["cheap", "own"]"#).unwrap_err().to_string();
    assert!(told.contains("50 tokens of prompt and 30 of 6 answers may cost $0.11, and a request may cost $0.10"), "{told}");
}

#[test]
fn what_a_ceiling_leaves_out_is_told_with_the_prices_and_the_line_of_the_lower_one() {
    let policy = parse(POLICY);
    let tenant = "acme".parse().unwrap();
    let request = Request { needs: needs(9, None), ..Request::new(Caller::of(&tenant), "m", Operation::Chat) };
    let considered = policy.consider(&request).unwrap();
    let left_out: Vec<_> = considered.candidates.iter().filter_map(|candidate| candidate.excluded.as_ref()).collect();
    let [excluded] = left_out.as_slice() else { panic!("{left_out:?}") };
    assert_eq!(excluded.stage, Stage::CostCeiling);
    assert_eq!(excluded.why, "9 tokens of prompt and 2 of an answer may cost $0.11, and a request may cost $0.10");
    assert_eq!(excluded.place.as_ref().unwrap().line, 18);
    let policy = parse(&POLICY.replace("$0.20", "$0.01"));
    let considered = policy.consider(&request).unwrap();
    let places = considered.candidates.iter().filter_map(|candidate| Some(candidate.excluded.clone()?.place?.line));
    assert_eq!(places.collect::<Vec<_>>(), [3]);
}

#[test]
fn a_ceiling_is_not_lifted_where_nobody_is_left() {
    let policy = parse(&POLICY.replace(", [\"own\"]]", "]"));
    let error = eligible(&policy, Operation::Chat, needs(101, None)).unwrap_err();
    let NoRoute::NoneEligible { stage, reasons, .. } = error else { panic!("{error}") };
    assert_eq!((stage, reasons.iter().count()), (Stage::CostCeiling, 2));
    // Where nobody seems to have room, all may be tried, but for the dear ones.
    let full = needs(2000, None);
    assert_eq!(eligible(&parse(&POLICY.replace(r#"["cheap", "dear"], "#, "")), Operation::Chat, full).unwrap(), ["own"]);
}

#[test]
fn long_prompts_cost_what_their_rates_say() {
    let above =
        r#"price = { in = 1000, out = 2000, above = [{ prompt = 20, in = 10_000, out = 1 }, { prompt = 30, in = 1, out = 1 }] }"#;
    let policy = parse(&POLICY.replace("price = { in = 1000, out = 2000 }", above));
    let is_left = |prompt| eligible(&policy, Operation::Chat, needs(prompt, None)).unwrap().contains(&"cheap".to_owned());
    assert_eq!([20, 21, 30, 31].map(is_left), [true, false, false, true]);
}

#[test]
fn of_two_ceilings_the_lower_holds() {
    let ceiling = |text: &str| parse(text).routes().next().unwrap().1.ceiling;
    let cents = |cents: u64| Some(NanoUsd(cents * 10_000_000));
    let both = ceiling(POLICY);
    assert_eq!((both.per_request, both.per_tenant_day), (cents(10), cents(500)));
    let higher = ceiling(&POLICY.replace("\"$0.10\"", "\"$9\", per_tenant_day = \"$4\""));
    assert_eq!((higher.per_request, higher.per_tenant_day), (cents(20), cents(400)));
}
