//! What an AWS service says of an error.

use http::HeaderMap;
use serde::Deserialize;

/// An error's body. Services differ in the case of names; a front end that answers in their place may send any text.
#[derive(Default, Deserialize)]
struct Body {
    #[serde(rename = "__type", alias = "code", alias = "Code")]
    kind: Option<String>,
    #[serde(alias = "Message", alias = "errorMessage")]
    message: Option<String>,
}

/// The name of an error, such as `ThrottlingException`: from the header `x-amzn-errortype`, where a namespace stands before a `#` and an
/// address behind a `:`, else from the body.
#[must_use]
pub fn error_type(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let spelled = header.or_else(|| read(body).kind)?;
    let name = spelled.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default().trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// The words of an error.
#[must_use]
pub fn error_message(body: &[u8]) -> Option<String> {
    read(body).message.filter(|message| !message.is_empty())
}

fn read(body: &[u8]) -> Body {
    // Not JSON: nothing is known of it, which is what both functions then say.
    serde_json::from_slice(body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(header: Option<&str>, body: &str) -> Option<String> {
        let headers = header.map(|value| ("x-amzn-errortype".parse().unwrap(), value.parse().unwrap()));
        error_type(&headers.into_iter().collect(), body.as_bytes())
    }

    #[test]
    fn cuts_the_name_out_of_its_spellings() {
        let throttling = Some("ThrottlingException".to_owned());
        assert_eq!(name(Some("ThrottlingException"), ""), throttling);
        assert_eq!(name(Some("ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/"), "{}"), throttling);
        assert_eq!(name(Some("com.amazon.coral#ThrottlingException"), "{}"), throttling);
        assert_eq!(name(None, r#"{"__type":"com.amazon.coral#ThrottlingException"}"#), throttling);
        assert_eq!(name(None, "<html>"), None);
        assert_eq!(name(Some(":x"), "{}"), None);
    }

    #[test]
    fn reads_the_words_in_either_case() {
        assert_eq!(error_message(br#"{"message":"slow down"}"#).as_deref(), Some("slow down"));
        assert_eq!(error_message(br#"{"Message":"slow down","OriginalStatusCode":500}"#).as_deref(), Some("slow down"));
        assert_eq!(error_message(b"Bad Gateway"), None);
    }
}
