//! The laws that random quantities follow.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1, StandardNormal};

/// How a random quantity is distributed.
#[derive(Clone, Debug, PartialEq)]
pub enum Law {
    /// Its logarithm is normal: what latencies and lengths of language models come close to.
    LogNormal {
        /// Half of all values are below.
        median: f64,
        /// The standard deviation of the natural logarithm.
        sigma: f64,
    },
    /// Always the same.
    Constant(f64),
    /// Every value between two is as likely.
    Uniform {
        /// The least value.
        from: f64,
        /// What all values are below.
        to: f64,
    },
    /// The law of waiting for something that may happen at any moment.
    Exponential {
        /// Its mean.
        mean: f64,
    },
    /// Drawn from a list.
    Empirical(Sample),
}

/// Values that were measured, each with its weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The values, each with the sum of the weights up to and with its own. Not empty.
    cumulated: Vec<(f64, f64)>,
    mean: f64,
}

impl Sample {
    /// `None` if there is no value or no weight in all.
    pub(super) fn new(weighted: &[(f64, f64)]) -> Option<Self> {
        let mut total = 0.0;
        let mut sum = 0.0;
        let cumulate = |&(value, weight): &(f64, f64)| {
            total += weight;
            sum += value * weight;
            (value, total)
        };
        let cumulated: Vec<_> = weighted.iter().map(cumulate).collect();
        (total > 0.0).then(|| Self { cumulated, mean: sum / total })
    }

    fn draw(&self, rng: &mut impl Rng) -> f64 {
        let Some(&(last, total)) = self.cumulated.last() else {
            return self.mean;
        };
        let point = rng.random::<f64>() * total;
        let place = self.cumulated.partition_point(|(_, up_to)| *up_to <= point);
        self.cumulated.get(place).map_or(last, |(value, _)| *value)
    }
}

impl Law {
    /// A log-normal factor whose mean is 1.
    pub(super) fn noise(sigma: f64) -> Self {
        Self::LogNormal { median: (-sigma * sigma / 2.0).exp(), sigma }
    }

    /// Its mean.
    pub fn mean(&self) -> f64 {
        match self {
            Self::LogNormal { median, sigma } => median * (sigma * sigma / 2.0).exp(),
            Self::Constant(value) => *value,
            Self::Uniform { from, to } => f64::midpoint(*from, *to),
            Self::Exponential { mean } => *mean,
            Self::Empirical(sample) => sample.mean,
        }
    }

    /// One value.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> f64 {
        match self {
            Self::LogNormal { median, sigma } => {
                let normal: f64 = StandardNormal.sample(rng);
                median * (sigma * normal).exp()
            }
            Self::Constant(value) => *value,
            Self::Uniform { from, to } => from + (to - from) * rng.random::<f64>(),
            Self::Exponential { mean } => {
                let unit: f64 = Exp1.sample(rng);
                mean * unit
            }
            Self::Empirical(sample) => sample.draw(rng),
        }
    }
}

/// A number of tokens: a law whose values are cut to whole numbers within bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens {
    /// What is drawn.
    pub law: Law,
    /// The least number.
    pub min: u32,
    /// The greatest number.
    pub max: u32,
}

impl Tokens {
    /// One number of tokens.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded by two u32 before the cast")]
    pub(super) fn draw(&self, rng: &mut impl Rng) -> u32 {
        self.law.draw(rng).clamp(f64::from(self.min), f64::from(self.max)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::random::{Stream, stream};

    fn mean_of(law: &Law) -> f64 {
        let mut rng = stream(1, Stream::Lengths);
        (0..200_000).map(|_| law.draw(&mut rng)).sum::<f64>() / 200_000.0
    }

    #[test]
    fn the_mean_that_the_oracle_is_told_is_the_mean_of_what_is_drawn() {
        let sample = Sample::new(&[(1.0, 1.0), (5.0, 3.0)]).unwrap();
        for law in [
            Law::LogNormal { median: 2.0, sigma: 0.5 },
            Law::noise(0.6),
            Law::Constant(3.0),
            Law::Uniform { from: 1.0, to: 4.0 },
            Law::Exponential { mean: 2.5 },
            Law::Empirical(sample),
        ] {
            let drawn = mean_of(&law);
            assert!((drawn / law.mean() - 1.0).abs() < 0.01, "{law:?}: {drawn}");
        }
    }

    #[test]
    fn tokens_are_whole_and_within_their_bounds() {
        let tokens = Tokens { law: Law::LogNormal { median: 100.0, sigma: 2.0 }, min: 10, max: 500 };
        let mut rng = stream(1, Stream::Lengths);
        assert!((0..1000).all(|_| (10..=500).contains(&tokens.draw(&mut rng))));
    }

    #[test]
    fn a_sample_without_weight_is_refused() {
        assert_eq!(Sample::new(&[]), None);
        assert_eq!(Sample::new(&[(1.0, 0.0)]), None);
    }
}
