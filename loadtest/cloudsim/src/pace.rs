//! How fast a cloud answers.

use std::time::Duration;

use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

/// How fast a cloud answers: what it takes in the mean, and how single answers and the company that they have differ from that.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// From the request to the first part of the answer.
    pub first: Duration,
    /// More than that for each thousand bytes of the request.
    pub per_kilobyte: Duration,
    /// Between one part and the next.
    pub each: Duration,
    /// The standard deviation of the logarithm of a factor with mean 1 that is drawn twice for each answer: for its first part, and for all others.
    pub spread: f64,
    /// How much slower it is the more it has to do; not at all where this is left out.
    pub crowding: Option<Crowding>,
}

/// How much slower a busy cloud is: evenly with each request under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crowding {
    /// With so many requests under way…
    pub requests: u32,
    /// … it takes so many times as long.
    pub factor: f64,
}

/// What one answer takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paced {
    pub(crate) first: Duration,
    pub(crate) each: Duration,
}

impl Pace {
    /// What the answer to a request of so many bytes takes that is one of so many under way.
    pub(crate) fn drawn(self, bytes: usize, under_way: usize, rng: &mut impl Rng) -> Paced {
        let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        let crowded = self
            .crowding
            .map_or(1.0, |crowding| 1.0 + (crowding.factor - 1.0) * count(under_way) / f64::from(crowding.requests.max(1)));
        let mut times = |mean: Duration| mean.mul_f64((crowded * self.luck(rng)).clamp(0.0, 1e3));
        let first = times(self.first + self.per_kilobyte.mul_f64(count(bytes) / 1000.0));
        Paced { first, each: times(self.each) }
    }

    fn luck(self, rng: &mut impl Rng) -> f64 {
        if self.spread <= 0.0 {
            return 1.0;
        }
        let normal: f64 = rng.sample(StandardNormal);
        (self.spread * normal - self.spread * self.spread / 2.0).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        let [first, per_kilobyte, each] = [100, 10, 4].map(Duration::from_millis);
        Pace { first, per_kilobyte, each, spread: 0.0, crowding: Some(Crowding { requests: 10, factor: 3.0 }) }
    }

    #[test]
    fn grows_with_the_request_and_with_the_company() {
        let alone = Pace { crowding: None, ..pace() }.drawn(2000, 7, &mut rand::rng());
        assert_eq!((alone.first, alone.each), (Duration::from_millis(120), Duration::from_millis(4)));
        let crowded = pace().drawn(2000, 5, &mut rand::rng());
        assert_eq!((crowded.first, crowded.each), (Duration::from_millis(240), Duration::from_millis(8)));
    }

    #[test]
    fn its_luck_leaves_the_mean_as_it_is() {
        let pace = Pace { spread: 0.4, crowding: None, ..pace() };
        let mut rng = rand::rng();
        let sum: f64 = (0..20_000).map(|_| pace.drawn(0, 1, &mut rng).first.as_secs_f64()).sum();
        // Ten standard errors.
        assert!((sum / 20_000.0 - 0.1).abs() < 0.003, "{sum}");
    }
}
