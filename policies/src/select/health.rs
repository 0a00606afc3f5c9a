//! What is known about one target, from what became of the attempts on it.

use std::time::Duration;

use rand::Rng;

use super::breaker::{Breaker, Cause};
use super::concurrency::Limit;
use super::cooldown::Cooldown;
use super::failures::Failures;
use super::level::{Level, fade};
use super::monotonic::Monotonic;
use super::outlook::{Ask, FirstToken, Forecast, Outlook, Removed};
use super::pacer::{Pacer, Remaining};
use super::regression::Regression;
use super::sharers::Sharers;
use super::waiting::Waiting;
use crate::spec::Concurrency;

/// Prompt tokens per unit of the prompt's feature.
const PROMPT_UNIT: f64 = 1000.0;
/// The spread of single answers before anything is known: a deviation of a half for first tokens, of a third for the pace.
const FIRST_TOKEN_VARIANCE: f64 = 0.25;
const PACE_VARIANCE: f64 = 0.1;
/// The most of the spread that counts in a mean: the tail of a backend in chaos is no forecast.
const MOST_FIRST_TOKEN_VARIANCE: f64 = 1.0;
const MOST_PACE_VARIANCE: f64 = 0.5;
/// So many answers teach the law itself; only after them are there deviations from it.
const SETTLED: u32 = 3;
/// A first token so much later than its law (e times) makes the pace suspect too, before there is news of it; by half as much.
const ALARM: f64 = 1.0;
const LEAK: f64 = 0.5;
/// The share of an answer's pieces that a stream under way still has before it, on average.
const REMAINING: f64 = 0.5;
/// A target that has been silent for so long takes few requests until it is heard of.
const STALE: Duration = Duration::from_secs(15);
/// How many: one that was never heard of, and one that was.
const UNKNOWN_ROOM: usize = 1;
const STALE_ROOM: usize = 2;
/// A wait of so many times the prediction makes a target look stuck.
const STUCK: f64 = 3.0;
/// How much wider the spread of what is recalled from before a restart.
const DOUBT: f64 = 4.0;

/// What to expect of a target before anything is known about it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    /// Seconds to the first token of a short prompt.
    pub first_token: f64,
    /// Seconds more for each thousand tokens of the prompt.
    pub per_thousand_prompt: f64,
    /// Seconds from one token to the next.
    pub per_token: f64,
}

impl Default for Prior {
    /// A middling cloud model.
    fn default() -> Self {
        Self { first_token: 0.5, per_thousand_prompt: 0.1, per_token: 0.02 }
    }
}

/// What is known about one target. Small; every operation takes constant time (or that of the few requests that wait for a first token), so a
/// short-lived lock around it is enough to share it. Looking allocates nothing.
#[derive(Clone, Debug)]
pub struct Health {
    first_token: Regression<3>,
    first_token_level: Level,
    pace: Regression<2>,
    pace_level: Level,
    failures: Failures,
    cooldown: Cooldown,
    pacer: Pacer,
    breaker: Breaker,
    limit: Limit,
    waiting: Waiting,
    in_flight: usize,
    sharers: Sharers,
    /// When the last first token came.
    heard: Option<Monotonic>,
}

/// An attempt under way. Give it back to [`Health::end`]: until then it counts as in flight.
#[derive(Debug)]
#[must_use = "an attempt counts as in flight until it is given back to `Health::end`"]
pub struct Started {
    id: u64,
    sent: Monotonic,
    prompt: f64,
    /// All of its tokens, as rate limits count them.
    tokens: f64,
    in_flight: f64,
    /// Of the law alone, without the level of the moment.
    predicted: Forecast,
    /// Whether the target forecast it itself.
    is_told: bool,
    is_answered: bool,
}

impl Started {
    /// When it was sent.
    pub const fn sent(&self) -> Monotonic {
        self.sent
    }
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered. Of a stream, the first token was reported before.
    Success {
        /// How many tokens a whole answer had, or zero for an operation without any.
        output_tokens: u64,
    },
    /// It was refused for a rate limit.
    RateLimited {
        /// How long to stay away, if the answer said.
        retry_after: Option<Duration>,
    },
    /// It failed through no fault of the request: connection, timeout, 5xx, a stream cut short.
    Failure {
        /// How long to stay away, if the answer said.
        retry_after: Option<Duration>,
    },
    /// It was refused because the target does not know the credential or the model: a change of the configuration may mend that.
    Misconfigured,
    /// It was answered with a complaint about the request (400, 413, 422, a content filter): the target is well.
    ClientFault,
    /// Nobody waits for it any more: the client left, or another attempt was quicker.
    Cancelled,
}

/// What was learnt of a target's speed, to be kept over a restart.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Learnt {
    /// Seconds to the first token: of an idle target, for each thousand tokens of the prompt, for each request under way.
    pub first_token: [f64; 3],
    /// Seconds per token: of an idle target, for each request under way.
    pub per_token: [f64; 2],
    /// Variance of the logarithm of single first tokens, and of single paces.
    pub variance: [f64; 2],
}

impl Learnt {
    /// Whether it can be true of anything; what is not is never recalled.
    pub fn is_sane(&self) -> bool {
        let is_sane = |seconds: &f64| seconds.is_finite() && (0.0..3600.0).contains(seconds);
        self.first_token.iter().chain(&self.per_token).chain(&self.variance).all(is_sane)
    }
}

impl Default for Health {
    fn default() -> Self {
        Self::new(Prior::default(), Concurrency::Unlimited)
    }
}

impl Health {
    /// Nothing known yet.
    pub fn new(prior: Prior, concurrency: Concurrency) -> Self {
        // Convictions are those of the default prior, as shares of it: a prior ten times as fast is believed no less.
        let default = Prior::default();
        let first = (default.first_token / prior.first_token.max(1e-4)).powi(2);
        let pace = (default.per_token / prior.per_token.max(1e-5)).powi(2);
        Self {
            first_token: Regression::new([prior.first_token, prior.per_thousand_prompt, 0.0], [first, first, 40.0 * first]),
            first_token_level: Level::new(FIRST_TOKEN_VARIANCE, MOST_FIRST_TOKEN_VARIANCE),
            pace: Regression::new([prior.per_token, 0.0], [400.0 * pace, 1e5 * pace]),
            pace_level: Level::new(PACE_VARIANCE, MOST_PACE_VARIANCE),
            failures: Failures::default(),
            cooldown: Cooldown::default(),
            pacer: Pacer::default(),
            breaker: Breaker::default(),
            limit: Limit::new(concurrency),
            waiting: Waiting::default(),
            in_flight: 0,
            sharers: Sharers::default(),
            heard: None,
        }
    }

    /// What to expect of one more request now.
    pub fn outlook(&self, now: Monotonic, ask: &Ask) -> Outlook {
        let own = self.in_flight as f64;
        let in_flight = own + self.sharers.requests(now);
        let prompt = ask.uncached() / PROMPT_UNIT;

        let [base, per_prompt, per_request] = self.first_token.weights();
        let law = match ask.forecast {
            Some(told) => FirstToken { base: told.first_token, prompt: 0.0, load: 0.0, factor: 1.0 },
            None => FirstToken { base, prompt: per_prompt * prompt, load: per_request * in_flight, factor: 1.0 },
        };
        let left = self.heard.map_or(0.0, |heard| fade(now.seconds_since(heard)));
        let usual = self.first_token_level.offset(left);
        let usual_factor = self.first_token_level.median_factor(usual);
        let level = self.waiting.raised(now, usual, usual_factor);
        let median = if level == usual { usual_factor } else { level.exp() };
        let first_token = FirstToken { factor: self.first_token_level.mean_factor(median), ..law };

        let pace_level = self.pace_level.offset(left);
        let alarm = if level > ALARM && level > self.pace_level.last_offset() {
            LEAK * (level - self.pace_level.last_offset().max(0.0))
        } else {
            0.0
        };
        let pace = ask.forecast.map_or_else(|| self.pace.predict(&[1.0, in_flight]), |told| told.per_token);
        let per_token = pace * self.pace_level.mean_factor(self.pace_level.median_factor(pace_level + alarm));
        // One more stream slows those that are under way: they are ours too.
        let crowding = if ask.forecast.is_some() || ask.output_tokens == 0.0 {
            0.0
        } else {
            own * self.pace.weight(1)
                * self.pace_level.median_factor(self.pace_level.last_offset())
                * ask.output_tokens
                * REMAINING
        };

        Outlook {
            first_token,
            per_token,
            output_tokens: ask.output_tokens,
            crowding,
            cost: ask.cost,
            failure_rate: self.failures.rate(now),
            first_token_variance: self.first_token_level.counted_variance(),
            per_token_variance: self.pace_level.counted_variance(),
            aim: ask.aim,
            removed: self.removed(now, ask),
            heard: self.heard.map(|heard| now.since(heard)),
            in_flight,
            waiting: self.waiting.len(),
            is_stuck: self.waiting.is_overdue(now, STUCK),
            is_told: ask.forecast.is_some(),
        }
    }

    /// Asks to send an attempt now. Call it right before sending: between choosing and sending, another request may have taken the only
    /// probe of a half-open breaker, or reported a rate limit.
    ///
    /// `despite` is the reason for which the choice was made [although](super::Choice::despite) the target had been removed.
    ///
    /// # Errors
    ///
    /// The target has become unavailable; choose again.
    pub fn start(&mut self, now: Monotonic, ask: &Ask, despite: Option<Removed>) -> Result<Started, Removed> {
        if let Some(removed) = self.removed(now, ask)
            && !(removed.is_soft() && despite.is_some())
        {
            return Err(removed);
        }
        let in_flight = self.in_flight as f64 + self.sharers.requests(now);
        let prompt = ask.uncached() / PROMPT_UNIT;
        let predicted = ask.forecast.unwrap_or_else(|| Forecast {
            first_token: self.first_token.predict(&[1.0, prompt, in_flight]),
            per_token: self.pace.predict(&[1.0, in_flight]),
        });
        let id = self.waiting.start(now, predicted.first_token);
        self.breaker.start(now, id);
        self.pacer.start(now, ask.tokens());
        self.in_flight += 1;
        let is_told = ask.forecast.is_some();
        Ok(Started { id, sent: now, prompt, tokens: ask.tokens(), in_flight, predicted, is_told, is_answered: false })
    }

    /// The first token of an attempt has come.
    pub fn first_token(&mut self, now: Monotonic, started: &mut Started) {
        let seconds = now.seconds_since(started.sent);
        self.answered(now, started);
        self.observe_first_token(now, started, seconds);
    }

    /// An attempt under way delivers a token in so many seconds. Report it once, when enough tokens have come to tell.
    pub fn pace(&mut self, now: Monotonic, started: &Started, per_token: f64) {
        let predicted = if started.is_told { started.predicted.per_token } else { self.pace.predict(&[1.0, started.in_flight]) };
        self.pace_level.observe(now, (per_token.max(1e-6) / predicted).ln());
        if !started.is_told {
            self.pace.observe(now, &[1.0, started.in_flight], per_token.max(1e-6));
            if self.pace.samples() <= SETTLED {
                self.pace_level.settle();
            }
        }
    }

    /// An attempt has ended.
    pub fn end(&mut self, now: Monotonic, mut started: Started, outcome: Outcome, rng: &mut impl Rng) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let was_waiting = self.waiting.end(started.id);
        match outcome {
            Outcome::Success { output_tokens } => {
                if !started.is_answered {
                    self.observe_whole(now, &mut started, output_tokens);
                }
                self.breaker.observe_success(now);
                self.cooldown.observe_success();
            }
            Outcome::RateLimited { retry_after } => {
                self.cooldown.observe_rate_limited(now, retry_after, rng);
                self.pacer.observe_refusal(now, started.sent, started.tokens);
                self.breaker.observe_refusal(now, rng);
            }
            Outcome::Failure { retry_after } => {
                self.failures.observe(now, true);
                self.breaker.observe_failure(now, rng);
                if let Some(retry_after) = retry_after {
                    self.cooldown.observe_asked(now, retry_after, rng);
                }
            }
            Outcome::Misconfigured => self.breaker.observe_misconfigured(now, rng),
            // It says no word about speed: refusing is quicker than working.
            Outcome::ClientFault => self.breaker.observe_answer(now),
            Outcome::Cancelled if was_waiting => {
                self.observe_at_least(now, &started);
                self.breaker.observe_nothing(now, started.id);
            }
            Outcome::Cancelled => self.breaker.observe_nothing(now, started.id),
        }
    }

    /// The provider said how much of its limits is left.
    pub fn observe_remaining(&mut self, now: Monotonic, requests: Option<Remaining>, tokens: Option<Remaining>) {
        self.pacer.observe_remaining(now, requests, tokens);
    }

    /// The target told how many requests it works on and how many wait there, whoever sent them. That is believed for `fresh`.
    pub fn observe_load(&mut self, now: Monotonic, running: f64, waiting: f64, fresh: Duration) {
        self.sharers.observe(now, running + waiting, self.in_flight, fresh);
    }

    /// How many requests of others it has, as far as it tells.
    pub fn shared_with(&self, now: Monotonic) -> f64 {
        self.sharers.requests(now)
    }

    /// The operator changed how many requests may be under way.
    pub fn limit_to(&mut self, concurrency: Concurrency) {
        self.limit.change(concurrency);
    }

    /// How many requests are under way.
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many requests may be under way, if that is limited.
    pub fn allowed(&self) -> Option<f64> {
        self.limit.allowed()
    }

    /// What is worth keeping over a restart, once there is something.
    pub fn learnt(&self) -> Option<Learnt> {
        self.heard.map(|_| Learnt {
            first_token: self.first_token.weights(),
            per_token: self.pace.weights(),
            variance: [self.first_token_level.variance(), self.pace_level.variance()],
        })
    }

    /// Starts from what was learnt before a restart, and doubts it: things may have changed.
    pub fn recall(&mut self, learnt: &Learnt) {
        if !learnt.is_sane() {
            return;
        }
        self.first_token.recall(learnt.first_token);
        self.pace.recall(learnt.per_token);
        let [first_token, pace] = learnt.variance;
        self.first_token_level.widen(first_token, DOUBT);
        self.pace_level.widen(pace, DOUBT);
    }

    fn removed(&self, now: Monotonic, ask: &Ask) -> Option<Removed> {
        let open = self.breaker.until(now);
        if let Some((until, Cause::Misconfigured)) = open {
            return Some(Removed::Misconfigured { until });
        }
        if let Some(until) = self.cooldown.until(now) {
            return Some(Removed::CoolingDown { until });
        }
        if self.limit.is_reached(self.in_flight) {
            return Some(Removed::Full);
        }
        if let Some((until, Cause::Failures)) = open {
            return Some(Removed::BreakerOpen { until });
        }
        if let Some(until) = self.pacer.until(now, ask.tokens()) {
            return Some(Removed::Paced { until });
        }
        let waiting = self.waiting.len();
        if self.breaker.room(now).is_some_and(|room| waiting >= room) {
            return Some(Removed::Returning);
        }
        let room = match self.heard {
            _ if ask.forecast.is_some() => return None,
            None => UNKNOWN_ROOM,
            Some(heard) if now > heard + STALE => STALE_ROOM,
            Some(_) => return None,
        };
        (waiting >= room).then_some(Removed::Unproven)
    }

    fn answered(&mut self, now: Monotonic, started: &mut Started) {
        started.is_answered = true;
        self.waiting.end(started.id);
        self.waiting.answered(started.sent);
        self.failures.observe(now, false);
        self.breaker.observe_begun(now);
    }

    fn observe_first_token(&mut self, now: Monotonic, started: &Started, seconds: f64) {
        let seconds = seconds.max(1e-6);
        let features = [1.0, started.prompt, started.in_flight];
        let predicted = if started.is_told { started.predicted.first_token } else { self.first_token.predict(&features) };
        self.first_token_level.observe(now, (seconds / predicted.max(1e-6)).ln());
        if !started.is_told {
            let idle = self.first_token.predict(&[1.0, started.prompt, 0.0]);
            self.limit.observe(seconds / idle, self.in_flight);
            self.first_token.observe(now, &features, seconds);
            if self.first_token.samples() <= SETTLED {
                self.first_token_level.settle();
            }
        }
        self.heard = self.heard.max(Some(now));
    }

    /// A whole answer tells only how long all of it took: both parts are taken to have been as much off.
    fn observe_whole(&mut self, now: Monotonic, started: &mut Started, output_tokens: u64) {
        let seconds = now.seconds_since(started.sent);
        let tokens = output_tokens as f64;
        self.answered(now, started);
        let Forecast { first_token, per_token } = started.predicted;
        let ratio = seconds / (first_token + tokens * per_token).max(1e-6);
        self.observe_first_token(now, started, ratio * first_token);
        if output_tokens > 1 {
            self.pace(now, started, ratio * per_token);
        }
    }

    /// No first token came for so long, and then nobody waited any more: it would have taken longer still. That can raise the level, never
    /// lower it.
    fn observe_at_least(&mut self, now: Monotonic, started: &Started) {
        let waited = now.seconds_since(started.sent);
        let surprise = (waited.max(1e-3) / started.predicted.first_token.max(1e-6)).ln();
        if surprise > self.first_token_level.last_offset() {
            self.first_token_level.observe(now, surprise);
            self.heard = self.heard.max(Some(now));
        }
    }
}
