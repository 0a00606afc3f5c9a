//! When a spent limit comes back, by the headers `anthropic-ratelimit-KIND-{limit,remaining,reset}`.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The limits that Anthropic counts.
const KINDS: [&str; 4] = ["requests", "tokens", "input-tokens", "output-tokens"];

/// Nobody waits longer than this, whatever a header says.
const LONGEST: Duration = Duration::from_secs(300);

/// How long until every spent limit has come back; none if no header says that one is spent.
pub(super) fn reset(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    KINDS.into_iter().filter_map(|kind| spent(headers, kind, now)).max()
}

fn spent(headers: &HeaderMap, kind: &str, now: SystemTime) -> Option<Duration> {
    let text = |member: &str| headers.get(format!("anthropic-ratelimit-{kind}-{member}"))?.to_str().ok();
    if text("remaining")?.trim() != "0" {
        return None;
    }
    let reset = OffsetDateTime::parse(text("reset")?.trim(), &Rfc3339).ok()?;
    let wait = Duration::try_from(reset - OffsetDateTime::from(now)).unwrap_or_default();
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(headers: &[(&'static str, &str)]) -> Option<Duration> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        reset(&headers, OffsetDateTime::parse("2026-11-22T10:00:00Z", &Rfc3339).unwrap().into())
    }

    #[test]
    fn the_last_of_the_spent_limits_counts() {
        let headers = [
            ("anthropic-ratelimit-requests-remaining", "0"),
            ("anthropic-ratelimit-requests-reset", "2026-11-22T10:00:02Z"),
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-11-22T10:00:31Z"),
            ("anthropic-ratelimit-tokens-remaining", "9000"),
            ("anthropic-ratelimit-tokens-reset", "2026-11-22T10:01:00Z"),
        ];
        assert_eq!(wait(&headers), Some(Duration::from_secs(31)));
    }

    #[test]
    fn a_limit_that_is_not_spent_or_makes_no_sense_tells_nothing() {
        assert_eq!(wait(&[("anthropic-ratelimit-tokens-reset", "2026-11-22T10:01:00Z")]), None);
        let nonsense = [("anthropic-ratelimit-tokens-remaining", "0"), ("anthropic-ratelimit-tokens-reset", "soon")];
        assert_eq!(wait(&nonsense), None);
        let past = [("anthropic-ratelimit-tokens-remaining", "0"), ("anthropic-ratelimit-tokens-reset", "2026-11-22T09:00:00Z")];
        assert_eq!(wait(&past), Some(Duration::ZERO));
        let far = [("anthropic-ratelimit-tokens-remaining", "0"), ("anthropic-ratelimit-tokens-reset", "9999-01-01T00:00:00Z")];
        assert_eq!(wait(&far), Some(LONGEST));
    }
}
