//! How the engine stands before a step, as its [outlook](super::outlook) wants it told.

use std::time::Duration;

use super::Priority;
use super::answer::Answer;
use super::familiar::Familiar;
use super::outlook::{Held, Running, Scene, Waits};
use super::schedule::{Schedule, Sequence, Share};
use crate::load::Estimates;

/// What is left of earlier observations after each new one: some ten count.
const KEPT: f64 = 0.9;

/// What prompts were like, of late.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Recent {
    /// Tokens of prompts that a step reads beside generating.
    pub(super) reading: f64,
    /// What was found of them in the cache.
    pub(super) familiar: Familiar,
}

impl Recent {
    /// Learns from a step.
    pub(super) fn learn(&mut self, schedule: &Schedule<Answer>, shares: &[Share]) {
        let is_answer = |share: &&Share| schedule.running().get(share.place).is_some_and(Sequence::is_generated);
        if shares.iter().any(|share| is_answer(&share)) {
            let read: usize = shares.iter().filter(|share| !is_answer(share)).map(|share| share.tokens).sum();
            self.reading = KEPT * self.reading + (1.0 - KEPT) * read as f64;
        }
    }

    /// What there will be after the step that computes these shares, which should take so long.
    pub(super) fn scene(&self, schedule: &Schedule<Answer>, shares: &[Share], step: Duration, estimates: &Estimates) -> Scene {
        let answer =
            |sequence: &Sequence<Answer>, made: usize| estimates.answer.expected(sequence.answer.left().saturating_sub(made));
        let share = |place: usize| shares.iter().find(|share| share.place == place).map_or(0, |share| share.tokens);
        let running = |(place, sequence): (usize, &Sequence<Answer>)| Running {
            length: sequence.cached.computed() + share(place),
            unread: sequence.cached.left().saturating_sub(share(place)),
            answer: answer(sequence, 1),
        };
        // Those that are held take no steps, but their blocks.
        let all = || schedule.running().iter().enumerate();
        let held: usize = all().filter(|(_, sequence)| sequence.is_held).map(|(_, held)| held.cached.blocks().len()).sum();
        let unread = |sequence: &Sequence<Answer>| self.familiar.unread(1, sequence.cached.left() as f64).ceil() as usize;
        let waits = |sequence: &&Sequence<Answer>| Waits {
            prompt: unread(sequence),
            answer: answer(sequence, 0),
            requests: usize::from(is_new(sequence)),
        };
        let batch = schedule.waiting().of(Priority::Batch);
        let layout = schedule.pool().layout();
        Scene {
            step,
            running: all().filter(|(_, sequence)| !sequence.is_held).map(running).collect(),
            waiting: schedule.waiting().of(Priority::Interactive).iter().map(waits).collect(),
            behind: Held {
                requests: batch.iter().filter(|sequence| is_new(sequence)).count(),
                tokens: batch.iter().map(|sequence| unread(sequence) as f64).sum(),
            },
            limits: schedule.limits(),
            capacity: layout.blocks.saturating_sub(held) * layout.block_size,
            cache: schedule.cache_use(),
            recent: *self,
        }
    }
}

/// Whether it stands for a request of which nothing is computed yet.
const fn is_new(sequence: &Sequence<Answer>) -> bool {
    sequence.answer.choice == 0 && sequence.answer.generated() == 0
}
