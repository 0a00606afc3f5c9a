//! What an engine does with more than it can do, and what its forecasts are worth with somewhat less.

use std::time::Duration;

use serde::Serialize;

use super::ask::Asker;
use super::figures::median;
use super::traffic::{AtTheEnd, closed, open, requests_per_second};
use super::{BenchError, Plan};
use crate::memory::resident;

/// Times what can be done.
const TOO_MUCH: f64 = 2.0;

/// How many times as long as the other parts it lasts: the queue has to fill before anybody is turned away.
const LASTING: u32 = 3;

/// Part of what can be done.
const BUSY: f64 = 0.8;

/// Twice as much as can be done.
#[derive(Debug, Clone, Serialize)]
pub struct Overload {
    /// Tokens of answers a second, with as many clients as the engine can take, each of whom asks again when it has been answered.
    pub peak_tokens_per_second: f64,
    /// The same with requests that come twice as often as they are answered then, at random.
    pub tokens_per_second: f64,
    /// How many came.
    pub offered: usize,
    /// How many were turned away.
    pub refused: usize,
    /// Whether each of those was told a time after which to come back.
    pub is_told_when: bool,
    /// Bytes of this process in memory, before and after.
    pub resident: Option<(u64, u64)>,
}

impl Overload {
    /// The part of the peak that is left.
    pub fn kept(&self) -> f64 {
        self.tokens_per_second / self.peak_tokens_per_second
    }
}

/// What was promised.
#[derive(Debug, Clone, Serialize)]
pub struct Forecasts {
    /// How many requests came.
    pub requests: usize,
    /// The median of |ln(forecast / actual)| of the time to the first token.
    pub median_error: f64,
}

/// Also tells how many requests a second can be answered.
pub(super) async fn measure(asker: &Asker, plan: &Plan) -> Result<(Overload, f64), BenchError> {
    let peak = closed(asker, plan).await?;
    let before = resident();
    let plan = &Plan { span: plan.span * LASTING, ..plan.clone() };
    let served = open(asker, plan, TOO_MUCH * requests_per_second(peak), AtTheEnd::Leave).await?;
    let overload = Overload {
        peak_tokens_per_second: peak,
        tokens_per_second: served.tokens_per_second,
        offered: served.offered(),
        refused: served.refused.len(),
        is_told_when: served.refused.iter().all(|full| full.retry_after > Duration::ZERO),
        resident: before.zip(resident()),
    };
    Ok((overload, requests_per_second(peak)))
}

/// What is forecast with traffic that leaves the engine a fifth of so many requests a second.
pub(super) async fn forecasts(asker: &Asker, plan: &Plan, capacity: f64) -> Result<Forecasts, BenchError> {
    let served = open(asker, plan, BUSY * capacity, AtTheEnd::Wait).await?;
    let error = |forecast: Duration, actual: Duration| (forecast.as_secs_f64() / actual.as_secs_f64()).ln().abs();
    let errors = served.answered.iter().map(|(forecast, heard)| Ok(error(forecast.first_token, heard.first_token()?)));
    let median_error = median(errors.collect::<Result<_, BenchError>>()?).ok_or(BenchError::Nothing("forecast"))?;
    Ok(Forecasts { requests: served.offered(), median_error })
}
