//! The requests that wait for their first token, and what their waiting says.

use super::monotonic::Monotonic;

/// So many of the oldest are asked: more tell the same story.
const ASKED: usize = 6;
/// How much one that is overdue moves the level.
const WEIGHT: f64 = 0.30;
/// None says more than this, in the logarithm.
const FARTHEST: f64 = 2.5;
/// Waits are not told apart below this, in seconds.
const SHORTEST: f64 = 1e-3;

/// The requests of one backend that wait for their first token, oldest first.
///
/// A backend that has stopped answering sends no news of it: that a request waits longer than was predicted is all there is to know. It
/// is used when read and not learnt, because the answer, when it comes, will be learnt.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    /// In the order of their ids.
    requests: Vec<Waiter>,
    next: u64,
    /// When the latest of those that were answered was sent.
    answered: f64,
}

/// In seconds since the epoch: several are looked at in every decision, and differences of floats are cheap.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    id: u64,
    sent: f64,
    predicted: f64,
}

impl Waiting {
    /// One more, which is predicted to wait so many seconds.
    pub(super) fn start(&mut self, now: Monotonic, predicted: f64) -> u64 {
        let id = self.next;
        self.next += 1;
        self.requests.push(Waiter { id, sent: seconds(now), predicted });
        id
    }

    /// One less; whether it was still waiting.
    pub(super) fn end(&mut self, id: u64) -> bool {
        let place = self.requests.binary_search_by_key(&id, |waiter| waiter.id);
        place.map(|place| self.requests.remove(place)).is_ok()
    }

    /// One that was sent at that moment has been answered.
    pub(super) fn answered(&mut self, sent: Monotonic) {
        self.answered = self.answered.max(seconds(sent));
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// The level, of which `factor` is the exponential, raised by those that have waited longer than it explains.
    ///
    /// One that was overtaken says nothing: a request sent after it has been answered, so it is stalled by itself, and the backend is
    /// not slow.
    pub(super) fn raised(&self, now: Monotonic, level: f64, factor: f64) -> f64 {
        let now = seconds(now);
        self.not_overtaken().take(ASKED).fold(level, |level, waiter| {
            let waited = now - waiter.sent;
            // The logarithm is dear, and most have not waited longer than predicted.
            if waited <= factor * waiter.predicted {
                return level;
            }
            let surprise = (waited.max(SHORTEST) / waiter.predicted).ln();
            if surprise > level { level + WEIGHT * (surprise.min(FARTHEST) - level) } else { level }
        })
    }

    /// Whether the oldest that was not overtaken has waited longer than so many times the prediction.
    pub(super) fn is_overdue(&self, now: Monotonic, times: f64) -> bool {
        self.not_overtaken().next().is_some_and(|waiter| seconds(now) - waiter.sent > times * waiter.predicted)
    }

    fn not_overtaken(&self) -> impl Iterator<Item = &Waiter> {
        self.requests.iter().filter(|waiter| waiter.sent >= self.answered)
    }
}

fn seconds(moment: Monotonic) -> f64 {
    moment.elapsed_since_epoch().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: f64) -> Monotonic {
        Monotonic::since_epoch(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn those_that_are_overdue_raise_the_level() {
        let mut waiting = Waiting::default();
        let first = waiting.start(at(0.0), 1.0);
        waiting.start(at(0.0), 1.0);
        assert_eq!(waiting.raised(at(0.9), 0.0, 1.0), 0.0);
        let raised = waiting.raised(at(5.0), 0.0, 1.0);
        assert!(raised > 0.5, "{raised}");
        assert!(waiting.end(first) && !waiting.end(first));
        assert!(waiting.raised(at(5.0), 0.0, 1.0) < raised);
    }

    #[test]
    fn one_that_was_overtaken_is_stalled_by_itself() {
        let mut waiting = Waiting::default();
        waiting.start(at(0.0), 1.0);
        let later = waiting.start(at(1.0), 1.0);
        waiting.end(later);
        waiting.answered(at(1.0));
        assert_eq!(waiting.raised(at(30.0), 0.0, 1.0), 0.0);
        assert!(!waiting.is_overdue(at(30.0), 1.0));
    }
}
