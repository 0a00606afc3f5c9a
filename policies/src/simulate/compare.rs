//! Several policies in the same world, over the same seeds.

use super::balancer::Policy;
use super::run;
use super::run::{Figures, Measure};
use super::scenario::Scenario;

/// Several policies in one world, with one number of gateways, over the same seeds.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// How many gateways shared the traffic.
    pub gateways: usize,
    /// The seeds, in the order of the figures.
    pub seeds: Vec<u64>,
    /// The policies, in the order in which they were given.
    pub rows: Vec<Row>,
}

/// A policy in a comparison.
#[derive(Clone, Debug)]
pub struct Row {
    /// Which one.
    pub policy: Policy,
    /// Its figures for each seed.
    pub by_seed: Vec<Figures>,
    /// Their mean.
    pub mean: Figures,
    /// What it took, as a multiple of what the oracle took.
    pub against_oracle: Ratio,
}

/// A ratio of two sums over seeds, and the range of the ratios of single seeds: how far to trust it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Over all seeds.
    pub mean: f64,
    /// Of the seed where it is least.
    pub least: f64,
    /// Of the seed where it is greatest.
    pub greatest: f64,
}

/// Plays the scenario for each policy and each seed. What policies are compared by is [`Measure::Objective`]: the mean, failures included,
/// and the price where the scenario says that money counts. None without a seed.
pub fn compare(scenario: &Scenario, policies: &[Policy], gateways: usize, seeds: &[u64]) -> Option<Comparison> {
    let play = |policy| seeds.iter().map(|seed| run(scenario, policy, gateways, *seed).figures(scenario)).collect::<Vec<_>>();
    let oracle = play(Policy::Oracle);
    let row = |policy| {
        let by_seed = if policy == Policy::Oracle { oracle.clone() } else { play(policy) };
        let mean = Figures::mean(&by_seed)?;
        Some(Row { policy, against_oracle: Ratio::of(&by_seed, &oracle), by_seed, mean })
    };
    let rows = policies.iter().map(|policy| row(*policy)).collect::<Option<_>>()?;
    Some(Comparison { gateways, seeds: seeds.to_vec(), rows })
}

impl Ratio {
    fn of(figures: &[Figures], oracle: &[Figures]) -> Self {
        let objective = |figures: &Figures| figures.measured[Measure::Objective];
        let sum = |all: &[Figures]| all.iter().map(objective).sum::<f64>();
        let ratios = || figures.iter().zip(oracle).map(|(own, best)| objective(own) / objective(best));
        Self {
            mean: sum(figures) / sum(oracle),
            least: ratios().fold(f64::INFINITY, f64::min),
            greatest: ratios().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}
