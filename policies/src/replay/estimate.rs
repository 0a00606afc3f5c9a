//! How far to trust a figure: intervals by resampling.

use rand::RngExt;
use rand_pcg::Pcg64;
use serde::Serialize;

/// How often the log is resampled.
const RESAMPLES: usize = 200;
/// The least number of blocks that tells anything of chance.
const LEAST_BLOCKS: usize = 5;
/// Numbers of their own.
const STREAM: u128 = 0x626f_6f74;

/// A figure, and where it would be in nineteen of twenty logs like this one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// The lower end of the 95 % interval; none if the log is too short to tell.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// The log cut into blocks, and how often each was drawn in every resample: neighbours have their luck in common, so they are drawn together
/// (Künsch 1989).
#[derive(Debug)]
pub(super) struct Resamples {
    length: usize,
    /// For each resample, how often it has each block.
    drawn: Vec<Vec<f64>>,
}

impl Resamples {
    /// Of so many requests.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a square root of a length")]
    pub(super) fn of(requests: usize, seed: u64) -> Self {
        let length = ((requests as f64).sqrt() as usize).max(1);
        let blocks = requests.div_ceil(length);
        let mut rng = Pcg64::new(u128::from(seed), STREAM);
        let mut resample = || {
            let mut counts = vec![0.0; blocks];
            for _ in 0..blocks {
                if let Some(count) = counts.get_mut(rng.random_range(0..blocks)) {
                    *count += 1.0;
                }
            }
            counts
        };
        let drawn = if blocks < LEAST_BLOCKS { Vec::new() } else { (0..RESAMPLES).map(|_| resample()).collect() };
        Self { length, drawn }
    }

    /// A figure of the log, which `figure` works out from how much each request counts.
    pub(super) fn estimate(&self, figure: impl Fn(&dyn Fn(usize) -> f64) -> Option<f64>) -> Option<Estimate> {
        let value = figure(&|_| 1.0)?;
        let weighed = |counts: &Vec<f64>| figure(&|request: usize| counts.get(request / self.length).copied().unwrap_or(0.0));
        let mut resampled: Vec<f64> = self.drawn.iter().filter_map(weighed).collect();
        resampled.sort_by(f64::total_cmp);
        let at = |place: usize| resampled.get(place).copied().filter(|_| resampled.len() == RESAMPLES);
        Some(Estimate { value, low: at(RESAMPLES / 40), high: at(RESAMPLES - 1 - RESAMPLES / 40) })
    }
}

/// Values in ascending order, each with its weight and the request that it belongs to.
#[derive(Debug, Default)]
pub(super) struct Sorted(Vec<(f64, f64, usize)>);

impl Sorted {
    pub(super) fn new(mut values: Vec<(f64, f64, usize)>) -> Self {
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(values)
    }

    /// The value that this share of the weights is below, where requests count so much.
    pub(super) fn quantile(&self, share: f64, counts: &dyn Fn(usize) -> f64) -> Option<f64> {
        let total: f64 = self.0.iter().map(|(_, weight, request)| weight * counts(*request)).sum();
        let mut left = share * total;
        let reached = self.0.iter().find(|(_, weight, request)| {
            left -= weight * counts(*request);
            left < 0.0
        });
        reached.map(|(value, ..)| *value).filter(|_| total > 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_as_wide_as_theory_has_it() {
        let mut rng = Pcg64::new(1, 2);
        let values: Vec<f64> = (0..10_000).map(|_| rng.random::<f64>()).collect();
        let resamples = Resamples::of(values.len(), 5);
        let mean = |counts: &dyn Fn(usize) -> f64| {
            let (sum, count) =
                (0..values.len()).fold((0.0, 0.0), |(sum, count), n| (sum + counts(n) * values[n], count + counts(n)));
            Some(sum / count)
        };
        let estimate = resamples.estimate(mean).unwrap();
        let width = estimate.high.unwrap() - estimate.low.unwrap();
        // Twice 1.96 standard errors of a uniform number.
        let theory = 2.0 * 1.96 * (1.0_f64 / 12.0).sqrt() / 100.0;
        assert!((width / theory - 1.0).abs() < 0.35, "{width} for {theory}");
        assert!((estimate.value - 0.5).abs() < 0.01);
    }

    #[test]
    fn too_few_requests_have_no_interval() {
        let estimate = Resamples::of(12, 1).estimate(|_| Some(1.0)).unwrap();
        assert_eq!((estimate.low, estimate.high), (None, None));
    }

    #[test]
    fn a_quantile_counts_weights() {
        let sorted = Sorted::new(vec![(3.0, 1.0, 2), (1.0, 8.0, 0), (2.0, 1.0, 1)]);
        assert_eq!(sorted.quantile(0.5, &|_| 1.0), Some(1.0));
        assert_eq!(sorted.quantile(0.85, &|_| 1.0), Some(2.0));
        assert_eq!(sorted.quantile(0.5, &|request| f64::from(u8::from(request == 2))), Some(3.0));
        assert_eq!(sorted.quantile(0.5, &|_| 0.0), None);
    }
}
