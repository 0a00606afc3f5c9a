//! What an endpoint says when it refuses, made fit for a log: short, on one line, and without the secrets that it was sent, which some
//! endpoints repeat.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Request};
use serde_json::Value;

/// Longer texts are cut.
const LONGEST: usize = 400;
/// Shorter words are no secrets worth concealing, and are likely to be words of a language.
const SHORTEST_SECRET: usize = 6;
/// Fields of forms that hold secrets.
const SECRET_FIELDS: [&str; 7] =
    ["apikey", "assertion", "client_assertion", "client_secret", "refresh_token", "subject_token", "WebIdentityToken"];

/// The endpoint's own words, if the body holds any that are known how to read.
pub(super) fn detail(body: &[u8], request: &Request<Bytes>) -> Option<String> {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(document) => of_json(&document),
        Err(_) => of_xml(std::str::from_utf8(body).ok()?),
    }?;
    Some(conceal(&text, &secrets(request)).chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect())
}

/// OAuth's `error` and `error_description`, Google's `error.message`, IBM's `errorCode` and `errorMessage`, AWS's `__type`, `Code` and
/// `Message`, Vault's `errors`.
fn of_json(document: &Value) -> Option<String> {
    let error = document.get("error").filter(|error| error.is_object()).unwrap_or(document);
    let first = |names: &[&str]| names.iter().find_map(|name| error.get(name).and_then(Value::as_str));
    let code = first(&["error", "errorCode", "__type", "status", "code", "Code"]);
    let message = first(&["error_description", "errorMessage", "message", "Message"]);
    let listed = || error.get("errors")?.as_array()?.iter().find_map(Value::as_str);
    match (code, message.or_else(listed)) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => code.or(message).map(str::to_owned),
    }
}

/// The `Code` and `Message` of STS.
fn of_xml(text: &str) -> Option<String> {
    let element = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner.trim())
    };
    Some(format!("{}: {}", element("Code")?, element("Message")?))
}

/// What was sent that must not be shown.
fn secrets(request: &Request<Bytes>) -> Vec<String> {
    let mut secrets = Vec::new();
    // A signature of AWS is not worth concealing: it tells names that a refusal needs, and serves for no other request.
    let is_secret = |value: &&HeaderValue| value.is_sensitive() && !value.as_bytes().starts_with(b"AWS4-HMAC-SHA256 ");
    for value in request.headers().values().filter(is_secret) {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        let basic = text.strip_prefix("Basic ").and_then(|encoded| BASE64_STANDARD.decode(encoded).ok());
        secrets.extend(basic.map(|decoded| String::from_utf8_lossy(&decoded).into_owned()));
        secrets.push(text);
    }
    let fields = form_urlencoded::parse(request.body());
    secrets.extend(fields.filter(|(name, _)| SECRET_FIELDS.contains(&&**name)).map(|(_, value)| value.into_owned()));
    secrets
}

/// Replaces each word that is a piece of a secret.
fn conceal(text: &str, secrets: &[String]) -> String {
    let is_secret = |word: &str| word.len() >= SHORTEST_SECRET && secrets.iter().any(|secret| secret.contains(word));
    let words = text.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '(' | ')' | ',' | ';' | '<' | '>'));
    words
        .map(|word| {
            let bare = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if is_secret(bare) { word.replace(bare, "[redacted]") } else { word.to_owned() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use http::{Uri, header::AUTHORIZATION};

    use super::*;
    use crate::credential::form;

    fn sent(secret: &str) -> Request<Bytes> {
        form::post(Uri::from_static("http://h/"), &[("grant_type", "client_credentials"), ("client_secret", secret)])
    }

    #[test]
    fn reads_the_words_of_every_kind_of_endpoint() {
        for (body, words) in [
            (r#"{"error":"invalid_client","error_description":"AADSTS7000215: wrong"}"#, "invalid_client: AADSTS7000215: wrong"),
            (r#"{"error":{"code":403,"message":"no","status":"PERMISSION_DENIED"}}"#, "PERMISSION_DENIED: no"),
            (r#"{"errorCode":"BXNIM0415E","errorMessage":"no such key"}"#, "BXNIM0415E: no such key"),
            (r#"{"__type":"ResourceNotFoundException","Message":"no"}"#, "ResourceNotFoundException: no"),
            (r#"{"errors":["permission denied"]}"#, "permission denied"),
            ("<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>", "AccessDenied: no"),
        ] {
            assert_eq!(detail(body.as_bytes(), &sent("s")).as_deref(), Some(words));
        }
        assert_eq!(detail(b"<html>", &sent("s")), None);
    }

    #[test]
    fn what_was_sent_in_secret_is_not_repeated() {
        let echo = br#"{"error":"invalid_client","error_description":"'hunter2-and~more' is wrong: hunter2-and~more."}"#;
        assert_eq!(detail(echo, &sent("hunter2-and~more")).unwrap(), "invalid_client: '[redacted]' is wrong: [redacted].");
    }

    #[test]
    fn neither_is_a_password_that_was_sent_by_http_basic() {
        let mut request = sent("s");
        let mut basic = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode("id:hunter2x"))).unwrap();
        basic.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, basic);
        assert_eq!(detail(br#"{"message":"bad hunter2x"}"#, &request).unwrap(), "bad [redacted]");
    }

    #[test]
    fn a_long_text_is_cut_and_stays_on_one_line() {
        let long = format!(r#"{{"message":"a\nb{}"}}"#, "x".repeat(5000));
        let text = detail(long.as_bytes(), &sent("s")).unwrap();
        assert!(text.starts_with("a b") && text.len() == LONGEST);
    }
}
