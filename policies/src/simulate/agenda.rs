//! What is going to happen, in the order of time.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// What is going to happen, in the order of time; at the same moment, in the order in which it was planned.
#[derive(Debug)]
pub(super) struct Agenda<T> {
    plans: BinaryHeap<Reverse<Plan<T>>>,
    planned: u64,
}

#[derive(Debug)]
struct Plan<T> {
    at: f64,
    number: u64,
    what: T,
}

impl<T> Agenda<T> {
    pub(super) fn plan(&mut self, at: f64, what: T) {
        self.planned += 1;
        self.plans.push(Reverse(Plan { at, number: self.planned, what }));
    }

    pub(super) fn next(&mut self) -> Option<(f64, T)> {
        self.plans.pop().map(|Reverse(plan)| (plan.at, plan.what))
    }
}

impl<T> Default for Agenda<T> {
    fn default() -> Self {
        Self { plans: BinaryHeap::new(), planned: 0 }
    }
}

impl<T> Ord for Plan<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.total_cmp(&other.at).then(self.number.cmp(&other.number))
    }
}

impl<T> PartialOrd for Plan<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Plan<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Plan<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_first_happens_first_and_ties_keep_their_order() {
        let mut agenda = Agenda::default();
        [(2.0, 'c'), (1.0, 'a'), (1.0, 'b')].into_iter().for_each(|(at, what)| agenda.plan(at, what));
        let happened: String = std::iter::from_fn(|| agenda.next()).map(|(_, what)| what).collect();
        assert_eq!(happened, "abc");
    }
}
