//! What the log says of the new policy without any model of a backend: recorded requests, weighed by how much likelier the new policy makes
//! what was done (inverse propensity, self-normalised).

use serde::Serialize;

use super::estimate::{Estimate, Resamples, Sorted};
use super::requests::{Decided, Replayed, Requests};
use crate::decision::Decision;
use crate::spec::NanoUsd;

/// Below so many effective requests, a weighed figure is one of chance.
const LEAST_EFFECTIVE: f64 = 50.0;

/// Figures of the new policy by weighing what was recorded. They need no model, but say nothing of what the old policy never did, nor of the load
/// that the new one would shift.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weighted {
    /// How many equally weighed requests the weighed ones are worth (Kish 1965).
    pub effective_requests: f64,
    /// How much of what the new policy does was ever done by the old one, from 0 to 1.
    pub covered: f64,
    /// Dollars for a thousand requests, at the prices of the log; none where few are priced or too little is covered.
    pub usd_per_1k_requests: Option<Estimate>,
    /// The 95th percentile of the seconds to the first token.
    pub p95_ttft_s: Option<Estimate>,
}

/// Weighs the recorded requests.
pub(super) fn weighted(log: &[&Decision], requests: &Requests, resamples: &Resamples) -> Option<Weighted> {
    let decided: Vec<(usize, &Decided)> = requests
        .each
        .iter()
        .enumerate()
        .filter_map(|(place, replayed)| match replayed {
            Replayed::Decided(decided) => Some((place, &**decided)),
            _ => None,
        })
        .collect();
    if decided.is_empty() {
        return None;
    }
    let weight = |decided: &Decided| {
        let (went, probability) = &decided.went;
        decided.odds.get(went).copied().unwrap_or(0.0) / probability.max(0.01)
    };
    let weights: Vec<(usize, f64)> = decided.iter().map(|(place, decided)| (*place, weight(decided))).collect();
    let (sum, squares) = weights.iter().fold((0.0, 0.0), |(sum, squares), (_, weight)| (sum + weight, squares + weight * weight));
    let effective_requests = if squares > 0.0 { sum * sum / squares } else { 0.0 };
    // On average a weight is one where the old policy may do all that the new one does, and less by what it never does.
    let covered = (sum / decided.len() as f64).min(1.0);
    let is_enough = effective_requests >= LEAST_EFFECTIVE;
    let costs: Vec<(usize, f64, f64)> = weights
        .iter()
        .filter_map(|(place, weight)| Some((*place, *weight, NanoUsd(log.get(*place)?.cost_nano_usd?).dollars())))
        .collect();
    let mean = |counts: &dyn Fn(usize) -> f64| {
        let each = costs.iter().map(|(place, weight, dollars)| (counts(*place) * weight, dollars));
        let (total, sum) = each.fold((0.0, 0.0), |(total, sum), (weight, dollars)| (total + weight, sum + weight * dollars));
        (total > 0.0).then(|| 1000.0 * sum / total)
    };
    let first_tokens =
        weights.iter().zip(&decided).filter_map(|((place, weight), (_, decided))| Some((decided.first_token?, *weight, *place)));
    let sorted = Sorted::new(first_tokens.collect());
    Some(Weighted {
        effective_requests,
        covered,
        usd_per_1k_requests: if is_enough { resamples.estimate(mean) } else { None },
        p95_ttft_s: if is_enough { resamples.estimate(|counts| sorted.quantile(0.95, counts)) } else { None },
    })
}
