//! Answers made by chance are always what the grammar says; and no grammar, however hostile, costs more than its bounds.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Constrainer, Constraint, Grammar};
use crate::chat::tests::fake::{END, tokenizer};

fn constrainer() -> Constrainer {
    Constrainer::new(&tokenizer(), &[END]).unwrap()
}

fn schema(schema: &Value) -> Grammar {
    Grammar::JsonSchema(schema.to_string())
}

/// Follows a grammar by chance, inclined to come to an end. Nothing, if it does not within so many tokens.
fn walk(mut constraint: Constraint, mut random: u64, most: usize) -> Option<String> {
    let tokenizer = tokenizer();
    let (mut text, closing) = (Vec::new(), ['"', '}', ']', ','].map(|shown| tokenizer.encode(&shown.to_string()).unwrap()[0]));
    for _ in 0..most {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let draw = (random >> 33) as usize;
        let mask = constraint.mask().unwrap();
        let allowed: Vec<u32> = (0..98).filter(|token| mask.allows(*token)).collect();
        let closing = closing.iter().copied().find(|token| !draw.is_multiple_of(3) && mask.allows(*token));
        let token = if mask.allows(END) { END } else { closing.unwrap_or_else(|| allowed[draw / 3 % allowed.len()]) };
        constraint.accept(token).unwrap();
        text.extend_from_slice(tokenizer.bytes_of(token));
        if token == END || constraint.is_complete() {
            return Some(String::from_utf8(text).unwrap());
        }
    }
    None
}

fn answers(grammar: &Grammar) -> Vec<String> {
    let pattern = constrainer().compile(grammar).unwrap();
    let answers: Vec<_> = (0..12).filter_map(|seed| walk(pattern.begin(), seed * 977 + 1, 4000)).collect();
    assert!(answers.len() > 6, "{grammar:?} comes to no end");
    answers
}

fn refusal(grammar: &Grammar) -> (String, String) {
    let error = constrainer().compile(grammar).unwrap_err();
    (error.place, error.reason)
}

/// Schemas of a few levels, of all kinds that are supported.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({ "type": "string" })),
        Just(json!({ "type": "string", "minLength": 2, "maxLength": 5 })),
        Just(json!({ "type": "string", "pattern": "^[a-c]{1,3}-[0-9]+$" })),
        Just(json!({ "type": "string", "format": "date" })),
        Just(json!({ "type": "integer", "minimum": -3, "maximum": 40 })),
        Just(json!({ "type": "number", "exclusiveMinimum": 0, "maximum": 1 })),
        Just(json!({ "type": ["boolean", "null"] })),
        Just(json!({ "enum": ["a \"b\"", 7, null, { "x": [1] }] })),
        Just(json!({ "const": "c" })),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let object = (proptest::collection::vec(inner.clone(), 1..4), any::<u8>()).prop_map(|(members, required)| {
            let names = ["a", "b b", "c\"", "d"];
            let properties: serde_json::Map<_, _> = names.iter().map(|name| (*name).to_owned()).zip(members).collect();
            let chosen = (0..).zip(properties.keys()).filter(|(place, _)| required >> place & 1 == 1);
            let required: Vec<_> = chosen.map(|(_, name): (u8, _)| name.clone()).collect();
            json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
        });
        prop_oneof![
            2 => object,
            1 => (inner.clone(), 0..3_usize, 0..3_usize).prop_map(|(items, least, more)| {
                json!({ "type": "array", "items": items, "minItems": least, "maxItems": least + more })
            }),
            1 => proptest::collection::vec(inner, 1..4).prop_map(|any| json!({ "anyOf": any })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_chosen_is_json_that_the_schema_describes(described in schemas(), seed in any::<u64>()) {
        let pattern = constrainer().compile(&schema(&described)).unwrap();
        if let Some(answer) = walk(pattern.begin(), seed, 4000) {
            let value: Value = serde_json::from_str(&answer).unwrap();
            prop_assert!(super::validity::is_valid(&described, &value), "{answer} is not {described}");
        }
    }
}

#[test]
fn any_object_and_a_recursive_schema_can_be_asked_for() {
    for described in [
        json!({ "type": "object" }),
        json!({ "$defs": { "node": { "type": "object", "properties": { "next": { "anyOf": [{ "$ref": "#/$defs/node" }, { "type": "null" }] } },
            "required": ["next"], "additionalProperties": false } }, "$ref": "#/$defs/node" }),
    ] {
        for answer in answers(&schema(&described)) {
            let value: Value = serde_json::from_str(&answer).unwrap();
            assert!(super::validity::is_valid(&described, &value), "{answer}");
        }
    }
}

#[test]
fn expressions_choices_lark_and_gbnf_are_kept_to() {
    for answer in answers(&Grammar::Regex("[0-9]{3}/(a|b)+".to_owned())) {
        let (digits, letters) = answer.split_once('/').unwrap();
        assert!(digits.len() == 3 && letters.trim_matches(['a', 'b']).is_empty(), "{answer}");
    }
    let choices = ["a \"quoted\" one", "a", "back\\slash"].map(str::to_owned);
    assert!(answers(&Grammar::Choice(choices.to_vec())).iter().all(|answer| choices.contains(answer)));
    let sum = "start: NUMBER (\"+\" NUMBER)~1..2\nNUMBER: /[1-9]/".replace("~1..2", "{1,2}");
    let gbnf = "root ::= one-Number more{1,2} # a sum\nmore ::= \"+\"\n  one-Number\none-Number ::= [1-9]";
    for grammar in [sum, gbnf.to_owned()] {
        for answer in answers(&Grammar::Lark(grammar)) {
            let parts: Vec<_> = answer.split('+').collect();
            assert!((2..=3).contains(&parts.len()) && parts.iter().all(|part| part.parse::<u8>().is_ok()), "{answer}");
        }
    }
}

#[test]
fn what_must_come_is_told_and_what_is_left_to_choose_is_not() {
    let described = json!({ "type": "object", "properties": { "name": { "type": "string", "maxLength": 2 } },
        "required": ["name"], "additionalProperties": false });
    let pattern = constrainer().compile(&schema(&described)).unwrap();
    let text = |tokens: &[u32]| tokens.iter().flat_map(|token| tokenizer().bytes_of(*token).to_vec()).collect::<Vec<u8>>();
    let mut constraint = pattern.begin();
    let forced = constraint.take_forced(100).unwrap();
    assert_eq!(text(&forced), b"{\"name\": \"");
    constraint.accept(tokenizer().encode("\"").unwrap()[0]).unwrap();
    assert_eq!(text(&constraint.take_forced(100).unwrap()), b"}");
    assert!(constraint.is_complete());
    let mut other = pattern.begin();
    assert_eq!(text(&other.take_forced(3).unwrap()), b"{\"n");
    assert_eq!(text(&other.take_forced(100).unwrap()), b"ame\": \"");
}

#[test]
fn what_is_not_supported_is_named_with_its_place() {
    let nested =
        json!({ "type": "object", "properties": { "tags": { "type": "array", "items": { "not": { "type": "null" } } } } });
    let (place, reason) = refusal(&schema(&nested));
    assert_eq!(place, "properties.tags.items.not", "{reason}");
    assert!(reason.contains("not supported") && reason.contains("not"), "{reason}");
    let (place, _) = refusal(&schema(&json!({ "$ref": "https://elsewhere.example/schema.json" })));
    assert_eq!(place, "$ref");
    assert!(refusal(&Grammar::JsonSchema("[]".to_owned())).1.contains("object"));
    assert!(refusal(&schema(&json!({ "type": "wrong" }))).1.contains("wrong"));
    assert!(!refusal(&Grammar::Regex("(".to_owned())).1.is_empty());
    assert!(!refusal(&Grammar::Lark("start: unknown".to_owned())).1.is_empty());
    assert!(!refusal(&Grammar::Lark("root ::= \"open".to_owned())).1.is_empty());
    assert!(!refusal(&Grammar::Choice(Vec::new())).1.is_empty());
}

/// Grammars that are meant to do harm.
fn hostile() -> Vec<(&'static str, Grammar)> {
    let names: serde_json::Map<_, _> = (0..3000).map(|name| (format!("property_{name}"), json!({ "type": "string" }))).collect();
    let mut deep = json!({ "type": "string" });
    for _ in 0..120 {
        deep = json!({ "type": "array", "items": deep });
    }
    let chain: serde_json::Map<_, _> =
        (0..2000).map(|at| (format!("d{at}"), json!({ "$ref": format!("#/$defs/d{}", at + 1) }))).collect();
    let doubling: serde_json::Map<_, _> = (0..60)
        .map(|at| {
            (
                format!("d{at}"),
                json!({ "allOf": [{ "$ref": format!("#/$defs/d{}", at + 1) }, { "$ref": format!("#/$defs/d{}", at + 1) }] }),
            )
        })
        .collect();
    let many: Vec<_> =
        (0..400).map(|at| json!({ "type": "object", "properties": { format!("k{at}"): { "type": "integer" } } })).collect();
    let rules: String = (0..4000).map(|at| format!("r{at}: r{}\n", at + 1)).collect();
    vec![
        ("wide", schema(&json!({ "type": "object", "properties": names }))),
        ("deep", schema(&deep)),
        ("chain", schema(&json!({ "$defs": chain, "$ref": "#/$defs/d0" }))),
        ("doubling", schema(&json!({ "$defs": doubling, "$ref": "#/$defs/d0" }))),
        ("circle", schema(&json!({ "$defs": { "a": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" }))),
        ("both", schema(&json!({ "allOf": many }))),
        ("either", schema(&json!({ "oneOf": many }))),
        ("pattern", schema(&json!({ "type": "string", "pattern": "^(a{1,500}){1,500}(b?){500}$" }))),
        ("length", schema(&json!({ "type": "string", "minLength": 100_000, "maxLength": 2_000_000 }))),
        ("items", schema(&json!({ "type": "array", "minItems": 1_000_000, "items": { "type": "integer" } }))),
        (
            "intersection",
            schema(
                &json!({ "allOf": (0..40).map(|at| json!({ "pattern": format!("^(.*[a-{}].*){{3}}$", char::from(b'b' + at % 24)) })).collect::<Vec<_>>() }),
            ),
        ),
        (
            "fewer",
            schema(
                &json!({ "allOf": (0..4).map(|at| json!({ "pattern": format!("^(.*[a-{}].*){{3}}$", char::from(b'b' + at)) })).collect::<Vec<_>>() }),
            ),
        ),
        ("not", Grammar::Lark("start: A\nA: /(.*[a-b].*){3}/ & ~/(.*[c-d].*){9}/ & ~/.*x.{50}/".to_owned())),
        (
            "multiple",
            schema(&json!({ "type": "number", "multipleOf": 1e-9, "minimum": 0.000_123_4, "maximum": 987_654_321.123 })),
        ),
        ("repeats", Grammar::Regex("((a|b)*c){1000}(.*x.{900})".to_owned())),
        ("bits", Grammar::Regex(format!(".*1.{{{}}}", 2000))),
        ("brackets", Grammar::Regex("(".repeat(2000) + &")".repeat(2000))),
        ("options", Grammar::Regex("a?".repeat(1300) + &"a".repeat(1300))),
        ("letters", Grammar::Regex("a".repeat(4000))),
        ("open", Grammar::Lark(format!("start: {}\"a\"{}", "(".repeat(1000), ")".repeat(1000)))),
        ("rules", Grammar::Lark(format!("start: r0\n{rules}r4000: \"a\"\n"))),
        ("itself", Grammar::Lark("start: start start | start | \"\" | \"a\"".to_owned())),
        ("empty", Grammar::Lark("start: a*\na: b*\nb: \"x\"*".to_owned())),
        (
            "ambiguous",
            Grammar::Lark(format!(
                "start: a+\na: {}",
                (0..300).map(|at| format!("/[a-z]{{1,{}}}/", at + 1)).collect::<Vec<_>>().join(" | ")
            )),
        ),
        ("long", Grammar::Choice((0..2000).map(|at| format!("{}{at}", "same beginning ".repeat(2))).collect())),
    ]
}

#[test]
fn no_hostile_grammar_stands_still_or_breaks_anything() {
    let constrainer = constrainer();
    for (name, grammar) in hostile() {
        let began = Instant::now();
        let compiled = constrainer.compile(&grammar);
        let compiling = began.elapsed();
        // Where masks are computed there is as much stack.
        let masks = std::thread::Builder::new().stack_size(super::STACK).spawn(move || {
            let mut constraint = compiled.map_err(|error| error.reason)?.begin();
            let mut longest = Duration::ZERO;
            for _ in 0..40 {
                let began = Instant::now();
                let Ok(mask) = constraint.mask() else { break };
                longest = longest.max(began.elapsed());
                let Some(token) = (0..98).rev().find(|token| mask.allows(*token)) else { break };
                if constraint.accept(token).is_err() || constraint.is_complete() {
                    break;
                }
            }
            Ok::<_, String>(longest)
        });
        println!("{name}: compiled in {compiling:?}, longest mask {:?}", masks.unwrap().join().unwrap());
    }
}
