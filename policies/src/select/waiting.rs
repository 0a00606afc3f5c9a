//! The requests that wait for their first token, and what their waiting says.

use super::monotonic::Monotonic;

/// So many of the oldest are asked: more tell the same story.
const ASKED: usize = 6;
/// How far so many that are overdue move the level towards what they say: each by three tenths of what is left of the way.
const WEIGHTS: [f64; ASKED + 1] = [0.0, 0.3, 0.51, 0.657, 0.7599, 0.831_93, 0.882_351];
/// None counts as having waited for more than so many times its prediction.
const FARTHEST: f64 = 12.0;
/// No wait counts as predicted to be shorter, in seconds.
const SHORTEST: f64 = 1e-3;

/// The requests of one backend that wait for their first token, oldest first.
///
/// A backend that has stopped answering sends no news of it: that a request waits longer than was predicted is all there is to know. It
/// is used when read and not learnt, because the answer, when it comes, will be learnt.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    /// In the order of their ids, and of their sending.
    requests: Vec<Waiter>,
    next: u64,
    /// When the latest of those that were answered was sent.
    answered: f64,
    /// How many, the first ones, were sent before it.
    overtaken: usize,
    /// The greatest rate among those that are asked.
    fastest: f64,
}

/// In seconds since the epoch: several are looked at in every decision, and differences of floats are cheap.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    id: u64,
    sent: f64,
    /// One over the seconds that were predicted.
    rate: f64,
}

impl Waiter {
    /// How long it has waited, as a multiple of its prediction.
    fn waited(&self, now: f64) -> f64 {
        (now - self.sent) * self.rate
    }
}

impl Waiting {
    /// One more, which is predicted to wait so many seconds.
    pub(super) fn start(&mut self, now: Monotonic, predicted: f64) -> u64 {
        let id = self.next;
        self.next += 1;
        // Two threads may report out of order, by the blink of an eye.
        let sent = self.requests.last().map_or(now.seconds(), |last| last.sent.max(now.seconds()));
        self.requests.push(Waiter { id, sent, rate: 1.0 / predicted.max(SHORTEST) });
        self.note_the_asked();
        id
    }

    /// One less; whether it was still waiting.
    pub(super) fn end(&mut self, id: u64) -> bool {
        let place = self.requests.binary_search_by_key(&id, |waiter| waiter.id);
        let was_waiting = place.map(|place| self.requests.remove(place)).is_ok();
        self.note_the_asked();
        was_waiting
    }

    /// One that was sent at that moment has been answered.
    pub(super) fn answered(&mut self, sent: Monotonic) {
        self.answered = self.answered.max(sent.seconds());
        self.note_the_asked();
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
        let now = now.seconds();
        // Nobody has waited longer than the first; mostly that settles it.
        if self.not_overtaken().first().is_none_or(|first| (now - first.sent) * self.fastest <= factor) {
            return level;
        }
        let (mut overdue, mut product) = (0, 1.0);
        for waiter in self.not_overtaken().iter().take(ASKED) {
            let waited = waiter.waited(now);
            if waited > factor {
                overdue += 1;
                product *= waited.min(FARTHEST);
            }
        }
        let Some(weight) = WEIGHTS.get(overdue).filter(|_| overdue > 0) else { return level };
        // One logarithm for all of them: it is dear, and that of their product is the sum of theirs.
        let surprise = product.ln() / overdue as f64;
        level + weight * (surprise - level).max(0.0)
    }

    /// Whether the oldest that was not overtaken has waited longer than so many times the prediction.
    pub(super) fn is_overdue(&self, now: Monotonic, times: f64) -> bool {
        self.not_overtaken().first().is_some_and(|waiter| waiter.waited(now.seconds()) > times)
    }

    fn not_overtaken(&self) -> &[Waiter] {
        self.requests.get(self.overtaken..).unwrap_or_default()
    }

    fn note_the_asked(&mut self) {
        self.overtaken = self.requests.partition_point(|waiter| waiter.sent < self.answered);
        self.fastest = self.not_overtaken().iter().take(ASKED).map(|waiter| waiter.rate).fold(0.0, f64::max);
    }
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
