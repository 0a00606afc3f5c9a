//! What an OpenAI-shaped upstream says when something went wrong, in every form in use.
//!
//! OpenAI's is `{"error": {"message", "type", "param", "code"}}`. OpenRouter and vLLM give the code as a number, Azure adds an
//! `innererror`; Mistral, older vLLM, Databricks and Snowflake have the fields at the top; TGI, Ollama and KServe an `error` that is a
//! string; FastAPI servers a `detail`; watsonx a list of `errors`; Google's OpenAI endpoint has OpenAI's in a list.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::text::{Loose, Text};

/// An upstream's error, as far as it told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldError {
    /// Its words.
    pub message: String,
    /// Its code, such as `context_length_exceeded`; numbers are written out.
    pub code: Option<String>,
    /// Its kind, such as `invalid_request_error`.
    pub kind: Option<String>,
    /// The code that Azure gives within: `ResponsibleAIPolicyViolation`.
    pub inner_code: Option<String>,
    /// The field of the request at fault.
    pub param: Option<String>,
}

#[derive(Deserialize, Default)]
struct Body<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    errors: Option<&'a RawValue>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    #[serde(borrow, default)]
    object: Loose<'a>,
    #[serde(borrow, default)]
    error_type: Loose<'a>,
    #[serde(borrow, default)]
    error_code: Loose<'a>,
}

#[derive(Deserialize, Default)]
struct Detail<'a> {
    #[serde(borrow, default)]
    message: Loose<'a>,
    #[serde(borrow, default)]
    msg: Loose<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Loose<'a>,
    #[serde(borrow)]
    code: Option<&'a RawValue>,
    #[serde(borrow)]
    innererror: Option<&'a RawValue>,
    #[serde(borrow, default)]
    param: Loose<'a>,
    #[serde(borrow)]
    loc: Option<&'a RawValue>,
}

impl ToldError {
    /// The error that a body tells of; none if it tells of none.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        if body.trim_ascii_start().starts_with(b"[") {
            let items: Vec<&RawValue> = serde_json::from_slice(body).ok()?;
            return Self::read_object(items.first()?.get().as_bytes());
        }
        Self::read_object(body)
    }

    fn read_object(body: &[u8]) -> Option<Self> {
        let object: Body<'_> = serde_json::from_slice(body).ok()?;
        if let Some(error) = object.error {
            let mut told = Self::of(error.get());
            told.kind = told.kind.or_else(|| owned(&object.error_type));
            return Some(told);
        }
        if let Some(errors) = object.errors.or(object.detail) {
            return Some(Self::of(errors.get()));
        }
        let whole = std::str::from_utf8(body).ok()?;
        if let Some(code) = owned(&object.error_code) {
            return Some(Self { code: Some(code), ..Self::of(whole) });
        }
        let told = Self::of_object(whole)?;
        // A message alone is an error of Snowflake and of text embeddings servers; an answer always has an `object` of another name.
        (!told.message.is_empty() && object.object.text().is_none_or(|object| object == "error")).then_some(told)
    }

    /// The value of an error field: a string, an object, or a list of objects of which the first counts.
    pub(super) fn of(json: &str) -> Self {
        if let Ok(message) = serde_json::from_str::<Text<'_>>(json) {
            return Self { message: message.into_string(), ..Self::default() };
        }
        if json.starts_with('[') {
            let items: Vec<&RawValue> = serde_json::from_str(json).unwrap_or_default();
            return items.first().map(|first| Self::of_item(first.get())).unwrap_or_default();
        }
        Self::of_object(json).unwrap_or_default()
    }

    fn of_item(json: &str) -> Self {
        match serde_json::from_str::<Text<'_>>(json) {
            Ok(message) => Self { message: message.into_string(), ..Self::default() },
            Err(_) => Self::of_object(json).unwrap_or_default(),
        }
    }

    fn of_object(json: &str) -> Option<Self> {
        let detail: Detail<'_> = serde_json::from_str(json).ok()?;
        let message = detail.message.text().or_else(|| detail.msg.text()).unwrap_or_default();
        // FastAPI names the field at fault apart from the message.
        let place = detail.loc.and_then(|loc| place(loc.get()));
        let message = match &place {
            Some(place) => format!("{place}: {message}"),
            None => message.to_owned(),
        };
        let param = place.map(|place| place.strip_prefix("body.").unwrap_or(&place).to_owned());
        let param = owned(&detail.param).or(param);
        let inner: Option<Detail<'_>> = detail.innererror.and_then(|inner| serde_json::from_str(inner.get()).ok());
        let inner_code = inner.and_then(|inner| inner.code).and_then(|code| word(code.get()));
        let code = detail.code.and_then(|code| word(code.get()));
        Some(Self { message, code, kind: owned(&detail.kind), inner_code, param })
    }

    /// Whether this is its code, its inner code or its kind.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        [&self.code, &self.inner_code, &self.kind].into_iter().any(|told| told.as_deref() == Some(name))
    }

    /// The HTTP status that it corresponds to, for errors that come where a status can no longer.
    #[must_use]
    pub fn status(&self) -> u16 {
        let code = self.code.as_deref().unwrap_or_default();
        if let Some(status) = code.parse().ok().filter(|status| (400..600).contains(status)) {
            return status;
        }
        for word in [code, self.kind.as_deref().unwrap_or_default()] {
            match word {
                "rate_limit_exceeded"
                | "rate_limit_error"
                | "rate_limited"
                | "insufficient_quota"
                | "requests"
                | "tokens"
                | "overloaded" => {
                    return 429;
                }
                "invalid_request_error" | "context_length_exceeded" | "content_filter" | "BadRequestError" | "validation" => {
                    return 400;
                }
                "authentication_error" | "invalid_api_key" => return 401,
                "permission_error" => return 403,
                "model_not_found" | "not_found_error" | "NotFoundError" => return 404,
                "timeout" => return 504,
                "overloaded_error" | "service_unavailable" | "unhealthy" => return 503,
                _ => {}
            }
        }
        500
    }
}

fn owned(text: &Loose<'_>) -> Option<String> {
    text.text().map(ToOwned::to_owned)
}

/// A code: a string, or a number written out.
fn word(json: &str) -> Option<String> {
    match serde_json::from_str::<Text<'_>>(json) {
        Ok(text) => Some(text.into_string()).filter(|text| !text.is_empty()),
        Err(_) => json.starts_with(|first: char| first.is_ascii_digit()).then(|| json.to_owned()),
    }
}

/// `["body", "messages", 0]` as `body.messages.0`.
fn place(json: &str) -> Option<String> {
    let steps: Vec<serde_json::Value> = serde_json::from_str(json).ok()?;
    let steps = steps.into_iter().map(|step| match step {
        serde_json::Value::String(name) => name,
        other => other.to_string(),
    });
    Some(steps.collect::<Vec<_>>().join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (String, Option<String>, u16) {
        let told = ToldError::read(json.as_bytes()).unwrap();
        let status = told.status();
        (told.message, told.code, status)
    }

    #[test]
    fn every_form_in_use_is_understood() {
        for (json, message, code, status) in [
            (
                r#"{"error":{"message":"m","type":"t","param":null,"code":"rate_limit_exceeded"}}"#,
                "m",
                Some("rate_limit_exceeded"),
                429,
            ),
            (r#"{"error":{"code":502,"message":"m","metadata":{}}}"#, "m", Some("502"), 502),
            (
                r#"{"object":"error","message":"m","type":"rate_limited","param":null,"code":"1300","raw_status_code":429}"#,
                "m",
                Some("1300"),
                429,
            ),
            (r#"{"object":"error","message":"m","type":"BadRequestError","param":null,"code":400}"#, "m", Some("400"), 400),
            (r#"{"error":"m","error_type":"overloaded"}"#, "m", None, 429),
            (r#"{"error":"m"}"#, "m", None, 500),
            (r#"{"detail":"m"}"#, "m", None, 500),
            (r#"{"detail":[{"loc":["body","messages",0],"msg":"m","type":"missing"}]}"#, "body.messages.0: m", None, 500),
            (r#"{"error_code":"REQUEST_LIMIT_EXCEEDED","message":"m"}"#, "m", Some("REQUEST_LIMIT_EXCEEDED"), 500),
            (
                r#"{"errors":[{"code":"token_expired","message":"m","more_info":"x"}],"trace":"t","status_code":401}"#,
                "m",
                Some("token_expired"),
                500,
            ),
            (r#"{"message":"m","code":"390400","request_id":"r"}"#, "m", Some("390400"), 500),
            (r#"[{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}]"#, "m", Some("503"), 503),
        ] {
            assert_eq!(read(json), (message.to_owned(), code.map(ToOwned::to_owned), status), "{json}");
        }
    }

    #[test]
    fn what_is_no_error_is_none() {
        for json in
            [r#"{"object":"chat.completion","choices":[]}"#, r#"{"error":null,"choices":[]}"#, "[]", "[[]]", "<html>", "", "{}"]
        {
            assert_eq!(ToldError::read(json.as_bytes()), None, "{json}");
        }
    }

    #[test]
    fn the_field_at_fault_is_found() {
        for json in [
            r#"{"error":{"message":"m","type":"t","param":"messages.0","code":null}}"#,
            r#"{"object":"error","message":"m","param":"messages.0"}"#,
            r#"{"detail":[{"loc":["body","messages",0],"msg":"m"}]}"#,
        ] {
            assert_eq!(ToldError::read(json.as_bytes()).unwrap().param.as_deref(), Some("messages.0"), "{json}");
        }
    }

    #[test]
    fn the_inner_code_of_azure_is_found() {
        let json = br#"{"error":{"message":"m","type":null,"param":"prompt","code":"content_filter","status":400,
            "innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{}}}}"#;
        assert_eq!(ToldError::read(json).unwrap().inner_code.as_deref(), Some("ResponsibleAIPolicyViolation"));
    }
}
