//! Answers that are held to a grammar: always valid, and the same in any company.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fake::Speech;
use super::rig::{Answers, ECHO, Make, Reader, Rig, SETTINGS, limited, request, seeded};
use crate::chat::{ChatRequest, ChatSettings, Finish};
use crate::constrain::Grammar;
use crate::decoder::CacheLayout;
use crate::sample::{Sampling, SamplingOptions};

const NOISE: Make = Make { speech: Speech::Noise, ..ECHO };

/// Room for three of the longest.
const TIGHT: Make = Make {
    context: 120,
    layout: CacheLayout { blocks: 90, block_size: 4 },
    settings: ChatSettings { rows: 5, step_tokens: 16, ..SETTINGS },
    ..NOISE
};

/// Of a person.
fn person() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "maxLength": 6 },
            "age": { "type": "integer", "minimum": 0, "maximum": 130 },
            "tags": { "type": "array", "items": { "enum": ["new", "old"] }, "maxItems": 2 },
        },
        "required": ["name", "age", "tags"],
        "additionalProperties": false,
    })
}

fn held(rig: &Rig, schema: &Value, request: ChatRequest) -> ChatRequest {
    ChatRequest { pattern: Some(rig.pattern(Grammar::JsonSchema(schema.to_string()))), ..request }
}

fn is_valid(schema: &Value, text: &str) -> bool {
    serde_json::from_str(text).is_ok_and(|value: Value| crate::constrain::validity::is_valid(schema, &value))
}

/// All ways to choose tokens at once.
fn sampling(seed: u64) -> Sampling {
    let options = SamplingOptions {
        temperature: 1.3,
        top_k: 40,
        top_p: 0.95,
        min_p: 0.01,
        frequency_penalty: 0.5,
        presence_penalty: -0.5,
        repetition_penalty: 1.2,
        logit_bias: vec![(3, 100.0), (70, -100.0)],
        seed: Some(seed),
    };
    Sampling::new(options).unwrap()
}

#[test]
fn an_answer_is_what_its_schema_describes_however_tokens_are_chosen() {
    let mut rig = NOISE.rig();
    for seed in 0..20 {
        for request in [seeded("p", seed, 2), ChatRequest { sampling: sampling(seed), ..request("p") }] {
            let answers = rig.answer(held(&rig, &person(), request));
            for choice in 0..answers.texts.len() {
                assert_eq!(answers.finish[choice], Some(Finish::Stop));
                assert!(is_valid(&person(), &answers.text(choice)), "{}", answers.text(choice));
            }
        }
    }
    assert_eq!(rig.available(), 1024);
}

#[test]
fn several_answers_to_one_request_are_each_their_own() {
    let mut rig = NOISE.rig();
    let answers = rig.answer(held(&rig, &person(), seeded("p", 3, 3)));
    assert!(answers.text(0) != answers.text(1) && answers.text(1) != answers.text(2));
}

/// What does not depend on how it was computed.
fn essence(answers: &Answers) -> (String, Option<Finish>, usize) {
    (answers.text(0), answers.finish[0], answers.usage.unwrap().completion_tokens)
}

#[test]
fn tokens_that_must_come_are_not_generated_one_by_one_and_change_nothing() {
    for seed in 0..10 {
        let (mut ahead, mut stepwise) = (NOISE.rig(), NOISE.rig());
        let quick = ahead.answer(held(&ahead, &person(), seeded("p", seed, 1)));
        let told = ChatRequest { logprobs: Some(1), ..seeded("p", seed, 1) };
        let slow = stepwise.answer(held(&stepwise, &person(), told));
        assert_eq!(essence(&quick), essence(&slow));
        assert_eq!(slow.tokens[0].len(), slow.text(0).len());
        let passes = |rig: &Rig| rig.behind().passes.len();
        assert!(passes(&ahead) * 3 < passes(&stepwise) * 2, "{} and {}", passes(&ahead), passes(&stepwise));
    }
}

#[test]
fn limits_and_stop_strings_end_an_answer_within_its_grammar() {
    let mut rig = NOISE.rig();
    for most in 1..30 {
        let answers = rig.answer(held(&rig, &person(), limited("p", most)));
        assert_eq!((answers.finish[0], answers.usage.unwrap().completion_tokens), (Some(Finish::Length), most));
        assert!(answers.text(0).len() == most && "{\"name\": \"".starts_with(&answers.text(0)[..most.min(10)]));
    }
    let stopping = ChatRequest { stop: vec!["\"age\"".to_owned()], ..request("p") };
    let answers = rig.answer(held(&rig, &person(), stopping));
    assert_eq!(answers.finish[0], Some(Finish::Stop));
    assert!(answers.text(0).ends_with("\", "), "{}", answers.text(0));
    assert_eq!(rig.available(), 1024);
}

#[test]
fn likelihoods_are_those_of_the_model_without_the_grammar() {
    let mut rig = ECHO.rig();
    let choice =
        ChatRequest { pattern: Some(rig.pattern(Grammar::Choice(vec!["b".to_owned()]))), logprobs: Some(1), ..request("a|") };
    let answers = rig.answer(choice);
    let first = &answers.tokens[0][0];
    assert_eq!(
        (answers.text(0).as_str(), first.chosen.bytes.as_slice(), first.top[0].bytes.as_slice()),
        ("b", &b"b"[..], &b"a"[..])
    );
    assert!(first.chosen.logprob < -10.0 && first.top[0].logprob > -0.1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn in_a_tight_cache_and_in_company_answers_are_the_same_as_alone(
        asked in proptest::collection::vec((1..30_usize, 0..50_u64, any::<bool>(), 0..6_usize), 1..12),
    ) {
        let mut rig = TIGHT.rig();
        let asked: Vec<_> = asked.into_iter().map(|(prompt, seed, is_held, steps)| {
            let request = ChatRequest { max_tokens: Some(80), ..seeded(&"p".repeat(prompt), seed, 1) };
            (if is_held { held(&rig, &person(), request) } else { request }, is_held, steps)
        }).collect();
        let mut readers: Vec<Reader> = Vec::new();
        for (request, _, steps) in &asked {
            readers.push(rig.submit(request.clone()));
            (0..*steps).for_each(|_| rig.step());
        }
        rig.run();
        prop_assert_eq!(rig.available(), TIGHT.layout.blocks);
        for ((request, is_held, _), reader) in asked.into_iter().zip(readers) {
            let answers = reader.read();
            prop_assert_eq!(essence(&answers), essence(&TIGHT.rig().answer(request)));
            prop_assert!(!is_held || answers.finish[0] == Some(Finish::Length) || is_valid(&person(), &answers.text(0)));
        }
    }
}
