//! How well an engine does with many requests at a time, measured from outside as a client would: through its public handle, with the clock.
//!
//! Whoever measures a forward pass alone learns nothing of what the scheduler makes of it: whether answers gain from company, whether a
//! long prompt makes others stutter, and what becomes of an engine that is asked more than it can do. Each of these is a question with a
//! [bar](Bar) that the engine should clear on any machine, since the bars are ratios.

mod ask;
mod decode;
mod departures;
mod figures;
mod intrusion;
mod overload;
mod prefix;
mod report;
mod traffic;

use std::time::Duration;

use serde::Serialize;

pub use self::decode::{Batching, Pace};
pub use self::departures::Departures;
pub use self::intrusion::{Gaps, Intrusion};
pub use self::overload::{Forecasts, Overload};
pub use self::prefix::SharedPrefix;
pub use self::report::Bar;

use self::ask::Asker;
use crate::ChatEngine;
use crate::chat::{GenerateError, SubmitError};
use crate::sample::SamplingError;

/// How to measure.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How long each part lasts, about.
    pub span: Duration,
    /// Decides the questions, their times and who leaves.
    pub seed: u64,
    /// The tokens that would end an answer. They are forbidden, so that answers have the length that was asked for.
    pub stop_tokens: Vec<u32>,
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Answers in company.
    pub batching: Batching,
    /// Requests that begin alike.
    pub shared_prefix: SharedPrefix,
    /// A long prompt among answers that are being generated.
    pub intrusion: Intrusion,
    /// Twice as much as can be done.
    pub overload: Overload,
    /// What was promised, at four fifths of what can be done.
    pub forecasts: Forecasts,
    /// Readers who leave.
    pub departures: Departures,
}

/// Measures an engine that has nothing else to do. `tell` hears the name of each part when it begins. Needs a runtime with time.
///
/// # Errors
/// When a request fails, or is refused where there should be room.
pub async fn measure(engine: &ChatEngine, plan: &Plan, tell: impl Fn(&str)) -> Result<Report, BenchError> {
    let asker = Asker::new(engine.clone(), plan).await?;
    tell("answers in company");
    let batching = decode::measure(&asker, plan.span).await?;
    tell("a shared prompt");
    let shared_prefix = prefix::measure(&asker).await?;
    tell("a long prompt among answers");
    let intrusion = intrusion::measure(&asker, plan.span).await?;
    tell("twice the load");
    let (overload, capacity) = overload::measure(&asker, plan).await?;
    tell("forecasts");
    let forecasts = overload::forecasts(&asker, plan, capacity).await?;
    tell("readers who leave");
    let departures = departures::measure(&asker, plan).await?;
    Ok(Report { batching, shared_prefix, intrusion, overload, forecasts, departures })
}

/// The engine could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// A request was not taken although there should be room.
    #[error("a request was refused: {0}")]
    Submit(#[from] SubmitError),
    /// A request failed.
    #[error("a request failed: {0}")]
    Generate(#[from] GenerateError),
    /// The tokens that end an answer cannot be forbidden.
    #[error(transparent)]
    Sampling(#[from] SamplingError),
    /// A client broke down.
    #[error("a simulated client broke down: {0}")]
    Client(#[from] tokio::task::JoinError),
    /// An answer was too short to measure anything.
    #[error("no {0} could be measured: give it more time")]
    Nothing(&'static str),
}

#[cfg(test)]
mod tests;
