//! What became of the requests of one run, and the figures that sum it up.

use std::fmt;

use super::arena::{Arena, Id};
use super::scenario::{BackendId, Scenario};

/// A request that failed counts as one that took so many seconds, where failures are not counted by themselves: else a
/// policy could look fast by failing what is slow.
const FAILED_SECONDS: f64 = 30.0;

/// What became of the requests of one run, in the order of their arrival.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    fates: Vec<Fate>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fate {
    /// When it came.
    pub arrived: f64,
    /// From its arrival to the first token of any attempt.
    pub first_token: Option<f64>,
    /// From its arrival to the last token; none if it failed.
    pub completed: Option<f64>,
    /// How many of its attempts failed, refusals included.
    pub failed_attempts: usize,
    /// How many were refused with 429.
    pub limited_attempts: usize,
    /// How many were made to race another.
    pub hedges: usize,
    /// Where its first attempt went.
    pub backend: Option<BackendId>,
    /// What all its attempts cost.
    pub dollars: f64,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Half of the answers were complete within so many seconds.
    P50,
    /// 95 % of them were.
    P95,
    /// 99 % of them were.
    P99,
    /// The mean seconds to complete answers.
    Mean,
    /// The mean with each failed request as one of 30 s.
    MeanWithErrors,
    /// Half of the first tokens came within so many seconds.
    FirstTokenP50,
    /// 95 % of them did.
    FirstTokenP95,
    /// 99 % of them did.
    FirstTokenP99,
    /// The percentage of requests that failed.
    Errors,
    /// Attempts that failed, for a hundred requests.
    FailedAttempts,
    /// Attempts that were refused with 429, for a hundred requests.
    LimitedAttempts,
    /// Attempts that raced another, for a hundred requests.
    Hedges,
    /// Dollars for a thousand requests.
    Dollars,
    /// The mean with errors, and the price in the seconds that the scenario says it is worth.
    Objective,
}

impl Measure {
    /// All of them, in the order in which people read them.
    pub const ALL: [Self; 14] = [
        Self::P50,
        Self::P95,
        Self::P99,
        Self::Mean,
        Self::MeanWithErrors,
        Self::FirstTokenP50,
        Self::FirstTokenP95,
        Self::FirstTokenP99,
        Self::Errors,
        Self::FailedAttempts,
        Self::LimitedAttempts,
        Self::Hedges,
        Self::Dollars,
        Self::Objective,
    ];

    /// Its name, as programs read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50_s",
            Self::P95 => "p95_s",
            Self::P99 => "p99_s",
            Self::Mean => "mean_s",
            Self::MeanWithErrors => "mean_with_errors_s",
            Self::FirstTokenP50 => "ttft_p50_s",
            Self::FirstTokenP95 => "ttft_p95_s",
            Self::FirstTokenP99 => "ttft_p99_s",
            Self::Errors => "errors_pct",
            Self::FailedAttempts => "failed_attempts_pct",
            Self::LimitedAttempts => "limited_attempts_pct",
            Self::Hedges => "hedges_pct",
            Self::Dollars => "usd_per_1k_requests",
            Self::Objective => "objective_s",
        }
    }
}

impl Id for Measure {
    fn new(place: usize) -> Self {
        Self::ALL.get(place).copied().unwrap_or(Self::Objective)
    }

    fn place(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The figures that sum up a run, or the mean of those of several runs. One that there is nothing to take from is NaN.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// How many requests were counted.
    pub requests: f64,
    /// What was measured.
    pub measured: Arena<Measure, f64>,
    /// For each window of the scenario: the mean and the p95 of the complete answers to what arrived in it.
    pub windows: Vec<(f64, f64)>,
    /// The share of the first attempts that each backend got.
    pub shares: Arena<BackendId, f64>,
}

impl Run {
    pub(super) fn new(fates: Vec<Fate>) -> Self {
        Self { fates }
    }

    /// What became of each request, those of the warm-up included.
    pub fn fates(&self) -> &[Fate] {
        &self.fates
    }

    /// The figures, without the warm-up.
    pub fn figures(&self, scenario: &Scenario) -> Figures {
        let counted: Vec<_> = self.fates.iter().filter(|fate| fate.arrived >= scenario.warm_up).collect();
        let window = |from: f64, to: f64| {
            let inside = counted.iter().filter(|fate| from <= fate.arrived && fate.arrived < to);
            let seconds = sorted(inside.filter_map(|fate| fate.completed));
            (mean(&seconds), quantile(&seconds, 0.95))
        };
        let first_on = |backend| counted.iter().filter(|fate| fate.backend == Some(backend)).count();
        Figures {
            requests: counted.len() as f64,
            measured: measured(&counted, scenario),
            windows: scenario.windows.iter().map(|at| window(at.from, at.to)).collect(),
            shares: scenario.backends.ids().map(|id| first_on(id) as f64 / counted.len() as f64).collect(),
        }
    }
}

impl Figures {
    /// The mean of the figures of several runs of one scenario.
    pub fn mean(runs: &[Self]) -> Option<Self> {
        let first = runs.first()?;
        let over = |figure: &dyn Fn(&Self) -> f64| runs.iter().map(figure).sum::<f64>() / runs.len() as f64;
        let nth = |runs: &Self, place: usize| runs.windows.get(place).copied().unwrap_or((f64::NAN, f64::NAN));
        let window = |place| (over(&|run| nth(run, place).0), over(&|run| nth(run, place).1));
        Some(Self {
            requests: over(&|run| run.requests),
            measured: Measure::ALL.into_iter().map(|measure| over(&|run| run.measured[measure])).collect(),
            windows: (0..first.windows.len()).map(window).collect(),
            shares: first.shares.ids().map(|id| over(&|run| run.shares[id])).collect(),
        })
    }
}

fn measured(counted: &[&Fate], scenario: &Scenario) -> Arena<Measure, f64> {
    let seconds = sorted(counted.iter().filter_map(|fate| fate.completed));
    let first = sorted(counted.iter().filter(|fate| fate.completed.is_some()).filter_map(|fate| fate.first_token));
    let per_request = |of: &dyn Fn(&Fate) -> f64| counted.iter().map(|fate| of(fate)).sum::<f64>() / counted.len() as f64;
    let dollars = per_request(&|fate| fate.dollars);
    let with_errors = per_request(&|fate| fate.completed.unwrap_or(FAILED_SECONDS));
    let figure = |measure| match measure {
        Measure::P50 => quantile(&seconds, 0.50),
        Measure::P95 => quantile(&seconds, 0.95),
        Measure::P99 => quantile(&seconds, 0.99),
        Measure::Mean => mean(&seconds),
        Measure::MeanWithErrors => with_errors,
        Measure::FirstTokenP50 => quantile(&first, 0.50),
        Measure::FirstTokenP95 => quantile(&first, 0.95),
        Measure::FirstTokenP99 => quantile(&first, 0.99),
        Measure::Errors => 100.0 * per_request(&|fate| if fate.completed.is_none() { 1.0 } else { 0.0 }),
        Measure::FailedAttempts => 100.0 * per_request(&|fate| fate.failed_attempts as f64),
        Measure::LimitedAttempts => 100.0 * per_request(&|fate| fate.limited_attempts as f64),
        Measure::Hedges => 100.0 * per_request(&|fate| fate.hedges as f64),
        Measure::Dollars => 1000.0 * dollars,
        Measure::Objective => with_errors + scenario.seconds_for(dollars),
    };
    Measure::ALL.into_iter().map(figure).collect()
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The value that this share of the sorted values is below.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a length")]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = (share * sorted.len() as f64) as usize;
    sorted.get(place).or(sorted.last()).copied().unwrap_or(f64::NAN)
}
