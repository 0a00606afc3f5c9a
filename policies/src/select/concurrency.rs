//! How many requests a self-hosted backend can take at once, found out from how its first tokens slow down.

/// Where the search begins.
const START: f64 = 20.0;
/// It never allows fewer.
const LEAST: f64 = 4.0;
/// It never allows more: beyond it, the limit is somewhere else.
const MOST: f64 = 4096.0;
/// How much slower than on an idle backend a first token may be before the limit shrinks. Batching servers slow down by a half
/// before they are full.
const TOLERANCE: f64 = 2.0;
/// By how many requests the limit grows when nothing is slow.
const GROWTH: f64 = 4.0;
/// How much one measurement counts.
const WEIGHT: f64 = 0.2;
/// How much a sample counts in the slowness of just now.
const RECENT: f64 = 0.1;
/// Below this share of use the limit is not tested, and does not grow.
const USED: f64 = 0.5;

/// What an operator may say of a backend's concurrency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Concurrency {
    /// As many as come.
    #[default]
    Unlimited,
    /// So many.
    Fixed(u32),
    /// As many as its first tokens bear: a gradient rule like that of Netflix's `concurrency-limits`, but against what the prompt would take on
    /// an idle backend, so that neither long prompts are taken for overload nor lasting overload for what is usual.
    Adaptive,
}

/// A limit on the requests under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    kind: Concurrency,
    allowed: f64,
    /// First tokens against what an idle backend would take.
    recent: f64,
}

impl Limit {
    pub(super) fn new(kind: Concurrency) -> Self {
        let allowed = if let Concurrency::Fixed(limit) = kind { f64::from(limit) } else { START };
        Self { kind, allowed, recent: 1.0 }
    }

    /// Whether one more request would be too many.
    pub(super) fn is_reached(&self, in_flight: usize) -> bool {
        self.kind != Concurrency::Unlimited && in_flight as f64 >= self.allowed
    }

    /// How many requests may be under way, if that is limited.
    pub(super) fn allowed(&self) -> Option<f64> {
        (self.kind != Concurrency::Unlimited).then_some(self.allowed)
    }

    /// A first token came after `slowness` times what it takes on an idle backend, with so many requests under way.
    pub(super) fn observe(&mut self, slowness: f64, in_flight: usize) {
        if self.kind != Concurrency::Adaptive {
            return;
        }
        self.recent += RECENT * (slowness - self.recent);
        let gradient = (TOLERANCE / self.recent).clamp(0.5, 1.0);
        let is_used = in_flight as f64 >= USED * self.allowed;
        if gradient < 1.0 || is_used {
            let next = self.allowed * gradient + GROWTH;
            self.allowed = ((1.0 - WEIGHT) * self.allowed + WEIGHT * next).clamp(LEAST, MOST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server with so many slots: beyond them, first tokens wait.
    fn settled(slots: f64) -> f64 {
        let mut limit = Limit::new(Concurrency::Adaptive);
        for _ in 0..5_000 {
            let load = limit.allowed.floor();
            let slowness = if load <= slots { 1.0 } else { 1.0 + 4.0 * (load - slots) / slots };
            limit.observe(slowness, load as usize);
        }
        limit.allowed
    }

    #[test]
    fn finds_about_as_many_as_there_are_slots() {
        for slots in [8.0, 64.0, 500.0] {
            let allowed = settled(slots);
            assert!((0.7 * slots..2.0 * slots + 8.0).contains(&allowed), "{allowed} for {slots} slots");
        }
    }

    #[test]
    fn does_not_grow_without_being_used() {
        let mut limit = Limit::new(Concurrency::Adaptive);
        (0..1_000).for_each(|_| limit.observe(1.0, 1));
        assert_eq!(limit.allowed, START);
    }

    #[test]
    fn a_fixed_limit_stays() {
        let mut limit = Limit::new(Concurrency::Fixed(3));
        (0..1_000).for_each(|_| limit.observe(10.0, 3));
        assert!(limit.is_reached(3) && !limit.is_reached(2));
        assert!(!Limit::new(Concurrency::Unlimited).is_reached(1_000_000));
    }
}
