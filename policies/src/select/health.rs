//! What is known about one target, from what became of the attempts on it.

use std::time::Duration;

use super::breaker::Breaker;
use super::cooldown::Cooldown;
use super::failures::Failures;
use super::latency::Latency;
use super::monotonic::Monotonic;

/// What to expect of a target that nothing is known about: a middling first token of a cloud model.
const PRIOR: Duration = Duration::from_secs(1);
/// Each request under way on a target slows the next by this share. Full proportion would drain big backends that
/// hardly notice.
const LOAD: f64 = 0.1;
/// What noticing a failure and turning to another backend costs beyond the attempts themselves, in seconds.
const FAILOVER: f64 = 0.3;

/// What is known about one target. Small and cheap to copy; every operation takes constant time and allocates
/// nothing, so a short-lived lock around it is enough to share it.
#[derive(Clone, Copy, Debug)]
pub struct Health {
    latency: Latency,
    failures: Failures,
    cooldown: Cooldown,
    breaker: Breaker,
}

/// What became of an attempt. Report each attempt once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered; `latency` is the time from sending it to the first byte of the answer's body.
    Success {
        /// From sending to the first byte.
        latency: Duration,
    },
    /// It was refused for a rate limit.
    RateLimited {
        /// How long to stay away, if the answer said.
        retry_after: Option<Duration>,
    },
    /// It failed through no fault of the request: connection, timeout, 5xx, a stream cut short.
    Failure,
    /// It was answered with a complaint about the request (400, 413, 422, a content filter): the backend is well.
    ClientFault,
    /// The client left before the first byte.
    Cancelled {
        /// From sending to the moment the client left.
        elapsed: Duration,
    },
}

/// Why a target is left out for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Removed {
    /// It refused for a rate limit.
    #[error("cooling down after a rate limit")]
    CoolingDown {
        /// When it may be asked again.
        until: Monotonic,
    },
    /// It only failed, and is left alone or being probed.
    #[error("breaker open after failures in a row")]
    BreakerOpen {
        /// When it may be probed, or probed again.
        until: Monotonic,
    },
}

/// The seconds a request is expected to take on a target, by their causes, so that people can read why.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The expected time to the first byte when idle.
    pub latency: f64,
    /// What the requests under way add.
    pub load: f64,
    /// What failing and turning to another target adds, weighed by how often that happens.
    pub failure: f64,
}

/// What is known about a target at one moment; what [`rank`](super::rank) decides by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outlook {
    /// The expected cost; also given for a removed target, for people to see.
    pub score: Score,
    /// Why it is left out, if it is.
    pub removed: Option<Removed>,
    /// How long ago it last answered; `None` if it never did.
    pub heard: Option<Duration>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new(PRIOR)
    }
}

impl Health {
    /// Nothing known yet; `prior` is the latency to expect until something is.
    pub fn new(prior: Duration) -> Self {
        Self {
            latency: Latency::new(prior),
            failures: Failures::default(),
            cooldown: Cooldown::default(),
            breaker: Breaker::default(),
        }
    }

    /// Asks to send an attempt now. Call it right before sending: between ranking and sending, another request may
    /// have taken the only probe of a half-open breaker, or reported a rate limit.
    ///
    /// # Errors
    ///
    /// The target has become unavailable; try the next one.
    pub fn start(&mut self, now: Monotonic) -> Result<(), Removed> {
        match self.removed(now) {
            Some(removed) => Err(removed),
            None => {
                self.breaker.start(now);
                Ok(())
            }
        }
    }

    /// Learns what became of an attempt that was started.
    pub fn observe(&mut self, now: Monotonic, outcome: Outcome) {
        match outcome {
            Outcome::Success { latency } => {
                self.latency.observe(now, latency);
                self.failures.observe_success(now);
                self.cooldown.observe_success();
                self.breaker.observe_answer();
            }
            Outcome::RateLimited { retry_after } => {
                self.cooldown.observe_rate_limited(now, retry_after);
                self.breaker.observe_nothing(now);
            }
            Outcome::Failure => {
                self.failures.observe_failure(now);
                self.breaker.observe_failure(now);
            }
            // It says no word about speed: refusing is quicker than working.
            Outcome::ClientFault => self.breaker.observe_answer(),
            Outcome::Cancelled { elapsed } => {
                self.latency.observe_at_least(now, elapsed);
                self.breaker.observe_nothing(now);
            }
        }
    }

    /// What to expect of one more request now, with `in_flight` under way from this process.
    pub fn outlook(&self, now: Monotonic, in_flight: usize) -> Outlook {
        let latency = self.latency.expected(now);
        let load = latency * LOAD * in_flight as f64;
        let rate = self.failures.rate(now);
        // A failed attempt is assumed to take as long as an answer; then come the failover and the next attempt.
        let failure = rate / (1.0 - rate) * (latency + load + FAILOVER);
        Outlook { score: Score { latency, load, failure }, removed: self.removed(now), heard: self.latency.age(now) }
    }

    fn removed(&self, now: Monotonic) -> Option<Removed> {
        let cooling = self.cooldown.until(now).map(|until| Removed::CoolingDown { until });
        let broken = || self.breaker.until(now).map(|until| Removed::BreakerOpen { until });
        match (cooling, broken()) {
            // What keeps it out longest is the reason to give.
            (Some(cooling), Some(broken)) if broken.until() > cooling.until() => Some(broken),
            (cooling, broken) => cooling.or(broken),
        }
    }
}

impl Removed {
    /// When the target comes back.
    pub fn until(self) -> Monotonic {
        match self {
            Self::CoolingDown { until } | Self::BreakerOpen { until } => until,
        }
    }
}

impl Score {
    /// The sum, in seconds: less is better.
    pub fn total(self) -> f64 {
        self.latency + self.load + self.failure
    }
}
