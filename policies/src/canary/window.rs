//! What happened lately: a past that is long gone does not hide a present.

use std::time::Duration;

use super::Sample;
use super::histogram::Histogram;
use crate::select::Monotonic;

/// A window slides in so many steps.
const SLICES: usize = 6;

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) first_token: Histogram,
    pub(super) per_token: Histogram,
}

impl Tally {
    fn add(&mut self, sample: Sample) {
        match sample {
            Sample::Answered => self.requests += 1,
            Sample::Failed => {
                self.requests += 1;
                self.errors += 1;
            }
            Sample::FirstToken(seconds) => self.first_token.add(seconds),
            Sample::PerToken(seconds) => self.per_token.add(seconds),
        }
    }

    fn subtract(&mut self, other: &Self) {
        self.requests = self.requests.saturating_sub(other.requests);
        self.errors = self.errors.saturating_sub(other.errors);
        self.first_token.subtract(&other.first_token);
        self.per_token.subtract(&other.per_token);
    }

    fn clear(&mut self) {
        self.requests = 0;
        self.errors = 0;
        self.first_token.clear();
        self.per_token.clear();
    }
}

/// What was counted in the last so many seconds.
#[derive(Clone, Debug)]
pub(super) struct Window {
    slice: Duration,
    /// A ring: each slice of time has the place of its number modulo their count.
    slices: Box<[Tally]>,
    /// The number of the slice that is being filled.
    current: u64,
    /// The sum of all slices.
    total: Tally,
}

impl Window {
    /// An empty one of that length.
    pub(super) fn of(span: Duration) -> Self {
        let slices = vec![Tally::default(); SLICES].into();
        Self { slice: span / SLICES as u32, slices, current: 0, total: Tally::default() }
    }

    /// Counts one more.
    pub(super) fn add(&mut self, now: Monotonic, sample: Sample) {
        self.slide(now);
        let place = self.current as usize % SLICES;
        if let Some(slice) = self.slices.get_mut(place) {
            slice.add(sample);
            self.total.add(sample);
        }
    }

    /// What was counted.
    pub(super) fn at(&mut self, now: Monotonic) -> &Tally {
        self.slide(now);
        &self.total
    }

    /// Forgets what is too long ago.
    fn slide(&mut self, now: Monotonic) {
        let number = (now.elapsed_since_epoch().as_nanos() / self.slice.as_nanos().max(1)) as u64;
        // Threads may report out of order: what is a little late counts as of now.
        let steps = number.saturating_sub(self.current).min(SLICES as u64);
        self.current = self.current.max(number);
        for back in 0..steps {
            let place = self.current.saturating_sub(back) as usize % SLICES;
            if let Some(slice) = self.slices.get_mut(place) {
                self.total.subtract(slice);
                slice.clear();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::since_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn what_is_older_than_the_window_is_forgotten_and_what_is_younger_is_not() {
        let mut window = Window::of(Duration::from_mins(10));
        window.add(at(0), Sample::Failed);
        window.add(at(1), Sample::FirstToken(0.2));
        window.add(at(450), Sample::Answered);
        assert_eq!((window.at(at(599)).requests, window.at(at(599)).errors), (2, 1));
        assert_eq!((window.at(at(600)).requests, window.at(at(600)).errors), (1, 0));
        assert_eq!(window.at(at(600)).first_token.count(), 0);
        // Late.
        window.add(at(590), Sample::Answered);
        assert_eq!(window.at(at(610)).requests, 2);
        assert_eq!(*window.at(at(1_000_000)), Tally::default());
    }
}
