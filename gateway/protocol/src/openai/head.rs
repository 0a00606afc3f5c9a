//! What routing needs to know of a request, read without parsing the rest.
//!
//! One walk checks that the whole body is JSON and keeps a few fields; messages and inputs are skipped, not built. The place of the
//! model name is remembered, so that a backend with another name for the model gets the client's own bytes with only that name
//! replaced. The names of other fields are noted, so that whoever minds some of them can tell whether there is anything to mind.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    names::{Names, unescaped},
    scan::{Field, NotAnObject, Scanner},
};

/// The head of a chat or embeddings request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The model asked for.
    pub model: String,
    /// Where the JSON string of the model stands in the body, quotes included.
    pub model_span: Range<usize>,
    /// Whether the answer is to come as events.
    pub stream: bool,
    /// Whether the stream is to end with the token counts.
    pub include_usage: bool,
    /// The most tokens to generate, if the caller set it; the larger of `max_completion_tokens` and `max_tokens`.
    pub max_tokens: Option<u64>,
    /// How many answers are made of so many tokens each: `n`, or `best_of` of which `n` are given, to each prompt of a text completion. One at least.
    pub answers: u64,
    /// Whether the provider may take its time for less money: service tier `flex`.
    pub is_flexible: bool,
    /// What its caller calls the prompts that begin alike; none of another type, which is for the backend to refuse.
    pub prompt_cache_key: Option<String>,
    /// What its caller calls the end user; likewise.
    pub user: Option<String>,
    /// Which fields the request has.
    pub fields: Names,
    /// Which names occur in the values of its fields, at any depth.
    pub within: Names,
}

/// Why a body is not a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// Not a JSON object, or one of the fields stands there twice.
    #[error("the body is not a valid JSON request: {0}")]
    Invalid(String),
    /// One of the fields has the wrong type.
    #[error("`{field}` must be {expected}")]
    WrongType {
        /// Which.
        field: &'static str,
        /// What is accepted.
        expected: &'static str,
    },
    /// There is no `model`, or an empty one.
    #[error("`model` is missing: name the model to use, as listed by GET /v1/models")]
    NoModel,
}

impl HeadError {
    /// The field at fault, if it is one.
    #[must_use]
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(_) => None,
            Self::WrongType { field, .. } => Some(field),
            Self::NoModel => Some("model"),
        }
    }
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// The fields as they stand, so that one of a wrong type can be named.
#[derive(Debug, Default)]
struct RawHead {
    model: Option<Range<usize>>,
    stream: Option<Range<usize>>,
    stream_options: Option<Range<usize>>,
    max_tokens: Option<Range<usize>>,
    max_completion_tokens: Option<Range<usize>>,
    n: Option<Range<usize>>,
    best_of: Option<Range<usize>>,
    prompt: Option<Range<usize>>,
    service_tier: Option<Range<usize>>,
    prompt_cache_key: Option<Range<usize>>,
    user: Option<Range<usize>>,
}

impl RawHead {
    /// Where the field `name` is kept; none for those that are not.
    fn place(&mut self, name: &[u8]) -> Option<&mut Option<Range<usize>>> {
        Some(match name {
            b"model" => &mut self.model,
            b"stream" => &mut self.stream,
            b"stream_options" => &mut self.stream_options,
            b"max_tokens" => &mut self.max_tokens,
            b"max_completion_tokens" => &mut self.max_completion_tokens,
            b"n" => &mut self.n,
            b"best_of" => &mut self.best_of,
            b"prompt" => &mut self.prompt,
            b"service_tier" => &mut self.service_tier,
            _ => return None,
        })
    }

    /// Keeps a field if it is one of these, none of which may stand there twice: but for those that only name something, whose last counts.
    fn keep(&mut self, name: &[u8], value: Range<usize>) -> Result<(), HeadError> {
        match name {
            b"prompt_cache_key" => self.prompt_cache_key = Some(value),
            b"user" => self.user = Some(value),
            _ => return self.keep_once(name, value),
        }
        Ok(())
    }

    fn keep_once(&mut self, name: &[u8], value: Range<usize>) -> Result<(), HeadError> {
        let Some(place) = self.place(name) else { return Ok(()) };
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(HeadError::Invalid(format!("duplicate field `{}`", String::from_utf8_lossy(name)))),
        }
    }
}

/// The JSON at `span`; `null` counts as absent.
fn json(body: &[u8], span: Option<Range<usize>>) -> Option<&[u8]> {
    body.get(span?).filter(|json| *json != b"null")
}

fn typed<'a, T: Deserialize<'a>>(
    raw: Option<&'a [u8]>,
    field: &'static str,
    expected: &'static str,
) -> Result<Option<T>, HeadError> {
    let Some(raw) = raw else { return Ok(None) };
    serde_json::from_slice(raw).map(Some).map_err(|_| HeadError::WrongType { field, expected })
}

/// How many prompts a text completion has: a text or the ids of its tokens are one, and lists may hold several of either.
fn prompts(raw: Option<&[u8]>) -> u64 {
    let list = raw.filter(|raw| raw.starts_with(b"["));
    let all = list.and_then(|raw| serde_json::from_slice::<Vec<&RawValue>>(raw).ok()).unwrap_or_default();
    let several = all.iter().filter(|one| one.get().starts_with(['"', '[']));
    several.count().max(1) as u64
}

/// A name that is not empty.
fn name(raw: Option<&[u8]>) -> Option<String> {
    raw.and_then(|raw| serde_json::from_slice::<String>(raw).ok()).filter(|name| !name.is_empty())
}

/// What keeps `body` from being a JSON object, with the line and the column.
#[cold]
fn fault(body: &[u8]) -> HeadError {
    let told = serde_json::from_slice::<IgnoredAny>(body).err().map(|error| error.to_string());
    HeadError::Invalid(told.unwrap_or_else(|| "expected an object".to_owned()))
}

impl Head {
    /// The head of a request whose model is named outside its body, of which nothing is read here.
    #[must_use]
    pub fn named(model: String) -> Self {
        Self {
            model,
            model_span: 0..0,
            stream: false,
            include_usage: false,
            max_tokens: None,
            answers: 1,
            is_flexible: false,
            prompt_cache_key: None,
            user: None,
            fields: Names::default(),
            within: Names::default(),
        }
    }

    /// Reads the head of `body`.
    ///
    /// # Errors
    /// [`HeadError`] with what is wrong and where.
    pub fn read(body: &[u8]) -> Result<Self, HeadError> {
        if simdutf8::basic::from_utf8(body).is_err() {
            // The quick check does not say where.
            str::from_utf8(body).map_err(|error| HeadError::Invalid(error.to_string()))?;
        }
        let mut raw = RawHead::default();
        let (mut fields, mut within) = (Names::default(), Names::default());
        let mut scanner = Scanner::new(body);
        while let Some(Field { name, value }) = scanner.next_field(&mut within).map_err(|NotAnObject| fault(body))? {
            let quoted = body.get(name.span).unwrap_or_default();
            if name.has_escapes {
                let name =
                    unescaped(quoted).ok_or_else(|| HeadError::Invalid("a name holds half a surrogate pair".to_owned()))?;
                fields.add(name.as_bytes());
                raw.keep(name.as_bytes(), value)?;
            } else {
                fields.add(quoted);
                raw.keep(quoted, value)?;
            }
        }
        let model_span = raw.model.ok_or(HeadError::NoModel)?;
        let model: Option<String> = typed(json(body, Some(model_span.clone())), "model", "a string")?;
        let model = model.filter(|model| !model.is_empty()).ok_or(HeadError::NoModel)?;
        let options: Option<StreamOptions> =
            typed(json(body, raw.stream_options), "stream_options", "an object with `include_usage`")?;
        let max_tokens = typed(json(body, raw.max_tokens), "max_tokens", "a whole number")?;
        let max_completion_tokens = typed(json(body, raw.max_completion_tokens), "max_completion_tokens", "a whole number")?;
        let n: Option<u64> = typed(json(body, raw.n), "n", "a whole number")?;
        let best_of: Option<u64> = typed(json(body, raw.best_of), "best_of", "a whole number")?;
        Ok(Self {
            model,
            model_span,
            stream: typed(json(body, raw.stream), "stream", "true or false")?.unwrap_or(false),
            include_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
            // Which of them a backend reads is its own affair.
            max_tokens: max_completion_tokens.max(max_tokens),
            answers: n.max(best_of).unwrap_or(1).max(1).saturating_mul(prompts(json(body, raw.prompt))),
            is_flexible: json(body, raw.service_tier) == Some(br#""flex""#),
            prompt_cache_key: name(json(body, raw.prompt_cache_key)),
            user: name(json(body, raw.user)),
            fields,
            within,
        })
    }
}

/// `body` with the JSON string at `span` replaced by `model`. Without a change to make, the same bytes, uncopied.
#[must_use]
pub fn replace_model(body: &Bytes, span: &Range<usize>, model: &str) -> Bytes {
    let name = serde_json::Value::from(model).to_string();
    if body.get(span.clone()) == Some(name.as_bytes()) {
        return body.clone();
    }
    spliced(body, &[], span, &name)
}

/// The same with `fields` put in front of the others: JSON of fields of an object, each with a comma behind it.
#[must_use]
pub fn replace_model_and_begin_with(fields: &[u8], body: &Bytes, span: &Range<usize>, model: &str) -> Bytes {
    spliced(body, fields, span, &serde_json::Value::from(model).to_string())
}

/// `body`, an object, with `fields` at its front and `name` at `span`. As it is where the span is not in it.
fn spliced(body: &Bytes, fields: &[u8], span: &Range<usize>, name: &str) -> Bytes {
    let start = memchr::memchr(b'{', body).map_or(0, |brace| brace + 1);
    let parts = (body.get(..start), body.get(start..span.start), body.get(span.end..));
    let (Some(brace), Some(before), Some(after)) = parts else { return body.clone() };
    let mut spliced = BytesMut::with_capacity(body.len() + fields.len() + name.len());
    for part in [brace, fields, before, name.as_bytes(), after] {
        spliced.put_slice(part);
    }
    spliced.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_model_among_other_fields() {
        let body = br#" {"messages":[{"role":"user","content":"model"}], "model" : "a\"b", "stream":true,
            "stream_options":{"include_usage":true},"max_tokens":7,"max_completion_tokens":9} "#;
        let head = Head::read(body).unwrap();
        assert_eq!(head.model, "a\"b");
        assert_eq!(&body[head.model_span.clone()], br#""a\"b""#);
        assert!(head.stream && head.include_usage);
        assert_eq!(head.max_tokens, Some(9));
        assert!(!head.is_flexible && Head::read(br#"{"model":"m","service_tier":"flex"}"#).unwrap().is_flexible);
    }

    #[test]
    fn counts_the_answers_that_are_to_be_made() {
        let answers = |fields: &str| Head::read(format!(r#"{{"model":"m"{fields}}}"#).as_bytes()).map(|head| head.answers);
        for (fields, count) in [
            ("", 1),
            (r#","n":3"#, 3),
            (r#","n":null,"best_of":null"#, 1),
            (r#","n":0"#, 1),
            (r#","n":2,"best_of":5"#, 5),
            (r#","n":2,"prompt":"one""#, 2),
            (r#","n":2,"prompt":["one","two","three"]"#, 6),
            (r#","n":2,"prompt":[11,12,13]"#, 2),
            (r#","n":2,"prompt":[[11,12],[13]]"#, 4),
            (r#","prompt":[]"#, 1),
        ] {
            assert_eq!(answers(fields), Ok(count), "{fields}");
        }
        for fields in [r#","n":"3""#, r#","n":-1"#, r#","n":1.5"#, r#","best_of":true"#] {
            assert!(matches!(answers(fields), Err(HeadError::WrongType { expected: "a whole number", .. })), "{fields}");
        }
        for limits in [r#""max_tokens":100,"max_completion_tokens":1"#, r#""max_tokens":1,"max_completion_tokens":100"#] {
            let head = Head::read(format!(r#"{{"model":"a",{limits}}}"#).as_bytes()).unwrap();
            assert_eq!(head.max_tokens, Some(100), "{limits}");
        }
        // Which of them a backend would go by, nobody knows.
        assert!(matches!(answers(r#","n":1,"n":100"#), Err(HeadError::Invalid(_))));
    }

    #[test]
    fn replaces_nothing_but_the_name() {
        let body = Bytes::from_static(br#"{"x":1.50,"model":"m","y":[ ]}"#);
        let head = Head::read(&body).unwrap();
        assert_eq!(replace_model(&body, &head.model_span, "n\n/1"), br#"{"x":1.50,"model":"n\n/1","y":[ ]}"#.as_slice());
        assert_eq!(replace_model(&body, &head.model_span, "m").as_ptr(), body.as_ptr());
    }

    #[test]
    fn refuses_what_could_smuggle_another_model() {
        for body in
            [r#"{"model":"a","model":"b"}"#, r#"{"model":"a","mod\u0065l":"b"}"#, r#"{"model":"a"} {"model":"b"}"#, "[]", "", "{"]
        {
            assert!(matches!(Head::read(body.as_bytes()), Err(HeadError::Invalid(_))), "{body}");
        }
        for body in ["{}", r#"{"model":""}"#, r#"{"model":null}"#] {
            assert_eq!(Head::read(body.as_bytes()), Err(HeadError::NoModel), "{body}");
        }
    }

    #[test]
    fn names_the_field_of_a_wrong_type() {
        for (body, field) in [
            (r#"{"model":["a"]}"#, "model"),
            (r#"{"model":"a","stream":"yes"}"#, "stream"),
            (r#"{"model":"a","stream_options":{"include_usage":1}}"#, "stream_options"),
            (r#"{"model":"a","max_tokens":"5"}"#, "max_tokens"),
            (r#"{"model":"a","max_completion_tokens":-5}"#, "max_completion_tokens"),
        ] {
            assert_eq!(Head::read(body.as_bytes()).unwrap_err().field(), Some(field), "{body}");
        }
        assert!(!Head::read(br#"{"model":"a","stream":null,"max_tokens":null}"#).unwrap().stream);
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let body = format!(r#"{{"model":"m","x":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(Head::read(body.as_bytes()).unwrap().model, "m");
    }
}
