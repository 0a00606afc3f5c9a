//! The head of a request against `serde_json`: what is taken for JSON, and what is read of it, is the same for every body of the golden files and
//! the fuzz corpus, and for each of them with something wrong in it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on says where and why")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};
use tradewind_protocol::openai::{Head, HeadError};

/// How often each body is spoiled.
const ROUNDS: usize = 200;

/// What spoils a body, or nearly does.
const PIECES: [&[u8]; 48] = [
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b" ",
    b"\n",
    b"\t",
    b"\r",
    b"\x00",
    b"\x1f",
    b"\x7f",
    b"\x0c",
    b"\x0b",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    "é".as_bytes(),
    "\u{2028}".as_bytes(),
    b"0",
    b"-",
    b"00",
    b"1.",
    b".5",
    b"1e",
    b"-0.5E+07",
    b"1e999",
    b"true",
    b"nul",
    b"\\u0061",
    b"\\u00",
    b"\\uD800",
    b"\\ud83d\\ude00",
    b"\\x",
    b"\\/",
    b"null,",
    b"[]",
    b"{}",
    b",\"model\":\"other\"",
    b",\"mod\\u0065l\":null",
    b",\"stream\":true",
    b",\"max_tokens\":7",
    b",\"a\\udc00\":1",
    b",\"to\\u0070_k\":{\"na\\u006de\":0}",
];

/// The head as a deserializer of `serde_json` reads it.
#[derive(Deserialize)]
struct Reference<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    #[serde(borrow)]
    stream: Option<&'a RawValue>,
    #[serde(borrow)]
    stream_options: Option<&'a RawValue>,
    #[serde(borrow)]
    max_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    max_completion_tokens: Option<&'a RawValue>,
}

/// What the reference makes of a body: none where it is no request. `serde_json` also takes a list of the fields' values for a struct, and does not
/// look whether what it skips is text.
fn reference(body: &[u8]) -> Option<Reference<'_>> {
    let body = str::from_utf8(body).ok()?;
    let is_object = body.trim_ascii_start().starts_with('{');
    serde_json::from_str(body).ok().filter(|_| is_object)
}

/// A value of a known type, as it was before: none where it is of another.
fn typed<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<Option<T>> {
    raw.map(|raw| serde_json::from_str(raw.get()).ok()).map_or(Some(None), |value| value.map(Some))
}

fn check(body: &[u8]) {
    let told = Head::read(body);
    let shown = String::from_utf8_lossy(body);
    let Some(reference) = reference(body) else {
        assert!(matches!(told, Err(HeadError::Invalid(_))), "{told:?} of {shown}");
        return;
    };
    assert!(!matches!(told, Err(HeadError::Invalid(_))), "{told:?} of {shown}");
    let read = || {
        #[derive(Deserialize)]
        struct Options {
            include_usage: Option<bool>,
        }
        let model = typed::<String>(reference.model)??;
        let stream = typed::<bool>(reference.stream)?.unwrap_or(false);
        let include_usage =
            typed::<Options>(reference.stream_options)?.and_then(|options| options.include_usage).unwrap_or(false);
        let max_tokens = typed::<u64>(reference.max_tokens)?;
        let most = typed::<u64>(reference.max_completion_tokens)?.max(max_tokens);
        Some((model, stream, include_usage, most)).filter(|(model, ..)| !model.is_empty())
    };
    let expected = read();
    let Ok(head) = told else {
        assert!(expected.is_none(), "{told:?} of {shown}");
        return;
    };
    assert_eq!(expected, Some((head.model.clone(), head.stream, head.include_usage, head.max_tokens)), "{shown}");
    assert_eq!(body.get(head.model_span.clone()).unwrap(), reference.model.unwrap().get().as_bytes(), "{shown}");
    check_names(&head, body);
}

/// No name is missed. What is half a surrogate pair is no tree, and has no name that anybody asks for.
fn check_names(head: &Head, body: &[u8]) {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return };
    let mut within = BTreeSet::new();
    fields.values().for_each(|value| collect(value, &mut within));
    assert!(fields.keys().all(|name| head.fields.may_hold(name)), "{fields:?}");
    assert!(within.into_iter().all(|name| head.within.may_hold(name)), "{fields:?}");
}

fn collect<'a>(value: &'a Value, names: &mut BTreeSet<&'a str>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, names)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            names.insert(name);
            collect(value, names);
        }),
        _ => {}
    }
}

/// The bodies of clients in the golden files and in the corpus.
fn bodies() -> Vec<Vec<u8>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![here.join("tests/golden"), here.join("../providers/tests/golden"), here.join("fuzz/corpus/requests")];
    let mut bodies = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            let is_body = path.parent().is_some_and(|folder| folder.ends_with("corpus/requests"))
                || path.file_name().is_some_and(|name| name == "client.request.json");
            if path.is_dir() {
                folders.push(path);
            } else if is_body {
                bodies.insert(fs::read(path).unwrap());
            }
        }
    }
    bodies.into_iter().collect()
}

/// Numbers that are the same in every run (xorshift, by Marsaglia).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }
}

/// `body` with a piece put in, with a part taken out, cut off or doubled, or with one bit turned over.
fn spoiled(body: &[u8], dice: &mut Dice) -> Vec<u8> {
    let start = dice.below(body.len() + 1);
    let end = (start + dice.below(4)).min(body.len());
    let (before, part, after) = (&body[..start], &body[start..end], &body[end..]);
    match dice.below(6) {
        0 => [before, after].concat(),
        1 => before.to_vec(),
        2 => [before, part, part, after].concat(),
        3 => {
            let turned: Vec<u8> = part.iter().map(|byte| byte ^ (1 << dice.below(8))).collect();
            [before, &turned, after].concat()
        }
        _ => [before, PIECES[dice.below(PIECES.len())], part, after].concat(),
    }
}

#[test]
fn a_body_is_read_as_serde_json_reads_it() {
    let bodies = bodies();
    assert!(bodies.len() > 50, "the corpus is gone");
    for body in &bodies {
        check(body);
    }
}

#[test]
fn a_spoiled_body_is_refused_where_serde_json_refuses_it() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut refused = 0;
    for body in bodies() {
        for _ in 0..ROUNDS {
            let mut body = spoiled(&body, &mut dice);
            if dice.below(3) == 0 {
                body = spoiled(&body, &mut dice);
            }
            check(&body);
            refused += usize::from(serde_json::from_slice::<IgnoredAny>(&body).is_err());
        }
    }
    assert!(refused > 1000, "{refused} were spoiled");
}

/// Strings are skipped in steps, so what must be seen is put at every place of a step and of what remains behind the last.
#[test]
fn no_place_in_a_string_hides_anything() {
    for length in 0..70 {
        for place in 0..=length {
            for piece in PIECES {
                let (before, after) = ("x".repeat(place), "x".repeat(length - place));
                let string = [before.as_bytes(), piece, after.as_bytes()].concat();
                check(&[b"{\"model\":\"m\",\"x\":\"", string.as_slice(), b"\"}"].concat());
                if length < 20 {
                    check(&[b"{\"", string.as_slice(), b"\":[{\"", &string, b"\":1}],\"model\":\"m\"}"].concat());
                    check(&[b"{\"model\":\"m\",\"x\":\"", string.as_slice()].concat());
                }
            }
        }
    }
}

#[test]
fn every_form_of_a_number_is_known() {
    let parts = ["", "-", "+", "0", "00", "1", "10", ".", ".0", "e", "E", "e+", "E-", "e5", " "];
    for first in parts {
        for second in parts {
            for third in parts {
                for fourth in parts {
                    check(format!(r#"{{"model":"m","x":{first}{second}{third}{fourth}}}"#).as_bytes());
                    check(format!(r#"{{"model":"m","x":[1,{first}{second}{third}{fourth},2]}}"#).as_bytes());
                }
            }
        }
    }
}

#[test]
fn an_escape_hides_no_name() {
    let head = Head::read(br#"{"model":"m","mod\u0065ls":["n"],"messages":[{"r\u0065asoning":1,"\ud800":2}]}"#).unwrap();
    assert!(head.fields.may_hold("models") && !head.fields.may_hold("reasoning") && !head.fields.may_hold("top_k"));
    assert!(head.within.may_hold("reasoning") && !head.within.may_hold("models") && !head.within.may_hold("parsed"));
    assert!(head.fields.may_hold("a name that is not noted"));
    let fault = Head::read(br#"{"model":"m","\ud800":2}"#).unwrap_err();
    assert!(matches!(fault, HeadError::Invalid(_)), "{fault:?}");
}
