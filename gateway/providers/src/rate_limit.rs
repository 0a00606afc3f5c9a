//! What upstreams tell of their limits in the headers of an answer.
//!
//! OpenAI and those who follow it: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, with the time to the reset as a Go duration
//! (`6m0s`, `120ms`). Anthropic: `anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}`, with the instant of the reset (RFC 3339).
//! watsonx.ai: `x-requests-limit-{rate,remaining}`.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Nobody plans further ahead than this.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The limits that an upstream told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateLimits {
    /// Of requests.
    pub requests: Option<Allowance>,
    /// Of tokens.
    pub tokens: Option<Allowance>,
}

impl RateLimits {
    /// Nothing was told.
    pub const NONE: Self = Self { requests: None, tokens: None };
}

/// One limit; at least one of its parts is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowance {
    /// How many a period.
    pub limit: Option<u64>,
    /// How many are left of them.
    pub remaining: Option<u64>,
    /// After how long all are there again.
    pub reset: Option<Duration>,
}

/// Reads the limits in the headers of an answer that came at `now`. What is no number or no time is as good as absent.
#[must_use]
pub fn rate_limits(headers: &HeaderMap, now: SystemTime) -> RateLimits {
    // Most upstreams tell none, and each look-up below costs a hash.
    if !headers.keys().any(|name| name.as_str().contains("limit")) {
        return RateLimits::NONE;
    }
    RateLimits { requests: allowance(headers, "requests", now), tokens: allowance(headers, "tokens", now) }
}

fn allowance(headers: &HeaderMap, what: &str, now: SystemTime) -> Option<Allowance> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let number = |name: &str| text(name)?.parse::<u64>().ok();
    let openai = Allowance {
        limit: number(&format!("x-ratelimit-limit-{what}")),
        remaining: number(&format!("x-ratelimit-remaining-{what}")),
        reset: text(&format!("x-ratelimit-reset-{what}")).and_then(go_duration),
    };
    let anthropic = || Allowance {
        limit: number(&format!("anthropic-ratelimit-{what}-limit")),
        remaining: number(&format!("anthropic-ratelimit-{what}-remaining")),
        reset: text(&format!("anthropic-ratelimit-{what}-reset")).and_then(|instant| until(instant, now)),
    };
    let watsonx = || Allowance {
        limit: number(&format!("x-{what}-limit-rate")),
        remaining: number(&format!("x-{what}-limit-remaining")),
        reset: None,
    };
    let is_known = |allowance: &Allowance| *allowance != Allowance::default();
    Some(openai).filter(is_known).or_else(|| Some(anthropic()).filter(is_known)).or_else(|| Some(watsonx()).filter(is_known))
}

/// A duration in Go's notation: numbers with units, largest first. A bare number counts seconds.
fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|digit: char| !digit.is_ascii_digit() && digit != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        let unit_end = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let unit = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "" if rest.len() == text.len() && tail.is_empty() => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit;
        rest = tail;
    }
    (!text.is_empty()).then(|| Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64())))
}

fn until(instant: &str, now: SystemTime) -> Option<Duration> {
    let instant = SystemTime::from(OffsetDateTime::parse(instant, &Rfc3339).ok()?);
    Some(instant.duration_since(now).unwrap_or_default().min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &str)]) -> RateLimits {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        rate_limits(&headers, SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000))
    }

    #[test]
    fn openais_headers_are_understood() {
        let limits = read(&[
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-tokens", "6m0.5s"),
        ]);
        let requests = Allowance { limit: Some(60), remaining: Some(59), reset: Some(Duration::from_secs(1)) };
        let tokens = Allowance { limit: None, remaining: Some(149_984), reset: Some(Duration::from_millis(360_500)) };
        assert_eq!(limits, RateLimits { requests: Some(requests), tokens: Some(tokens) });
    }

    #[test]
    fn anthropics_and_ibms_headers_are_understood() {
        let limits = read(&[
            ("anthropic-ratelimit-tokens-remaining", "9"),
            ("anthropic-ratelimit-tokens-reset", "2023-11-14T22:13:30Z"),
            ("x-requests-limit-rate", "8"),
        ]);
        let tokens = Allowance { limit: None, remaining: Some(9), reset: Some(Duration::from_secs(10)) };
        let requests = Allowance { limit: Some(8), remaining: None, reset: None };
        assert_eq!(limits, RateLimits { requests: Some(requests), tokens: Some(tokens) });
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, milliseconds) in [("120ms", 120), ("1h2m3s", 3_723_000), ("7.66s", 7660), ("2", 2000), ("0s", 0)] {
            assert_eq!(go_duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!(go_duration("99999999h"), Some(LONGEST));
        for text in ["", "soon", "1x", "-1s", "1s2", "..s", "s"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }

    #[test]
    fn nonsense_is_as_good_as_absent() {
        assert_eq!(
            read(&[("x-ratelimit-limit-requests", "many"), ("anthropic-ratelimit-tokens-reset", "soon")]),
            RateLimits::default()
        );
    }
}
