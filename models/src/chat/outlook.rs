//! What the engine tells of its load: how long one more request would take, and whether there is room for it.
//!
//! Before each step the engine looks ahead: it plays, by the law of its steps and with the expected lengths of answers, what it will do
//! until all prompts that wait now are read. A request that comes then finds so many answers being generated, and shares its steps with
//! them. What comes between two steps is added by its length alone.

use std::time::Duration;

use tokio::time::Instant;

use super::play::Play;
use super::scene::Recent;
use super::schedule::{Decoding, Law, Limits, first_share, overtakes};
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

/// The cache for keys and values, as it was before the step that is being computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheUse {
    /// All blocks.
    pub blocks: usize,
    /// Those that no request holds. What they hold of earlier prompts can still be found.
    pub free: usize,
    /// How many steps have been planned so far.
    pub steps: u64,
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
    pub(super) cache: CacheUse,
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
    /// The answers that are being generated after the step.
    next: Decoding,
    /// What is read then, and what is unread, of a prompt that a shorter one would overtake.
    overtakable: Option<(usize, usize)>,
    /// The answers that are being generated when all that wait have been read.
    then: Decoding,
    recent: Recent,
    cache: CacheUse,
    most_tokens: usize,
    costs: Costs,
}

impl Outlook {
    /// Of an engine that has nothing to do.
    pub(super) fn idle(costs: Costs, limits: Limits, recent: Recent, cache: CacheUse) -> Self {
        Self {
            step: None,
            wait: Duration::ZERO,
            leaving: Vec::new(),
            held: Held::default(),
            unseen: Held::default(),
            next: Decoding::default(),
            overtakable: None,
            then: Decoding::default(),
            recent,
            cache,
            most_tokens: limits.tokens,
            costs,
        }
    }

    /// Of an engine that begins a step `now`.
    pub(super) fn of(scene: &Scene, costs: Costs, now: Instant) -> Self {
        let mut play = Play::new(scene, Law::of(&costs, now));
        let (next, overtakable) = (play.decoding(), play.overtakable(&scene.waiting));
        let leaving = play.until_all_are_read(&scene.waiting);
        Self {
            step: Some((now, scene.step)),
            wait: play.time(),
            held: leaving.iter().fold(scene.behind, |sum, (_, left)| sum.and(*left)),
            leaving,
            unseen: Held::default(),
            next,
            overtakable,
            then: play.decoding(),
            recent: scene.recent,
            cache: scene.cache,
            most_tokens: scene.limits.tokens,
            costs,
        }
    }

    /// The same, when so much has come since.
    pub(super) fn with(&self, unseen: Held) -> Self {
        Self { unseen, ..self.clone() }
    }

    /// What is held of the cache.
    pub(super) const fn cache(&self) -> CacheUse {
        self.cache
    }

    /// How long a request that comes `now` takes.
    pub(super) fn forecast(&self, prompt: usize, output: usize, now: Instant) -> Forecast {
        let law = Law::of(&self.costs, now);
        let unread = self.recent.familiar.unread(1, prompt as f64);
        let first_token = match self.overtakable {
            Some(other) if self.unseen.requests == 0 && overtakes(unread as usize, other.1) => {
                self.step_left(now).saturating_add(seconds(self.overtake(&law, unread as usize, other)))
            }
            _ => self.wait(now).saturating_add(seconds(self.read(&law, unread))),
        };
        // Those before it that nobody has seen yet are answered while it is.
        let midway = prompt as f64 + output as f64 / 2.0;
        let meanwhile = Decoding {
            rows: self.then.rows + self.unseen.requests as f64 + 1.0,
            attended: self.then.attended + self.unseen.tokens + midway,
        };
        Forecast { first_token, per_token: seconds(law.step(meanwhile, self.recent.reading, 0.0)) }
    }

    /// How long a request that comes `now` waits until its prompt is read.
    pub(super) fn wait(&self, now: Instant) -> Duration {
        let law = Law::of(&self.costs, now);
        let before = self.read(&law, self.recent.familiar.unread(self.unseen.requests, self.unseen.tokens));
        self.step_left(now).saturating_add(self.wait).saturating_add(seconds(before))
    }

    /// Whether a request that comes `now` is taken.
    pub(super) fn room(&self, bounds: Bounds, now: Instant) -> Result<(), Full> {
        let waiting = self.held.and(self.unseen);
        let queue = is_full(waiting, bounds).then(|| self.until_shorter(waiting, bounds, now));
        let time = self.wait(now).checked_sub(bounds.wait).filter(|over| !over.is_zero());
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
        let most = self.most_tokens;
        let chunk = law.allowance(self.then).spend((tokens / 2.0) as usize, most, most);
        let steps = (tokens / chunk.max(1) as f64).ceil();
        let others = Decoding { rows: self.then.rows * steps, attended: self.then.attended * steps };
        law.step(others, tokens, tokens * tokens / 2.0) + (steps - 1.0) * law.step(Decoding::default(), 0.0, 0.0)
    }

    /// Seconds that it takes to read one beside another, of which so much is read and so much unread.
    fn overtake(&self, law: &Law, tokens: usize, (position, unread): (usize, usize)) -> f64 {
        let mut allowance = law.allowance(self.next);
        let own = allowance.spend_half(tokens / 2, tokens, first_share(self.most_tokens)).max(1);
        let other = allowance.spend(position, unread, self.most_tokens.saturating_sub(own));
        let attended = own as f64 * tokens as f64 / 2.0 + other as f64 * position as f64;
        tokens.div_ceil(own) as f64 * law.step(self.next, (own + other) as f64, attended)
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

pub(super) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}
