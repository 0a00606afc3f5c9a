//! What the engine tells of its load: how long one more request would take, and whether there is room for it.
//!
//! Before each step the engine looks ahead: it plays, by the law of its steps and with the expected lengths of answers, what it will do
//! until all prompts that wait now are read. A request that comes then finds so many answers being generated, and shares its steps with
//! them. What comes between two steps is added by its length alone.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use tokio::time::Instant;

use super::scene::Recent;
use super::schedule::{Decoding, Law, Limits};
use crate::load::{Costs, Forecast, Full};

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Requests.
    pub(super) requests: usize,
    /// Tokens of their prompts: once there are as many, no further request is taken.
    pub(super) tokens: usize,
    /// How long a request may have to wait until its prompt is read.
    pub(super) wait: Duration,
}

/// So many requests, and so many tokens of their prompts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Held {
    pub(super) requests: usize,
    pub(super) tokens: f64,
}

impl Held {
    fn and(self, more: Self) -> Self {
        Self { requests: self.requests + more.requests, tokens: self.tokens + more.tokens }
    }
}

/// A sequence that runs, after the step that is being computed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    /// Tokens that the cache holds of it.
    pub(super) length: usize,
    /// Tokens of its prompt yet to be read; 0 while its answer is generated.
    pub(super) unread: usize,
    /// Tokens of its answer yet to be expected.
    pub(super) answer: f64,
}

/// A sequence that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits {
    /// Tokens of its prompt.
    pub(super) prompt: usize,
    /// Tokens of its answer to be expected.
    pub(super) answer: f64,
    /// How many requests it is: 0 for the second and further answers to one.
    pub(super) requests: usize,
}

/// The state of an engine before a step.
#[derive(Debug)]
pub(super) struct Scene {
    /// What the step takes.
    pub(super) step: Duration,
    pub(super) running: Vec<Running>,
    /// In the order in which they will be admitted.
    pub(super) waiting: Vec<Waits>,
    pub(super) limits: Limits,
    /// Tokens that the cache has room for.
    pub(super) capacity: usize,
    /// What waits, but behind any request that comes.
    pub(super) behind: Held,
    pub(super) recent: Recent,
}

/// What is published.
#[derive(Debug, Clone)]
pub(super) struct Outlook {
    /// The step that is being computed: when it began, and how long it should take.
    step: Option<(Instant, Duration)>,
    /// From its end until all that wait have been read.
    wait: Duration,
    /// When, after the step, each of those that wait is admitted; what leaves the queue then.
    leaving: Vec<(Duration, Held)>,
    held: Held,
    /// What came since.
    unseen: Held,
    /// The answers that are being generated when all that wait have been read.
    then: Decoding,
    recent: Recent,
    most_tokens: usize,
    costs: Costs,
}

impl Outlook {
    /// Of an engine that has nothing to do.
    pub(super) fn idle(costs: Costs, limits: Limits, recent: Recent) -> Self {
        Self {
            step: None,
            wait: Duration::ZERO,
            leaving: Vec::new(),
            held: Held::default(),
            unseen: Held::default(),
            then: Decoding::default(),
            recent,
            most_tokens: limits.tokens,
            costs,
        }
    }

    /// Of an engine that begins a step `now`.
    pub(super) fn of(scene: &Scene, costs: Costs, now: Instant) -> Self {
        let mut play = Play::new(scene, Law::of(&costs, now));
        let leaving = play.until_all_are_read(&scene.waiting);
        Self {
            step: Some((now, scene.step)),
            wait: seconds(play.time),
            held: leaving.iter().fold(scene.behind, |sum, (_, left)| sum.and(*left)),
            leaving,
            unseen: Held::default(),
            then: play.decoding(),
            recent: scene.recent,
            most_tokens: scene.limits.tokens,
            costs,
        }
    }

    /// The same, when so much has come since.
    pub(super) fn with(&self, unseen: Held) -> Self {
        Self { unseen, ..self.clone() }
    }

    /// How long a request that comes `now` takes.
    pub(super) fn forecast(&self, prompt: usize, output: usize, now: Instant) -> Forecast {
        let law = Law::of(&self.costs, now);
        let before = self.read(&law, self.unseen.tokens * self.recent.fresh);
        let own = self.read(&law, prompt as f64 * self.recent.fresh);
        // Those before it that nobody has seen yet are answered while it is.
        let rows = self.then.rows + self.unseen.requests as f64;
        let attended = self.then.attended + self.unseen.tokens;
        let midway = prompt as f64 + output as f64 / 2.0;
        let meanwhile = Decoding { rows: rows + 1.0, attended: attended + midway };
        let wait = self.step_left(now).saturating_add(self.wait);
        Forecast {
            first_token: wait.saturating_add(seconds(before + own)),
            per_token: seconds(law.step(meanwhile, self.recent.reading, 0.0)),
        }
    }

    /// How long a request that comes `now` waits until its prompt is read.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let before = self.read(&Law::of(&self.costs, now), self.unseen.tokens * self.recent.fresh);
        self.step_left(now).saturating_add(self.wait).saturating_add(seconds(before))
    }

    /// Whether a request that comes `now` is taken.
    pub(super) fn room(&self, bounds: Bounds, now: Instant) -> Result<(), Full> {
        let waiting = self.held.and(self.unseen);
        let wait = self.wait(now);
        if waiting.requests == 0 {
            return Ok(());
        }
        let queue = is_full(waiting, bounds).then(|| self.until_shorter(waiting, bounds, now));
        let time = wait.checked_sub(bounds.wait).filter(|over| !over.is_zero());
        queue.max(time).map_or(Ok(()), |retry_after| Err(Full { retry_after }))
    }

    /// How long until there is room in the queue.
    fn until_shorter(&self, mut waiting: Held, bounds: Bounds, now: Instant) -> Duration {
        for (after, left) in &self.leaving {
            waiting.requests = waiting.requests.saturating_sub(left.requests);
            waiting.tokens -= left.tokens;
            if !is_full(waiting, bounds) {
                return self.step_left(now).saturating_add(*after);
            }
        }
        self.wait(now)
    }

    /// Seconds that it takes to read a prompt of so many tokens when all others are read.
    fn read(&self, law: &Law, tokens: f64) -> f64 {
        if tokens <= 0.0 {
            return 0.0;
        }
        let chunk = law.allowance(self.then).spend((tokens / 2.0) as usize, self.most_tokens, self.most_tokens);
        let steps = (tokens / chunk.max(1) as f64).ceil();
        let others = Decoding { rows: self.then.rows * steps, attended: self.then.attended * steps };
        law.step(others, tokens, tokens * tokens / 2.0) + (steps - 1.0) * law.step(Decoding::default(), 0.0, 0.0)
    }

    /// What is left of the step. One that is overdue is expected to last as long again as it is late: the longer it has hung, the
    /// less there is to be said for its ending just now.
    fn step_left(&self, now: Instant) -> Duration {
        self.step.map_or(Duration::ZERO, |(began, expected)| now.saturating_duration_since(began).abs_diff(expected))
    }
}

/// A single request is taken, however long it is.
fn is_full(waiting: Held, bounds: Bounds) -> bool {
    waiting.requests > 0 && (waiting.requests >= bounds.requests || waiting.tokens >= bounds.tokens as f64)
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// The engine as it is expected to go on, step by step.
struct Play {
    law: Law,
    limits: Limits,
    capacity: f64,
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
    fn new(scene: &Scene, law: Law) -> Self {
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

    /// Plays until every prompt is read. Says when each is admitted.
    fn until_all_are_read(&mut self, waiting: &[Waits]) -> Vec<(Duration, Held)> {
        let mut left = Vec::with_capacity(waiting.len());
        let mut waiting = waiting.iter().peekable();
        while waiting.peek().is_some() || !self.reading.is_empty() {
            let mut allowance = self.law.allowance(self.decoding());
            let mut budget = self.limits.tokens.saturating_sub(self.ends.len()).max(1);
            let mut read = (0.0, 0.0);
            let mut place = 0;
            while budget > 0 {
                if place == self.reading.len() {
                    let Some(next) = waiting.next_if(|next| self.has_room(next.prompt)) else { break };
                    self.reading.push((0, next.prompt, next.answer));
                    left.push((seconds(self.time), Held { requests: next.requests, tokens: next.prompt as f64 }));
                }
                let Some((position, unread, _)) = self.reading.get_mut(place) else { break };
                let tokens = allowance.spend(*position, *unread, budget);
                if tokens == 0 {
                    break;
                }
                read = (read.0 + tokens as f64, read.1 + tokens as f64 * (*position as f64 + tokens as f64 / 2.0));
                (*position, *unread) = (*position + tokens, *unread - tokens);
                budget -= tokens;
                place += 1;
            }
            self.time += self.law.step(self.decoding(), read.0, read.1);
            self.step();
        }
        // Who comes next needs a place as well.
        while !self.has_room(1) {
            self.time += self.law.step(self.decoding(), 0.0, 0.0);
            self.step();
        }
        left
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
    fn decoding(&self) -> Decoding {
        let rows = self.ends.len() as f64;
        Decoding { rows, attended: (self.lengths as f64 + rows * self.steps as f64).max(0.0) }
    }

    fn has_room(&self, prompt: usize) -> bool {
        let rows = self.ends.len() + self.reading.len();
        let held =
            self.decoding().attended + self.reading.iter().map(|(length, unread, _)| (length + unread) as f64).sum::<f64>();
        rows == 0 || rows < self.limits.rows && held + prompt as f64 <= self.capacity
    }
}
