//! How a latency follows from the size of a request and the load: least squares on relative error, which forgets.

use std::time::Duration;

use super::monotonic::Monotonic;

/// After so long, what was learnt weighs a third of what it did, and the prior has come back by the rest.
const MEMORY: Duration = Duration::from_secs(120);
/// From this many samples on, an observation is cut to a range around the prediction: a stall is no law.
const TRUSTED_AFTER: u32 = 8;
/// The range, as multiples of the prediction.
const PLAUSIBLE: (f64, f64) = (0.2, 5.0);
/// Samples before the prediction is good enough to weigh the next ones by; until then each weighs by itself.
const SELF_WEIGHED: u32 = 3;
/// Shorter than any real latency, in seconds: what divides by a prediction stays finite.
const SHORTEST: f64 = 1e-5;

/// Weights of `K` features, none of them negative: a bigger prompt or a fuller backend is never quicker.
///
/// Ridge regression towards a prior: without data it predicts what the prior says, and without news it returns there. Errors count in
/// proportion to the prediction, as they do in latencies, which spread over decades.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Regression<const K: usize> {
    prior: [f64; K],
    /// How many samples' worth of conviction the prior has in each weight.
    conviction: [f64; K],
    weights: [f64; K],
    /// Sums of products of features, and of features with observations; the prior is in them.
    gram: [[f64; K]; K],
    moment: [f64; K],
    samples: u32,
    updated: Monotonic,
}

impl<const K: usize> Regression<K> {
    /// Nothing observed: `prior` is believed, each weight as firmly as `conviction` says.
    pub(super) fn new(prior: [f64; K], conviction: [f64; K]) -> Self {
        let mut this = Self {
            prior,
            conviction,
            weights: prior,
            gram: [[0.0; K]; K],
            moment: [0.0; K],
            samples: 0,
            updated: Monotonic::default(),
        };
        this.blend(0.0);
        this
    }

    /// What to expect of a request with these features, in seconds.
    pub(super) fn predict(&self, features: &[f64; K]) -> f64 {
        dot(&self.weights, features).max(SHORTEST)
    }

    /// The weight of one feature, in seconds.
    pub(super) fn weight(&self, feature: usize) -> f64 {
        self.weights.get(feature).copied().unwrap_or(0.0)
    }

    /// All weights, in seconds.
    pub(super) const fn weights(&self) -> [f64; K] {
        self.weights
    }

    /// How many observations there were.
    pub(super) const fn samples(&self) -> u32 {
        self.samples
    }

    /// Learns that a request with these features took `seconds`.
    pub(super) fn observe(&mut self, now: Monotonic, features: &[f64; K], seconds: f64) {
        let predicted = self.predict(features);
        let (least, most) = PLAUSIBLE;
        let trusted = self.samples >= TRUSTED_AFTER;
        let seconds = if trusted { seconds.clamp(least * predicted, most * predicted) } else { seconds };
        self.samples = self.samples.saturating_add(1);
        let scale = if self.samples > SELF_WEIGHED { predicted } else { seconds.max(SHORTEST) };
        let weight = 1.0 / (scale * scale);
        self.blend((-now.seconds_since(self.updated) / MEMORY.as_secs_f64()).exp());
        self.updated = self.updated.max(now);
        for ((row, sum), feature) in self.gram.iter_mut().zip(&mut self.moment).zip(features) {
            row.iter_mut().zip(features).for_each(|(cell, other)| *cell += weight * feature * other);
            *sum += weight * feature * seconds;
        }
        self.weights = solve(self.gram, self.moment).map(|weight| weight.max(0.0));
        if let Some(constant) = self.weights.first_mut() {
            *constant = constant.max(SHORTEST);
        }
    }

    /// Starts from weights that were learnt before, and holds them with the prior's conviction until there is news.
    pub(super) fn recall(&mut self, weights: [f64; K]) {
        self.weights = weights;
        self.moment = weights;
        for ((sum, row), place) in self.moment.iter_mut().zip(&self.gram).zip(0..) {
            *sum *= row.get::<usize>(place).copied().unwrap_or(0.0);
        }
    }

    /// Keeps a share of what was learnt, and fills the rest with the prior.
    fn blend(&mut self, kept: f64) {
        let prior = self.conviction.iter().zip(&self.prior).enumerate();
        for ((place, (conviction, prior)), (row, sum)) in prior.zip(self.gram.iter_mut().zip(&mut self.moment)) {
            row.iter_mut().for_each(|cell| *cell *= kept);
            if let Some(own) = row.get_mut(place) {
                *own += (1.0 - kept) * conviction;
            }
            *sum = kept * *sum + (1.0 - kept) * conviction * prior;
        }
    }
}

fn dot<const K: usize>(left: &[f64; K], right: &[f64; K]) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// Solves `matrix · x = right` by Gauss-Jordan elimination. The matrix is a sum of squares and a positive diagonal, so no pivot is zero but
/// by rounding.
fn solve<const K: usize>(mut matrix: [[f64; K]; K], mut right: [f64; K]) -> [f64; K] {
    for pivot in 0..K {
        let (Some(row), Some(value)) = (matrix.get(pivot).copied(), right.get(pivot).copied()) else { continue };
        let divisor = row.get(pivot).copied().filter(|divisor| *divisor > 1e-12).unwrap_or(1e-12);
        let row = row.map(|cell| cell / divisor);
        let value = value / divisor;
        for (place, (other, sum)) in matrix.iter_mut().zip(&mut right).enumerate() {
            if place == pivot {
                *other = row;
                *sum = value;
                continue;
            }
            let factor = other.get(pivot).copied().unwrap_or(0.0);
            other.iter_mut().zip(&row).for_each(|(cell, subtracted)| *cell -= factor * subtracted);
            *sum -= factor * value;
        }
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Monotonic {
        Monotonic::since_epoch(Duration::from_secs_f64(seconds))
    }

    fn close(left: f64, right: f64) -> bool {
        (left / right).ln().abs() < 0.1
    }

    #[test]
    fn believes_the_prior_until_it_knows_better() {
        let regression = Regression::new([0.5, 0.1], [1.0, 1.0]);
        assert!(close(regression.predict(&[1.0, 2.0]), 0.7));
    }

    #[test]
    fn finds_the_law_behind_the_samples() {
        let mut regression = Regression::new([0.5, 0.1, 0.0], [1.0, 1.0, 40.0]);
        for i in 0..600 {
            let (prompt, load) = (f64::from(i % 7), f64::from(i % 11));
            regression.observe(at(f64::from(i) * 0.05), &[1.0, prompt, load], 0.2 + 0.06 * prompt + 0.03 * load);
        }
        for (features, expected) in [([1.0, 0.0, 0.0], 0.2), ([1.0, 6.0, 0.0], 0.56), ([1.0, 0.0, 10.0], 0.5)] {
            assert!(close(regression.predict(&features), expected), "{features:?}: {regression:?}");
        }
    }

    #[test]
    fn a_slope_is_never_negative() {
        let mut regression = Regression::new([1.0, 0.0], [1.0, 1.0]);
        for i in 0..100 {
            let load = f64::from(i % 5);
            regression.observe(at(f64::from(i)), &[1.0, load], 1.0 - 0.1 * load);
        }
        assert!(regression.weight(1) >= 0.0);
    }

    #[test]
    fn returns_to_the_prior_without_news() {
        let mut regression = Regression::new([0.5], [1.0]);
        (0..50).for_each(|i| regression.observe(at(f64::from(i)), &[1.0], 5.0));
        assert!(regression.predict(&[1.0]) > 4.0);
        regression.observe(at(5_000.0), &[1.0], 0.5);
        assert!(close(regression.predict(&[1.0]), 0.5));
    }

    #[test]
    fn what_is_recalled_is_predicted() {
        let mut regression = Regression::new([0.5, 0.1], [1.0, 1.0]);
        regression.recall([0.2, 0.3]);
        assert!(close(regression.predict(&[1.0, 1.0]), 0.5));
        regression.observe(at(1.0), &[1.0, 1.0], 0.5);
        assert!(close(regression.predict(&[1.0, 1.0]), 0.5));
    }
}
