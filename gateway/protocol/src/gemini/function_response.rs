//! What tools returned.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    media,
    options::Options,
    part::{Blob, Kind},
};
use crate::{
    Capabilities, Reasoning,
    chat::{ConvertError, Part},
};

/// The result of one call.
#[derive(Debug, Serialize)]
pub(super) struct FunctionResponse<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) name: &'a str,
    pub(super) response: Response<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parts: Vec<ResponsePart<'a>>,
}

/// The result must be an object. One that is goes as it is; any other text goes into one.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Response<'a> {
    Object(&'a RawValue),
    Text { content: Cow<'a, str> },
}

/// An image among the results; Gemini 3 and later.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResponsePart<'a> {
    inline_data: Blob<'a>,
}

impl<'a> Response<'a> {
    fn of(texts: &[&'a str]) -> Self {
        let [text] = texts else { return Self::Text { content: texts.join("\n").into() } };
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) if raw.get().starts_with('{') => Self::Object(raw),
            _ => Self::Text { content: Cow::Borrowed(text) },
        }
    }
}

/// What the tool of message `at` returned, in the dialect: its texts, and its images.
pub(super) fn read<'a>(
    content: &'a [Part],
    at: usize,
    capabilities: &Capabilities,
    options: Options,
) -> Result<(Response<'a>, Vec<ResponsePart<'a>>), ConvertError> {
    let mut texts = Vec::new();
    let mut images = Vec::new();
    for (place, part) in content.iter().enumerate() {
        let param = || format!("messages[{at}].content[{place}]");
        match part {
            Part::Text(text) => texts.push(text.as_str()),
            Part::CachePoint(_) => {}
            Part::Image(image) if capabilities.reasoning == Reasoning::Effort && capabilities.vision.is_yes() => {
                match media::kind(&image.media, options.service, &param())? {
                    Kind::InlineData(inline_data) => images.push(ResponsePart { inline_data }),
                    _ => return Err(refusal(&param(), "text and images as data: addresses")),
                }
            }
            Part::Image(_) | Part::Audio { .. } | Part::File { .. } => return Err(refusal(&param(), "text")),
        }
    }
    Ok((Response::of(&texts), images))
}

fn refusal(param: &str, accepted: &str) -> ConvertError {
    ConvertError::unsupported(
        param,
        format!("`{param}` holds what this model does not take as the result of a tool. Accepted: {accepted}."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(texts: &[&str]) -> String {
        serde_json::to_string(&Response::of(texts)).unwrap()
    }

    #[test]
    fn an_object_goes_as_it_is_and_all_else_into_one() {
        assert_eq!(response(&[r#" {"b":1,"a":2} "#]), r#"{"b":1,"a":2}"#);
        assert_eq!(response(&["15C"]), r#"{"content":"15C"}"#);
        assert_eq!(response(&["[1]"]), r#"{"content":"[1]"}"#);
        assert_eq!(response(&["{broken"]), r#"{"content":"{broken"}"#);
        assert_eq!(response(&["a", "b"]), r#"{"content":"a\nb"}"#);
        assert_eq!(response(&[]), r#"{"content":""}"#);
    }
}
