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
    /// Not JSON, or one of the five fields has the wrong type or stands there twice.
    #[error("the body is not a valid JSON request: {0}")]
    Invalid(String),
    /// There is no `model`, or an empty one.
    #[error("`model` is missing: name the model to use, as listed by GET /v1/models")]
    NoModel,
}

#[derive(Deserialize)]
struct RawHead<'a> {
    #[serde(borrow)]
    model: Option<&'a RawValue>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

impl Head {
    /// Reads the head of `body`.
    ///
    /// # Errors
    /// [`HeadError`] with what is wrong and where.
    pub fn read(body: &[u8]) -> Result<Self, HeadError> {
        let invalid = |error: serde_json::Error| HeadError::Invalid(error.to_string());
        let raw: RawHead<'_> = serde_json::from_slice(body).map_err(invalid)?;
        let json = raw.model.ok_or(HeadError::NoModel)?.get();
        let model: Cow<'_, str> =
            serde_json::from_str(json).map_err(|_| HeadError::Invalid(format!("`model` must be a string, not {json:.40}")))?;
        if model.is_empty() {
            return Err(HeadError::NoModel);
        }
        // A borrowed raw value is a part of the body, so its address tells its place.
        let start = json.as_ptr() as usize - body.as_ptr() as usize;
        Ok(Self {
            model: model.into_owned(),
            model_span: start..start + json.len(),
            stream: raw.stream.unwrap_or(false),
            include_usage: raw.stream_options.and_then(|options| options.include_usage).unwrap_or(false),
            max_tokens: raw.max_completion_tokens.or(raw.max_tokens),
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
        for body in [
            r#"{"model":"a","model":"b"}"#,
            r#"{"model":"a","mod\u0065l":"b"}"#,
            r#"{"model":["a"]}"#,
            r#"{"model":"a"} {"model":"b"}"#,
            r#"{"model":"a","stream":"yes"}"#,
            "[]",
            "",
            "{",
        ] {
            assert!(matches!(Head::read(body.as_bytes()), Err(HeadError::Invalid(_))), "{body}");
        }
        for body in ["{}", r#"{"model":""}"#, r#"{"model":null}"#] {
            assert_eq!(Head::read(body.as_bytes()), Err(HeadError::NoModel), "{body}");
        }
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let body = format!(r#"{{"model":"m","x":{}{}}}"#, "[".repeat(200_000), "]".repeat(200_000));
        assert_eq!(Head::read(body.as_bytes()).unwrap().model, "m");
    }
}
