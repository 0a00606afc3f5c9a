//! Forecasts beside what was measured.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::Arguments;
use crate::figures::Figures;
use crate::world::Change;

/// Everything that was foretold and measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// The requests of each run.
    requests: usize,
    speed: f64,
    length_s: f64,
    /// The longest that a request was sent after its time, by the clock.
    pub(crate) lateness_s: f64,
    outcomes: Vec<Outcome>,
}

/// One change, made once.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) turn: usize,
    pub(crate) change: &'static str,
    /// The record that the forecast is made from.
    pub(crate) before: Figures,
    /// None where nothing changes.
    pub(crate) forecast: Option<Figures>,
    pub(crate) measured: Figures,
    /// The share of requests that went elsewhere than in the record.
    pub(crate) paired: f64,
}

impl Report {
    pub(crate) fn new(requests: usize, arguments: &Arguments) -> Self {
        let length_s = arguments.length.as_secs_f64();
        Self { requests, speed: arguments.speed, length_s, lateness_s: 0.0, outcomes: Vec::new() }
    }

    /// Adds what came of a change.
    pub(crate) fn add(&mut self, outcome: Outcome) {
        eprint!("{}", Lines(&[&outcome]));
        self.outcomes.push(outcome);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests of {:.0} s, {} times as fast; sent {:.1} ms late at most\n",
            self.requests,
            self.length_s,
            self.speed,
            self.lateness_s * 1e3
        )?;
        for change in Change::ALL {
            let outcomes: Vec<&Outcome> = self.outcomes.iter().filter(|outcome| outcome.change == change.name()).collect();
            write!(f, "{}", Lines(&outcomes))?;
        }
        Ok(())
    }
}

/// What came of one change, in the mean over the turns.
struct Lines<'a>(&'a [&'a Outcome]);

impl Lines<'_> {
    fn mean(&self, figure: impl Fn(&Outcome) -> f64) -> f64 {
        self.0.iter().map(|outcome| figure(outcome)).sum::<f64>() / self.0.len() as f64
    }

    /// A line with what was before, foretold and measured, and how far the forecast is off.
    fn line(&self, f: &mut fmt::Formatter<'_>, name: &str, digits: usize, figure: impl Fn(&Figures) -> f64) -> fmt::Result {
        let (before, measured) = (self.mean(|own| figure(&own.before)), self.mean(|own| figure(&own.measured)));
        write!(f, "  {name:<12}{before:>10.digits$}")?;
        match self.0.iter().all(|own| own.forecast.is_some()) {
            true => {
                let foretold = self.mean(|own| own.forecast.as_ref().map_or(f64::NAN, &figure));
                writeln!(f, "{foretold:>10.digits$}{measured:>10.digits$}{:>+8.1} %", (foretold / measured - 1.0) * 100.0)
            }
            false => writeln!(f, "{:>10}{measured:>10.digits$}{:>+8.1} %", "", (before / measured - 1.0) * 100.0),
        }
    }
}

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.0.first() else { return Ok(()) };
        writeln!(f, "{:<14}{:>10}{:>10}{:>10}{:>10}", first.change, "before", "foretold", "measured", "error")?;
        self.line(f, "$/day", 2, |figures| figures.usd_per_day)?;
        self.line(f, "p95 TTFT s", 3, |figures| figures.p95_ttft_s)?;
        let names: BTreeSet<&String> =
            self.0.iter().flat_map(|own| own.before.shares.keys().chain(own.measured.shares.keys())).collect();
        for name in names {
            self.line(f, name, 3, |figures| figures.shares.get(name).copied().unwrap_or(0.0))?;
        }
        let net = self.mean(|own| own.measured.net_moved(&own.before));
        let paired = self.mean(|own| own.paired);
        let foretold = self.mean(|own| own.forecast.as_ref().and_then(|figures| figures.moved).unwrap_or(0.0));
        writeln!(f, "  moved: foretold {foretold:.3}, measured {net:.3} in all, {paired:.3} of the pairs\n")
    }
}
