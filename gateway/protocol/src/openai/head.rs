//! What routing needs to know of a request, read without parsing the rest.
//!
//! One pass of `serde_json` checks that the whole body is JSON and keeps five fields; messages and inputs are skipped, not
//! built. The place of the model name is remembered, so that a backend with another name for the model gets the client's own
//! bytes with only that name replaced.

use std::{borrow::Cow, ops::Range};

use bytes::{BufMut, Bytes, BytesMut};
use serde::Deserialize;
use serde_json::value::RawValue;

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
    /// The most tokens to generate, if the caller set it; `max_completion_tokens` wins over `max_tokens`.
    pub max_tokens: Option<u64>,
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

/// The fields as they stand, so that one of a wrong type can be named.
#[derive(Deserialize)]
struct RawHead<'a> {
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

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

fn typed<'a, T: Deserialize<'a>>(
    raw: Option<&'a RawValue>,
    field: &'static str,
    expected: &'static str,
) -> Result<Option<T>, HeadError> {
    let Some(raw) = raw else { return Ok(None) };
    serde_json::from_str(raw.get()).map_err(|_| HeadError::WrongType { field, expected })
}

impl Head {
    /// Reads the head of `body`.
    ///
    /// # Errors
    /// [`HeadError`] with what is wrong and where.
    pub fn read(body: &[u8]) -> Result<Self, HeadError> {
        let raw: RawHead<'_> = serde_json::from_slice(body).map_err(|error| HeadError::Invalid(error.to_string()))?;
        let json = raw.model.ok_or(HeadError::NoModel)?.get();
        let model: Option<Cow<'_, str>> = typed(raw.model, "model", "a string")?;
        let model = model.filter(|model| !model.is_empty()).ok_or(HeadError::NoModel)?;
        let options: Option<StreamOptions> = typed(raw.stream_options, "stream_options", "an object with `include_usage`")?;
        let max_tokens = typed(raw.max_tokens, "max_tokens", "a whole number")?;
        let max_completion_tokens = typed(raw.max_completion_tokens, "max_completion_tokens", "a whole number")?;
        // A borrowed raw value is a part of the body, so its address tells its place.
        let start = json.as_ptr() as usize - body.as_ptr() as usize;
        Ok(Self {
            model: model.into_owned(),
            model_span: start..start + json.len(),
            stream: typed(raw.stream, "stream", "true or false")?.unwrap_or(false),
            include_usage: options.and_then(|options| options.include_usage).unwrap_or(false),
            max_tokens: max_completion_tokens.or(max_tokens),
        })
    }
}

/// `body` with the JSON string at `span` replaced by `model`. Without a change to make, the same bytes, uncopied.
#[must_use]
pub fn replace_model(body: &Bytes, span: &Range<usize>, model: &str) -> Bytes {
    let name = serde_json::Value::from(model).to_string();
    let (Some(before), Some(old), Some(after)) = (body.get(..span.start), body.get(span.clone()), body.get(span.end..)) else {
        return body.clone();
    };
    if old == name.as_bytes() {
        return body.clone();
    }
    let mut replaced = BytesMut::with_capacity(before.len() + name.len() + after.len());
    replaced.put_slice(before);
    replaced.put_slice(name.as_bytes());
    replaced.put_slice(after);
    replaced.freeze()
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
