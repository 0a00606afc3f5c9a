//! When a canary is given up: `error_rate > 2% or ttft_p95 > 2x`.
//!
//! Conditions joined by `or`; each compares a metric of the canary with a figure, or with so many times what the others have.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use crate::fault::did_you_mean;
use crate::spec::Share;

/// What is measured, and how it is written.
const METRICS: [(&str, Metric); 6] = [
    ("error_rate", Metric::ErrorRate),
    ("ttft_p50", Metric::FirstToken(Percentile::P50)),
    ("ttft_p95", Metric::FirstToken(Percentile::P95)),
    ("ttft_p99", Metric::FirstToken(Percentile::P99)),
    ("tpot_p50", Metric::PerToken(Percentile::P50)),
    ("tpot_p95", Metric::PerToken(Percentile::P95)),
];
/// How many times what the others have a canary may have, in hundredths.
const FACTORS: std::ops::RangeInclusive<u32> = 100..=10_000;
/// What an accepted text looks like.
const FORM: &str = "one such as `error_rate > 2% or ttft_p95 > 2x`";

/// The conditions of which one is enough.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AbortIf(Vec<Condition>);

/// That a metric of the canary is above something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Condition {
    /// What is compared.
    pub metric: Metric,
    /// With what.
    pub above: Threshold,
}

/// A metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// The share of requests that fail.
    ErrorRate,
    /// A percentile of the time to the first token of streams.
    FirstToken(Percentile),
    /// A percentile of the time from one token of a stream to the next.
    PerToken(Percentile),
}

/// The time that so many percent of the requests stay below.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Percentile {
    /// Half of them.
    P50,
    /// 95 %.
    P95,
    /// 99 %.
    P99,
}

/// What a metric is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Threshold {
    /// A share of the requests, in hundredths of a percent.
    Share(u64),
    /// A time.
    Time(Duration),
    /// So many times what the others have, in hundredths.
    Times(u32),
}

/// A text that says no conditions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidAbortIf(String);

impl AbortIf {
    /// The conditions, in the order in which they are written.
    pub fn iter(&self) -> impl Iterator<Item = Condition> {
        self.0.iter().copied()
    }
}

impl Percentile {
    /// The share of requests below it, from 0 to 1.
    pub const fn share(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
        }
    }
}

impl FromStr for AbortIf {
    type Err = InvalidAbortIf;

    fn from_str(text: &str) -> Result<Self, InvalidAbortIf> {
        let spaced = text.replace('>', " > ");
        let mut words = spaced.split_whitespace();
        let mut conditions = Vec::new();
        loop {
            conditions.push(condition(&mut words)?);
            match words.next() {
                None => return Ok(Self(conditions)),
                Some("or") => {}
                Some(word) => return Err(InvalidAbortIf(format!("between conditions stands `or`, not `{}`", brief(word)))),
            }
        }
    }
}

fn condition<'t>(words: &mut impl Iterator<Item = &'t str>) -> Result<Condition, InvalidAbortIf> {
    let ends = |after: &str| InvalidAbortIf(format!("the text ends after {after}; accepted: {FORM}"));
    let name = words.next().ok_or_else(|| InvalidAbortIf(format!("a condition is missing; accepted: {FORM}")))?;
    let Some((_, metric)) = METRICS.into_iter().find(|(known, _)| *known == name) else {
        let hint = did_you_mean(name, METRICS.iter().map(|(known, _)| *known));
        return Err(InvalidAbortIf(format!("`{}` is not measured{hint}", brief(name))));
    };
    match words.next() {
        None => return Err(ends(&format!("`{name}`"))),
        Some(">") => {}
        Some(word) => return Err(InvalidAbortIf(format!("behind `{name}` stands `>`, not `{}`", brief(word)))),
    }
    let written = words.next().ok_or_else(|| ends(&format!("`{name} >`")))?;
    Ok(Condition { metric, above: threshold(metric, written)? })
}

fn threshold(metric: Metric, written: &str) -> Result<Threshold, InvalidAbortIf> {
    let (absolute, example) = match metric {
        Metric::ErrorRate => {
            (written.parse().ok().map(|share: Share| Threshold::Share(share.hundredths())), "a share such as `2%`")
        }
        Metric::FirstToken(_) | Metric::PerToken(_) => {
            (humantime::parse_duration(written).ok().map(Threshold::Time), "a time such as `1.5s` or `40ms`")
        }
    };
    let relative = || {
        let times = crate::decimal::scaled(written.strip_suffix('x')?, 2)?;
        u32::try_from(times).ok().filter(|times| FACTORS.contains(times)).map(Threshold::Times)
    };
    absolute.or_else(relative).ok_or_else(|| {
        let message = "is nothing to compare it with";
        InvalidAbortIf(format!("`{}` {message}; accepted: {example}, or `1x` to `100x` what the others have", brief(written)))
    })
}

/// As much of a word as a message should carry.
fn brief(word: &str) -> String {
    crate::read::shortened(word)
}

impl fmt::Display for AbortIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, condition) in self.0.iter().enumerate() {
            write!(f, "{}{condition}", if number > 0 { " or " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = METRICS.iter().find(|(_, metric)| *metric == self.metric).map_or("", |(name, _)| name);
        write!(f, "{name} > {}", self.above)
    }
}

impl fmt::Display for Threshold {
    #[expect(clippy::cast_precision_loss, reason = "at most ten thousand")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(hundredths) => write!(f, "{}%", *hundredths as f64 / 100.0),
            // In one word, so that what is written can be read again.
            Self::Time(time) => write!(f, "{}", humantime::format_duration(*time).to_string().replace(' ', "")),
            Self::Times(hundredths) => write!(f, "{}x", f64::from(*hundredths) / 100.0),
        }
    }
}

impl Serialize for AbortIf {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_written_again() {
        for (text, again) in [
            ("error_rate > 2%", "error_rate > 2%"),
            ("error_rate>2.5% or ttft_p95>2x", "error_rate > 2.5% or ttft_p95 > 2x"),
            (
                "ttft_p99 > 1500ms or tpot_p50 > 1.25x or tpot_p95 > 40ms",
                "ttft_p99 > 1s500ms or tpot_p50 > 1.25x or tpot_p95 > 40ms",
            ),
        ] {
            let read: AbortIf = text.parse().unwrap();
            assert_eq!(read.to_string(), again);
            assert_eq!(again.parse::<AbortIf>().unwrap(), read);
        }
    }

    #[test]
    fn what_cannot_be_read_says_where_and_what_is_accepted() {
        for (text, message) in [
            ("", "a condition is missing; accepted: one such as `error_rate > 2% or ttft_p95 > 2x`"),
            ("error_rate > 2% or", "a condition is missing; accepted: one such as `error_rate > 2% or ttft_p95 > 2x`"),
            ("eror_rate > 2%", "`eror_rate` is not measured; did you mean `error_rate`?"),
            ("error_rate < 2%", "behind `error_rate` stands `>`, not `<`"),
            ("error_rate", "the text ends after `error_rate`; accepted: one such as `error_rate > 2% or ttft_p95 > 2x`"),
            (
                "error_rate > 2",
                "`2` is nothing to compare it with; accepted: a share such as `2%`, or `1x` to `100x` what the others have",
            ),
            (
                "ttft_p95 > 0.5x",
                "`0.5x` is nothing to compare it with; accepted: a time such as `1.5s` or `40ms`, or `1x` to `100x` what the others have",
            ),
            ("ttft_p95 > 2x and error_rate > 2%", "between conditions stands `or`, not `and`"),
        ] {
            assert_eq!(text.parse::<AbortIf>().unwrap_err().to_string(), message, "{text}");
        }
    }
}
