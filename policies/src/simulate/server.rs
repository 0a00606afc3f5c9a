//! The truth about a backend while the world runs: who is being answered, who waits, what is left of its limits.

use std::collections::VecDeque;

use super::balancer::AttemptId;
use super::limiter::Limiter;

/// The truth about one backend.
#[derive(Debug, Default)]
pub(super) struct Server {
    /// How many requests it is answering.
    pub(super) busy: u32,
    /// How many wait in its queue.
    pub(super) waiting: u32,
    pub(super) limiter: Limiter,
    /// Who came for a slot, in order. Some may have left since; they are skipped, and `waiting` does not count them.
    queue: VecDeque<AttemptId>,
}

impl Server {
    /// Whether one more can be answered at once.
    pub(super) fn has_slot(&self, slots: Option<u32>) -> bool {
        slots.is_none_or(|slots| self.busy < slots)
    }

    pub(super) fn enqueue(&mut self, attempt: AttemptId) {
        self.waiting += 1;
        self.queue.push_back(attempt);
    }

    /// Who came first of those in the queue, whether still there or not.
    pub(super) fn next(&mut self) -> Option<AttemptId> {
        self.queue.pop_front()
    }
}
