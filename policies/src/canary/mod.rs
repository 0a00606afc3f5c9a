//! Whether a canary is worse than it may be.
//!
//! A route sends a share of its sessions to one backend first. Here is counted how those requests fared and how the others did, each by its first
//! attempt alone: what a second backend made good is the canary's fault all the same. From that, [`Trial::exceeded`] says whether a condition under
//! which the canary is to be given up holds, and not by chance.
//!
//! # Whether it is chance
//!
//! A rate of errors is above a limit where it is so for certain, at all looks together (see `bound`). A percentile is judged as a rate as well:
//! that `ttft_p95` is above 2 s says that more than 5 % of the requests take longer than 2 s, which no shape of the distribution can upset.
//! What the others have is taken at the upper end of what it may be.
//!
//! # Over which time
//!
//! Over ten minutes, two hours and a day, at once: a canary of little traffic shows its rate in a day only, and one that fails since a minute ago must not live
//! on what it did before. Errors that come in bursts are less certain than as many that do not, which the bound knows nothing of.

mod bound;
mod condition;
mod histogram;
mod window;

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use self::histogram::{Histogram, written};
use self::window::{Tally, Window};
use crate::select::Monotonic;

pub use self::condition::{AbortIf, Condition, InvalidAbortIf, Metric, Percentile, Threshold};

/// The times over which is counted.
const SPANS: [Duration; 3] = [Duration::from_mins(10), Duration::from_hours(2), Duration::from_hours(24)];
/// Fewer requests of either arm show nothing, however clear: one hiccup of a network is one event, and fails all that are under way.
const LEAST: u64 = 20;

/// Which part of the sessions a request is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// Those that go to the canary first.
    Canary,
    /// The others.
    Control,
}

impl Arm {
    /// Its word in records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canary => "canary",
            Self::Control => "control",
        }
    }
}

/// What is heard of the first attempt of a request. Times are in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// It was answered to the end.
    Answered,
    /// It failed, by the backend's fault.
    Failed,
    /// A stream began after this time.
    FirstToken(f64),
    /// A stream brought a token in this time.
    PerToken(f64),
}

/// How both arms fared.
#[derive(Clone, Debug)]
pub struct Trial {
    canary: [Window; SPANS.len()],
    control: [Window; SPANS.len()],
}

impl Default for Trial {
    fn default() -> Self {
        let windows = || SPANS.map(Window::of);
        Self { canary: windows(), control: windows() }
    }
}

/// A condition that holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exceeded {
    /// Which.
    pub condition: Condition,
    /// What the canary has.
    pub figure: Figure,
    /// What it may have at most.
    pub limit: Figure,
    /// Of how many requests, or streams.
    pub samples: u64,
    /// Over which time.
    pub span: Duration,
}

/// The value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    /// A share, from 0 to 1.
    Rate(f64),
    /// A time in seconds.
    Seconds(f64),
}

impl Trial {
    /// Something was heard of an arm.
    pub fn observe(&mut self, now: Monotonic, arm: Arm, sample: Sample) {
        let windows = match arm {
            Arm::Canary => &mut self.canary,
            Arm::Control => &mut self.control,
        };
        for window in windows {
            window.add(now, sample);
        }
    }

    /// The first of these conditions that holds.
    pub fn exceeded(&mut self, now: Monotonic, conditions: &AbortIf) -> Option<Exceeded> {
        let windows = SPANS.into_iter().zip(self.canary.iter_mut().zip(&mut self.control));
        let tallies: Vec<_> = windows.map(|(span, (canary, control))| (span, canary.at(now), control.at(now))).collect();
        let spans = |condition: Condition| tallies.iter().map(move |tallies| (condition, tallies));
        conditions.iter().flat_map(spans).find_map(|(condition, (span, canary, control))| {
            let (figure, limit, samples) = match condition.metric {
                Metric::ErrorRate => errors(canary, control, condition.above)?,
                Metric::FirstToken(part) => times(&canary.first_token, &control.first_token, part, condition.above)?,
                Metric::PerToken(part) => times(&canary.per_token, &control.per_token, part, condition.above)?,
            };
            Some(Exceeded { condition, figure, limit, samples, span: *span })
        })
    }

    /// What was counted of both arms, over each of the spans.
    pub fn counts(&mut self, now: Monotonic) -> Vec<Counts> {
        let windows = SPANS.into_iter().zip(self.canary.iter_mut().zip(&mut self.control));
        let counts = |(span, (canary, control)): (Duration, (&mut Window, &mut Window))| Counts {
            span_s: span.as_secs(),
            canary: Count::of(canary.at(now)),
            control: Count::of(control.at(now)),
        };
        windows.map(counts).collect()
    }
}

/// The rate of errors and its limit, if it is above.
fn errors(canary: &Tally, control: &Tally, above: Threshold) -> Option<(Figure, Figure, u64)> {
    let limit = match above {
        Threshold::Share(hundredths) => hundredths as f64 / 10_000.0,
        Threshold::Times(hundredths) if control.requests >= LEAST => {
            f64::from(hundredths) / 100.0 * bound::at_most(control.errors, control.requests)
        }
        Threshold::Times(_) | Threshold::Time(_) => return None,
    };
    let is_above = canary.requests >= LEAST && limit < 1.0 && bound::is_above(canary.errors, canary.requests, limit);
    let rate = canary.errors as f64 / canary.requests as f64;
    is_above.then_some((Figure::Rate(rate), Figure::Rate(limit), canary.requests))
}

/// A percentile of times and its limit, if it is above: if more of them than it leaves are longer than the limit.
fn times(canary: &Histogram, control: &Histogram, part: Percentile, above: Threshold) -> Option<(Figure, Figure, u64)> {
    let limit = match above {
        Threshold::Time(time) => time.as_secs_f64(),
        Threshold::Times(hundredths) if control.count() >= LEAST => {
            f64::from(hundredths) / 100.0 * control.quantile(bound::place_at_most(part.share(), control.count()))?
        }
        Threshold::Times(_) | Threshold::Share(_) => return None,
    };
    let samples = canary.count();
    let is_above = samples >= LEAST && bound::is_above(canary.longer_than(limit), samples, 1.0 - part.share());
    is_above.then_some((Figure::Seconds(canary.quantile(part.share())?), Figure::Seconds(limit), samples))
}

/// What was counted over a time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Counts {
    /// How long that was, in seconds.
    pub span_s: u64,
    /// Of the sessions that go to the canary first.
    pub canary: Count,
    /// Of the others.
    pub control: Count,
}

/// What was counted of one arm. Times are in seconds, exact to 4.4 %.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Count {
    /// First attempts that were answered, or failed by the backend's fault.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
    /// Streams that began.
    pub streams: u64,
    /// The time to the first token that half of them took at most.
    pub ttft_p50: Option<f64>,
    /// 95 % of them.
    pub ttft_p95: Option<f64>,
    /// 99 % of them.
    pub ttft_p99: Option<f64>,
    /// The time from one token to the next that half of the streams took at most.
    pub tpot_p50: Option<f64>,
    /// 95 % of them.
    pub tpot_p95: Option<f64>,
}

impl Count {
    fn of(tally: &Tally) -> Self {
        let Tally { requests, errors, first_token, per_token } = tally;
        Self {
            requests: *requests,
            errors: *errors,
            streams: first_token.count(),
            ttft_p50: first_token.quantile(Percentile::P50.share()),
            ttft_p95: first_token.quantile(Percentile::P95.share()),
            ttft_p99: first_token.quantile(Percentile::P99.share()),
            tpot_p50: per_token.quantile(Percentile::P50.share()),
            tpot_p95: per_token.quantile(Percentile::P95.share()),
        }
    }
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { condition, figure, limit, samples, span } = self;
        let span = humantime::format_duration(*span);
        write!(f, "{condition}: {figure} over {samples} requests of the last {span}, where {limit} is the limit")
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(rate) => write!(f, "{:.1}%", rate * 100.0),
            Self::Seconds(seconds) => f.write_str(&written(*seconds)),
        }
    }
}

#[cfg(test)]
mod tests;
