//! How far the engine has come with a sequence, and what that leaves to do.

use super::worker::ChatJob;
use crate::load::{Estimates, Work};
use crate::queue::{Meter, Plan};

/// What is ahead of a sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ahead {
    /// Tokens that the cache holds.
    pub(super) position: usize,
    /// Tokens of the prompt yet to be read.
    pub(super) prompt: usize,
    /// The most tokens yet to be generated.
    pub(super) answer: usize,
    /// Tokens of the prompt that one step reads.
    pub(super) chunk: usize,
}

impl Ahead {
    /// All of it. The last step of the prompt gives the first token of the answer, and each step of the answer the next.
    pub(super) fn work(&self, estimates: &Estimates) -> Work {
        let steps = estimates.answer.expected(self.answer.saturating_sub(1));
        Work::prefill(self.position, self.prompt, self.chunk) + Work::decode(self.position + self.prompt, steps)
    }

    /// The next step.
    fn step(&self) -> Work {
        match self.prompt.min(self.chunk) {
            0 => Work::decode(self.position, 1.0),
            read => Work::prefill(self.position, read, self.chunk),
        }
    }

    /// What is ahead after that.
    fn after_step(&self) -> Self {
        match self.prompt.min(self.chunk) {
            0 => Self { position: self.position + 1, answer: self.answer.saturating_sub(1), ..*self },
            read => Self { position: self.position + read, prompt: self.prompt - read, ..*self },
        }
    }

    fn plan(&self, estimates: &Estimates) -> Plan {
        Plan { step: self.step(), rest: self.after_step().work(estimates) }
    }
}

/// Tells the queue's meter how far a sequence has come.
#[derive(Debug)]
pub(super) struct Progress<'m> {
    ahead: Ahead,
    meter: &'m Meter<'m, ChatJob>,
}

impl<'m> Progress<'m> {
    /// Now it is known what is ahead.
    pub(super) fn begin(ahead: Ahead, meter: &'m Meter<'_, ChatJob>) -> Self {
        meter.begin(|estimates| ahead.plan(estimates));
        Self { ahead, meter }
    }

    /// The next step is done.
    pub(super) fn step(&mut self) {
        self.ahead = self.ahead.after_step();
        self.meter.advance(|estimates| self.ahead.plan(estimates));
    }
}
