//! Who asks: when requests arrive and how long they are.

use std::f64::consts::TAU;

use crate::simulate::law::Tokens;

/// When requests arrive and how long they are.
#[derive(Clone, Debug, PartialEq)]
pub enum Traffic {
    /// A Poisson process: independent users.
    Drawn {
        /// How many requests a second.
        rate: Rate,
        /// Times at which there are more, or fewer.
        bursts: Vec<Burst>,
        /// The length of prompts.
        prompt: Tokens,
        /// The length of answers.
        output: Tokens,
    },
    /// What was recorded once.
    Traced(Vec<Traced>),
}

/// A request of a trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traced {
    /// When it arrives, from the first request on.
    pub at: f64,
    /// The tokens of its prompt.
    pub prompt: u32,
    /// The tokens of its answer.
    pub output: u32,
}

/// Requests a second, over time.
#[derive(Clone, Debug, PartialEq)]
pub enum Rate {
    /// Always the same.
    Constant(f64),
    /// Each rate lasts until the next; the first from the beginning on. Not empty, in the order of time.
    Steps(Vec<Knot>),
    /// Straight lines from each rate to the next; flat before the first and after the last. Not empty, in the order of
    /// time.
    Lines(Vec<Knot>),
    /// A day, however long.
    Wave(Wave),
}

/// A rate at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knot {
    /// The time.
    pub at: f64,
    /// Requests a second.
    pub rate: f64,
}

/// A rate that swings like a sine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wave {
    /// The mean.
    pub mean: f64,
    /// How far it swings, as a share of the mean.
    pub swing: f64,
    /// From one peak to the next.
    pub period: f64,
    /// When a peak is.
    pub peak: f64,
}

/// A time at which there are more requests, or fewer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// Its begin.
    pub from: f64,
    /// Its end.
    pub to: f64,
    /// The factor on the rate.
    pub factor: f64,
}

impl Rate {
    /// Requests a second at that time.
    pub fn at(&self, time: f64) -> f64 {
        match self {
            Self::Constant(rate) => *rate,
            Self::Steps(knots) => {
                let passed = knots.iter().take_while(|knot| knot.at <= time).last();
                passed.or(knots.first()).map_or(0.0, |knot| knot.rate)
            }
            Self::Lines(knots) => interpolated(knots, time),
            Self::Wave(Wave { mean, swing, period, peak }) => mean * (1.0 + swing * (TAU * (time - peak) / period).cos()),
        }
    }

    /// A rate that is never exceeded.
    pub(in crate::simulate) fn bound(&self) -> f64 {
        match self {
            Self::Constant(rate) => *rate,
            Self::Steps(knots) | Self::Lines(knots) => knots.iter().map(|knot| knot.rate).fold(0.0, f64::max),
            Self::Wave(wave) => wave.mean * (1.0 + wave.swing),
        }
    }
}

fn interpolated(knots: &[Knot], time: f64) -> f64 {
    let place = knots.partition_point(|knot| knot.at <= time);
    let (before, after) = (place.checked_sub(1).and_then(|place| knots.get(place)), knots.get(place));
    match (before, after) {
        (Some(before), Some(after)) => before.rate + (after.rate - before.rate) * (time - before.at) / (after.at - before.at),
        (before, after) => before.or(after).map_or(0.0, |knot| knot.rate),
    }
}

/// The factor of all bursts at that time.
pub(in crate::simulate) fn burst_factor(bursts: &[Burst], time: f64) -> f64 {
    bursts.iter().filter(|burst| burst.from <= time && time < burst.to).map(|burst| burst.factor).product()
}

/// A factor that the bursts never exceed, however they meet.
pub(in crate::simulate) fn burst_bound(bursts: &[Burst]) -> f64 {
    bursts.iter().map(|burst| burst.factor.max(1.0)).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knots() -> Vec<Knot> {
        vec![Knot { at: 10.0, rate: 2.0 }, Knot { at: 20.0, rate: 6.0 }]
    }

    #[test]
    fn steps_last_until_the_next() {
        let rate = Rate::Steps(knots());
        assert_eq!([0.0, 10.0, 19.9, 20.0, 99.0].map(|time| rate.at(time)), [2.0, 2.0, 2.0, 6.0, 6.0]);
    }

    #[test]
    fn lines_join_the_knots_and_are_flat_outside() {
        let rate = Rate::Lines(knots());
        assert_eq!([0.0, 10.0, 15.0, 20.0, 99.0].map(|time| rate.at(time)), [2.0, 2.0, 4.0, 6.0, 6.0]);
    }

    #[test]
    fn a_wave_is_highest_at_its_peak_and_never_above_its_bound() {
        let rate = Rate::Wave(Wave { mean: 10.0, swing: 0.5, period: 100.0, peak: 30.0 });
        assert!((rate.at(30.0) - 15.0).abs() < 1e-9);
        assert!((rate.at(80.0) - 5.0).abs() < 1e-9);
        assert!((0..200).all(|time| rate.at(f64::from(time)) <= rate.bound() + 1e-9));
    }
}
