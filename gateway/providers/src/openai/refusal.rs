//! What an error of this API means for the request and for the backend.

use std::time::SystemTime;

use http::{HeaderMap, StatusCode};
use memchr::memmem;

use crate::{RequestFault, Verdict, retry_after};

/// Judges an answer whose status is not a success. `body` is what came of it, whole or cut.
///
/// A 429 that says `insufficient_quota` will not pass by waiting, so it counts as misconfigured. `x-should-retry: false`, which
/// OpenAI's own SDKs obey, turns a status in doubt (408, 409) into the request's fault; it cannot excuse a server error.
#[must_use]
pub fn classify(status: StatusCode, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Verdict {
    let must_not_retry = headers.get("x-should-retry").is_some_and(|value| value == "false");
    match status.as_u16() {
        429 if memmem::find(body, b"insufficient_quota").is_some() => Verdict::Misconfigured,
        429 => Verdict::RateLimited(retry_after(headers, now)),
        // The method, the headers and the address are the gateway's own: if they are wrong, it is not for the caller to mend.
        401..=407 | 411 | 415 | 421 => Verdict::Misconfigured,
        408 | 409 if !must_not_retry => Verdict::Failed(retry_after(headers, now)),
        400..=499 => Verdict::RequestFault(RequestFault::Invalid),
        // A success that is none, a redirect (never followed: it could lead anywhere) and all server errors.
        _ => Verdict::Failed(retry_after(headers, now)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn judge(status: u16, header: Option<(&'static str, &'static str)>, body: &[u8]) -> Verdict {
        let headers = header.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        classify(StatusCode::from_u16(status).unwrap(), &headers, body, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn a_rate_limit_passes_and_a_spent_quota_does_not() {
        assert_eq!(judge(429, Some(("retry-after", "2")), b"{}"), Verdict::RateLimited(Some(Duration::from_secs(2))));
        assert_eq!(judge(429, None, b"{}"), Verdict::RateLimited(None));
        assert_eq!(judge(429, None, br#"{"error":{"code":"insufficient_quota"}}"#), Verdict::Misconfigured);
    }

    #[test]
    fn the_callers_faults_are_not_the_backends() {
        for status in [400, 413, 422, 451] {
            assert_eq!(judge(status, None, b""), Verdict::RequestFault(RequestFault::Invalid), "{status}");
        }
        assert_eq!(judge(409, Some(("x-should-retry", "false")), b""), Verdict::RequestFault(RequestFault::Invalid));
    }

    #[test]
    fn the_backends_faults_lead_elsewhere() {
        for status in [301, 408, 409, 500, 502, 503, 504, 529] {
            assert_eq!(judge(status, None, b""), Verdict::Failed(None), "{status}");
        }
        assert_eq!(judge(500, Some(("x-should-retry", "false")), b""), Verdict::Failed(None));
        for status in [401, 402, 403, 404, 405, 406, 407, 411, 415, 421] {
            assert_eq!(judge(status, None, b""), Verdict::Misconfigured, "{status}");
        }
    }
}
