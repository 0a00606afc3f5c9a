//! Google's errors (`google.rpc.Status` as JSON): in the body of a refusal, in an event of a stream, or alone in a list where a stream was
//! asked for without `alt=sse`.

use std::time::Duration;

use serde::Deserialize;

use crate::{chat::StreamFault, openai::AnswerError, text::Text};

/// What Google says is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GoogleError {
    /// The HTTP status that it corresponds to, if it tells one.
    pub code: Option<u16>,
    /// Its words.
    pub message: String,
    /// The name of its class, such as `RESOURCE_EXHAUSTED`.
    pub status: String,
    /// Finer reasons (`google.rpc.ErrorInfo`), such as `API_KEY_INVALID`.
    pub reasons: Vec<String>,
    /// Which quotas are spent (`google.rpc.QuotaFailure`), such as `GenerateRequestsPerDayPerProjectPerModel-FreeTier`.
    pub quotas: Vec<String>,
    /// When to come back (`google.rpc.RetryInfo`).
    pub retry_delay: Option<Duration>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    error: Detail<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Detail<'a> {
    code: Option<u16>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    details: Vec<Info<'a>>,
}

/// One of the messages of `google.rpc`; which, is told by the fields that are there.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Info<'a> {
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    #[serde(borrow)]
    retry_delay: Option<Text<'a>>,
    #[serde(borrow)]
    violations: Vec<Violation<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Violation<'a> {
    #[serde(borrow)]
    quota_id: Option<Text<'a>>,
    #[serde(borrow)]
    quota_metric: Option<Text<'a>>,
}

impl GoogleError {
    /// The error that `body` tells, if it tells one: an object with `error`, or a list that begins with such an object.
    #[must_use]
    pub fn read(body: &[u8]) -> Option<Self> {
        let detail = if body.trim_ascii_start().starts_with(b"[") {
            let list: Vec<Body<'_>> = serde_json::from_slice(body).ok()?;
            list.into_iter().next()?.error
        } else {
            serde_json::from_slice::<Body<'_>>(body).ok()?.error
        };
        Some(detail.into())
    }

    /// The HTTP status that the error corresponds to: what it says itself, or what its class stands for.
    /// Source: the table of `google/rpc/code.proto`.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        self.code.filter(|code| (400..600).contains(code)).unwrap_or(match self.status.as_str() {
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => 400,
            "UNAUTHENTICATED" => 401,
            "PERMISSION_DENIED" => 403,
            "NOT_FOUND" => 404,
            "ALREADY_EXISTS" | "ABORTED" => 409,
            "RESOURCE_EXHAUSTED" => 429,
            "CANCELLED" => 499,
            "UNIMPLEMENTED" => 501,
            "UNAVAILABLE" => 503,
            "DEADLINE_EXCEEDED" => 504,
            _ => 500,
        })
    }
}

impl From<Detail<'_>> for GoogleError {
    fn from(detail: Detail<'_>) -> Self {
        let mut error = Self {
            code: detail.code,
            message: detail.message.map(Text::into_string).unwrap_or_default(),
            status: detail.status.map(Text::into_string).unwrap_or_default(),
            ..Self::default()
        };
        for info in detail.details {
            error.reasons.extend(info.reason.map(Text::into_string));
            error.retry_delay = error.retry_delay.or_else(|| duration(&info.retry_delay?));
            for violation in info.violations {
                error.quotas.extend(violation.quota_id.or(violation.quota_metric).map(Text::into_string));
            }
        }
        error
    }
}

impl From<GoogleError> for AnswerError {
    fn from(error: GoogleError) -> Self {
        Self::Told { status: error.http_status(), message: error.message }
    }
}

impl From<GoogleError> for StreamFault {
    fn from(error: GoogleError) -> Self {
        Self::Told { status: error.http_status(), message: error.message }
    }
}

/// `30s`, `1.5s`: the JSON form of `google.protobuf.Duration`.
fn duration(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.strip_suffix('s')?.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_read_whatever_their_order() {
        let body = br#" [{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[
            {"@type":"type.googleapis.com/google.rpc.Help","links":[{"url":"u"}]},
            {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"PerDay","quotaValue":"5"},{"quotaMetric":"m"}]},
            {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}}]"#;
        let error = GoogleError::read(body).unwrap();
        assert_eq!((error.code, error.message.as_str(), error.status.as_str()), (Some(429), "slow", "RESOURCE_EXHAUSTED"));
        assert_eq!(error.quotas, ["PerDay", "m"]);
        assert_eq!(error.retry_delay, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn what_is_no_error_of_google_is_none() {
        for body in [&b"<html>"[..], b"", b"[]", b"{}", b"{\"error\":\"x\"}", b"[{}]"] {
            assert_eq!(GoogleError::read(body), None);
        }
    }

    #[test]
    fn a_class_without_a_code_has_its_status() {
        for (status, code) in [("UNAVAILABLE", 503), ("UNAUTHENTICATED", 401), ("RESOURCE_EXHAUSTED", 429), ("?", 500)] {
            assert_eq!(GoogleError { status: status.to_owned(), ..GoogleError::default() }.http_status(), code);
        }
        assert_eq!(
            GoogleError { code: Some(8), status: "RESOURCE_EXHAUSTED".into(), ..GoogleError::default() }.http_status(),
            429
        );
    }

    #[test]
    fn nonsense_durations_are_none() {
        assert_eq!(["-1s", "1e400s", "NaNs", "5", "s"].map(duration), [None; 5]);
    }
}
