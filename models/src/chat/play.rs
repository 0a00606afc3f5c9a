//! The engine as it is expected to go on: what is played before each step, so that its [outlook](super::outlook) can be told.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::slice;
use std::time::Duration;

use super::outlook::{Held, Scene, Waits, seconds};
use super::schedule::{Decoding, Law, Limits, first_share, overtakes};

/// The engine as it is expected to go on, step by step.
#[derive(Debug)]
pub(super) struct Play {
    law: Law,
    limits: Limits,
    capacity: f64,
    /// Seconds since the step that is being computed.
    time: f64,
    steps: u64,
    /// The prompts that are being read: tokens read, tokens unread, tokens of the answer.
    reading: Vec<(usize, usize, f64)>,
    /// The answers that are being generated: the step in which each ends, and what its length would have been at step 0.
    ends: BinaryHeap<Reverse<(u64, i64)>>,
    /// The sum of these lengths.
    lengths: i64,
}

impl Play {
    pub(super) fn new(scene: &Scene, law: Law) -> Self {
        let (limits, capacity) = (scene.limits, scene.capacity as f64);
        let mut play =
            Self { law, limits, capacity, time: 0.0, steps: 0, reading: Vec::new(), ends: BinaryHeap::new(), lengths: 0 };
        for row in &scene.running {
            match row.unread {
                0 => play.answer(row.length, row.answer),
                unread => play.reading.push((row.length, unread, row.answer)),
            }
        }
        play
    }

    /// Plays until every prompt is read. Says when each of those that wait is admitted.
    pub(super) fn until_all_are_read(&mut self, waiting: &[Waits]) -> Vec<(Duration, Held)> {
        let mut admitted = Vec::with_capacity(waiting.len());
        let mut waiting = waiting.iter().peekable();
        while waiting.peek().is_some() || !self.reading.is_empty() {
            let (read, attended) = self.read(&mut waiting, &mut admitted);
            self.pass(read, attended);
        }
        // Who comes next needs a place as well.
        while !self.has_room(1) {
            self.pass(0.0, 0.0);
        }
        admitted
    }

    /// How much is read and how much unread of the only prompt that is begun, if nothing else waits and there is room beside it.
    pub(super) fn overtakable(&self, waiting: &[Waits]) -> Option<(usize, usize)> {
        match self.reading[..] {
            [(read, unread, _)] if waiting.is_empty() && self.has_room(unread) => Some((read, unread)),
            _ => None,
        }
    }

    /// Reads what a step reads of prompts: how many tokens, and how many they attend to.
    fn read(&mut self, waiting: &mut Peekable<slice::Iter<'_, Waits>>, admitted: &mut Vec<(Duration, Held)>) -> (f64, f64) {
        if let [(_, unread, _)] = self.reading[..] {
            self.admit(waiting, unread, admitted);
            self.reading.sort_by_key(|(_, unread, _)| *unread);
        }
        let mut allowance = self.law.allowance(self.decoding());
        let mut budget = self.limits.tokens.saturating_sub(self.ends.len()).max(1);
        let is_shared = self.reading.len() > 1;
        let (mut read, mut attended) = (0.0, 0.0);
        for place in 0.. {
            if place == self.reading.len() && !self.admit(waiting, usize::MAX, admitted) {
                break;
            }
            let Some((position, unread, _)) = self.reading.get_mut(place) else { break };
            let tokens = if is_shared && place == 0 {
                allowance.spend_half(*position, *unread, first_share(budget))
            } else {
                allowance.spend(*position, *unread, budget)
            };
            if tokens == 0 {
                break;
            }
            read += tokens as f64;
            attended += tokens as f64 * (*position as f64 + tokens as f64 / 2.0);
            (*position, *unread) = (*position + tokens, *unread - tokens);
            budget -= tokens;
            if budget == 0 {
                break;
            }
        }
        (read, attended)
    }

    /// Begins the next prompt that waits, if there is room and it overtakes one of which so much is unread.
    fn admit(
        &mut self,
        waiting: &mut Peekable<slice::Iter<'_, Waits>>,
        unread: usize,
        admitted: &mut Vec<(Duration, Held)>,
    ) -> bool {
        let Some(next) = waiting.next_if(|next| overtakes(next.prompt, unread) && self.has_room(next.prompt)) else {
            return false;
        };
        self.reading.push((0, next.prompt, next.answer));
        admitted.push((seconds(self.time), Held { requests: next.requests, tokens: next.prompt as f64 }));
        true
    }

    /// One step more, in which so many tokens of prompts are read.
    fn pass(&mut self, read: f64, attended: f64) {
        self.time += self.law.step(self.decoding(), read, attended);
        self.step();
    }

    /// One step more: answers end, and those begin whose prompts are read.
    fn step(&mut self) {
        self.steps += 1;
        while let Some(Reverse((_, length))) = self.ends.peek().copied().filter(|Reverse((end, _))| *end <= self.steps) {
            self.ends.pop();
            self.lengths -= length;
        }
        let read: Vec<_> = self.reading.extract_if(.., |(_, unread, _)| *unread == 0).collect();
        for (length, _, answer) in read {
            self.answer(length, answer);
        }
    }

    /// From here on an answer is generated. Its first token came with the last of the prompt.
    fn answer(&mut self, length: usize, tokens: f64) {
        let length = length as i64 - self.steps as i64;
        self.ends.push(Reverse((self.steps + tokens.round() as u64, length)));
        self.lengths += length;
    }

    /// The answers that are being generated.
    pub(super) fn decoding(&self) -> Decoding {
        let rows = self.ends.len() as f64;
        Decoding { rows, attended: (self.lengths as f64 + rows * self.steps as f64).max(0.0) }
    }

    /// How long all that took.
    pub(super) fn time(&self) -> Duration {
        seconds(self.time)
    }

    /// Whether a prompt of so many tokens can be admitted.
    fn has_room(&self, prompt: usize) -> bool {
        let rows = self.ends.len() + self.reading.len();
        let held =
            self.decoding().attended + self.reading.iter().map(|(length, unread, _)| (length + unread) as f64).sum::<f64>();
        rows == 0 || rows < self.limits.rows && held + prompt as f64 <= self.capacity
    }
}
