//! How many more requests would be under way at a backend than were, and how much more would be learnt of it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// The requests under way at each backend, as they were and as they would be.
#[derive(Debug, Default)]
pub(super) struct InFlight(BTreeMap<String, Both>);

#[derive(Debug, Default)]
struct Both {
    recorded: Ends,
    replayed: Ends,
    /// What was begun there lately, as it was and as it would be.
    begun: [Lately; 2],
}

/// How many there were, of which time leaves less and less.
#[derive(Clone, Copy, Debug, Default)]
struct Lately {
    count: f64,
    at: u64,
}

/// What the router learnt is worth a third after so long, as in its regression; in microseconds.
const MEMORY: f64 = 120e6;
/// What it believes beforehand is worth so many requests.
const CONVICTION: f64 = 4.0;

impl Lately {
    fn count(&self, now: u64) -> f64 {
        self.count * (-(now.saturating_sub(self.at) as f64) / MEMORY).exp()
    }

    fn add(&mut self, now: u64) {
        *self = Self { count: self.count(now) + 1.0, at: now.max(self.at) };
    }
}

/// When requests end, in microseconds since 1970, the first on top.
#[derive(Debug, Default)]
struct Ends(BinaryHeap<Reverse<u64>>);

impl Ends {
    fn under_way(&mut self, now: u64) -> usize {
        while self.0.peek().is_some_and(|end| end.0 <= now) {
            self.0.pop();
        }
        self.0.len()
    }
}

impl InFlight {
    /// The difference that the new policy makes.
    pub(super) fn shift(&mut self, backend: &str, now: u64) -> f64 {
        let Some(both) = self.0.get_mut(backend) else { return 0.0 };
        both.replayed.under_way(now) as f64 - both.recorded.under_way(now) as f64
    }

    /// The part of what the router would know of a backend that it did not know: more traffic teaches it more.
    pub(super) fn novelty(&self, backend: &str, now: u64) -> f64 {
        let Some(Both { begun: [recorded, replayed], .. }) = self.0.get(backend) else { return 0.0 };
        let (recorded, replayed) = (recorded.count(now), replayed.count(now));
        ((replayed - recorded) / (replayed + CONVICTION)).max(0.0)
    }

    /// A request that began there, as it was.
    pub(super) fn recorded_begin(&mut self, backend: &str, now: u64) {
        let [recorded, _] = &mut self.of(backend).begun;
        recorded.add(now);
    }

    /// A request that would begin there.
    pub(super) fn replayed_begin(&mut self, backend: &str, now: u64) {
        let [_, replayed] = &mut self.of(backend).begun;
        replayed.add(now);
    }

    /// An attempt that was made there, until then.
    pub(super) fn recorded(&mut self, backend: &str, end: u64) {
        self.of(backend).recorded.0.push(Reverse(end));
    }

    /// An attempt that would be made there, until then.
    pub(super) fn replayed(&mut self, backend: &str, end: u64) {
        self.of(backend).replayed.0.push(Reverse(end));
    }

    fn of(&mut self, backend: &str) -> &mut Both {
        self.0.entry(backend.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_more_traffic_teaches_more() {
        let mut in_flight = InFlight::default();
        for now in 0..20 {
            in_flight.recorded_begin("same", now);
            in_flight.replayed_begin("same", now);
            in_flight.replayed_begin("more", now);
            in_flight.recorded_begin("less", now);
        }
        assert_eq!(
            (in_flight.novelty("same", 20), in_flight.novelty("less", 20), in_flight.novelty("none", 20)),
            (0.0, 0.0, 0.0)
        );
        assert!((in_flight.novelty("more", 20) - 20.0 / 24.0).abs() < 1e-3);
    }

    #[test]
    fn the_shift_is_the_difference_of_those_under_way() {
        let mut in_flight = InFlight::default();
        in_flight.recorded("a", 100);
        in_flight.replayed("b", 200);
        in_flight.replayed("b", 100);
        assert_eq!((in_flight.shift("a", 50), in_flight.shift("b", 50), in_flight.shift("c", 50)), (-1.0, 2.0, 0.0));
        assert_eq!((in_flight.shift("a", 100), in_flight.shift("b", 100)), (0.0, 1.0));
    }
}
