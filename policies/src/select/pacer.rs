//! Sends no faster than a backend is known to accept.
//!
//! Two sources say how fast that is: a refusal, after which the rate is what was accepted lately and grows slowly; and
//! the provider's own count of what is left, in the headers of its answers.
//!
//! Limits are on requests or on tokens, and a refusal does not say on which. Those on tokens refuse the longer requests first.

use std::time::Duration;

use super::accepted::Accepted;
use super::monotonic::Monotonic;
use super::paced::Paced;

/// After a refusal, this share of the rate at which requests were accepted is tried.
const AFTER_REFUSAL: f64 = 0.85;
/// After a further one, this share of what was accepted since.
const FURTHER_REFUSAL: f64 = 0.95;
/// How many accepted requests are enough to tell.
const ENOUGH: f64 = 3.0;
/// The slowest, in requests a second.
const SLOWEST: f64 = 0.1;
/// How much a request counts in the mean length, and a refusal in how much longer than that the refused ones are.
const LENGTH_WEIGHT: f64 = 0.02;
const EXCESS_WEIGHT: f64 = 0.15;
/// Refused requests that are so much longer than others (e times, in the logarithm) tell of a limit on tokens.
const LONGER: f64 = 0.35;

/// What a provider's headers said is left of a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Remaining {
    /// How much: requests, or tokens.
    pub left: f64,
    /// How much there is of it when it is full, if told.
    pub limit: Option<f64>,
    /// How long until it is full again.
    pub resets_in: Duration,
}

/// What is left, and how it fills.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    left: f64,
    /// How much comes back in a second; nothing before the reset, if the limit is not known.
    refill: f64,
    updated: Monotonic,
    full_at: Monotonic,
}

impl Allowance {
    fn new(now: Monotonic, remaining: Remaining) -> Self {
        let Remaining { left, limit, resets_in } = remaining;
        let spent = limit.map_or(0.0, |limit| (limit - left).max(0.0));
        Self { left, refill: spent / resets_in.as_secs_f64().max(1e-3), updated: now, full_at: now + resets_in }
    }

    fn take(&mut self, now: Monotonic, wanted: f64) {
        self.left = (self.left_at(now) - wanted).max(0.0);
        self.updated = self.updated.max(now);
    }

    fn left_at(&self, now: Monotonic) -> f64 {
        self.left + self.refill * now.seconds_since(self.updated)
    }

    /// When there is enough, if that is not now.
    fn until(&self, now: Monotonic, wanted: f64) -> Option<Monotonic> {
        let missing = wanted - self.left_at(now);
        if now >= self.full_at || missing <= 0.0 {
            return None;
        }
        let refilled = (self.refill > 0.0).then(|| Duration::try_from_secs_f64(missing / self.refill).ok()).flatten();
        Some(refilled.map_or(self.full_at, |wait| self.full_at.min(now + wait)))
    }
}

/// Rates that were learnt from refusals, one of requests and one of tokens: the limit is on either.
#[derive(Clone, Copy, Debug)]
struct Learnt {
    requests: Paced,
    tokens: Paced,
}

/// How much longer the refused requests are than all.
#[derive(Clone, Copy, Debug, Default)]
struct Lengths {
    /// The mean logarithm of their tokens; none before the first.
    mean: Option<f64>,
    /// By how much those that were refused are above it.
    excess: f64,
}

impl Lengths {
    fn observe(&mut self, tokens: f64) {
        let length = tokens.max(1.0).ln();
        let mean = self.mean.unwrap_or(length);
        self.mean = Some(mean + LENGTH_WEIGHT * (length - mean));
    }

    fn observe_refused(&mut self, tokens: f64) {
        let excess = self.mean.map_or(0.0, |mean| tokens.max(1.0).ln() - mean);
        self.excess += EXCESS_WEIGHT * (excess - self.excess);
    }
}

/// Sends no faster than a backend accepts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pacer {
    accepted: Accepted,
    lengths: Lengths,
    learnt: Option<Learnt>,
    requests: Option<Allowance>,
    tokens: Option<Allowance>,
}

impl Pacer {
    /// A request of so many tokens is being sent.
    pub(super) fn start(&mut self, now: Monotonic, tokens: f64) {
        self.accepted.add(now, tokens);
        self.lengths.observe(tokens);
        if let Some(learnt) = &mut self.learnt {
            learnt.requests.take(now, 1.0);
            learnt.tokens.take(now, tokens);
        }
        for (allowance, wanted) in [(&mut self.requests, 1.0), (&mut self.tokens, tokens)] {
            if let Some(allowance) = allowance {
                allowance.take(now, wanted);
            }
        }
    }

    /// A request of so many tokens, sent at that moment, was refused for its rate.
    pub(super) fn observe_refusal(&mut self, now: Monotonic, sent: Monotonic, tokens: f64) {
        self.accepted.remove(now, tokens);
        self.lengths.observe_refused(tokens);
        let total = self.accepted.total(now);
        let accepted = self.accepted.rate(now);
        let is_enough = total.requests >= ENOUGH;
        let (requests, tokens) = match &self.learnt {
            None if is_enough => (AFTER_REFUSAL * accepted.requests, AFTER_REFUSAL * accepted.tokens),
            // A refusal out of the blue tells of no rate: others use up the limit. It is left alone for a while, and that is all.
            None => return,
            // It was sent before the last refusal: the same news again.
            Some(learnt) if sent <= learnt.requests.refused() => return,
            // What is accepted all the same is no more than is accepted, whatever the rate was.
            Some(_) if is_enough => (FURTHER_REFUSAL * accepted.requests, FURTHER_REFUSAL * accepted.tokens),
            Some(learnt) => (AFTER_REFUSAL * learnt.requests.rate(now), AFTER_REFUSAL * learnt.tokens.rate(now)),
        };
        let usual = self.lengths.mean.map_or(1.0, f64::exp);
        self.learnt = Some(Learnt {
            requests: Paced::new(now, requests.max(SLOWEST), 1.0),
            tokens: Paced::new(now, tokens.max(SLOWEST * usual), usual),
        });
    }

    /// The provider said what is left. `None` leaves what was known.
    pub(super) fn observe_remaining(&mut self, now: Monotonic, requests: Option<Remaining>, tokens: Option<Remaining>) {
        self.requests = requests.map(|remaining| Allowance::new(now, remaining)).or(self.requests);
        self.tokens = tokens.map(|remaining| Allowance::new(now, remaining)).or(self.tokens);
    }

    /// When a request of so many tokens may be sent, if that is not now.
    pub(super) fn until(&self, now: Monotonic, tokens: f64) -> Option<Monotonic> {
        let is_free = self.learnt.is_none() && self.requests.is_none() && self.tokens.is_none();
        if is_free { None } else { self.limited_until(now, tokens) }
    }

    fn limited_until(&self, now: Monotonic, tokens: f64) -> Option<Monotonic> {
        let learnt = self.learnt.as_ref().and_then(|learnt| {
            if self.lengths.excess > LONGER { learnt.tokens.until(now, tokens) } else { learnt.requests.until(now, 1.0) }
        });
        let left_requests = self.requests.as_ref().and_then(|allowance| allowance.until(now, 1.0));
        let left_tokens = self.tokens.as_ref().and_then(|allowance| allowance.until(now, tokens));
        learnt.max(left_requests).max(left_tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Monotonic {
        Monotonic::since_epoch(Duration::from_secs_f64(seconds))
    }

    #[test]
    fn without_a_refusal_nothing_is_held_back() {
        let mut pacer = Pacer::default();
        (0..1000).for_each(|_| pacer.start(at(1.0), 10.0));
        assert_eq!(pacer.until(at(1.0), 10.0), None);
    }

    #[test]
    fn after_a_refusal_it_sends_a_little_less_than_was_accepted() {
        let mut pacer = Pacer::default();
        // Five a second for ten seconds.
        (0..50).for_each(|i| pacer.start(at(f64::from(i) * 0.2), 1.0));
        pacer.observe_refusal(at(9.8), at(9.8), 1.0);
        let mut sent = 0;
        for i in 0..1000 {
            let now = at(9.8 + f64::from(i) * 0.01);
            if pacer.until(now, 1.0).is_none() {
                pacer.start(now, 1.0);
                sent += 1;
            }
        }
        assert!((38..48).contains(&sent), "{sent} in ten seconds");
    }

    #[test]
    fn a_refusal_out_of_the_blue_sets_no_rate() {
        let mut pacer = Pacer::default();
        pacer.start(at(0.0), 1.0);
        pacer.observe_refusal(at(0.1), at(0.0), 1.0);
        assert_eq!(pacer.until(at(0.2), 1.0), None);
    }

    #[test]
    fn refusals_of_what_is_under_way_are_the_same_news() {
        let mut pacer = Pacer::default();
        (0..50).for_each(|i| pacer.start(at(f64::from(i) * 0.2), 1.0));
        pacer.observe_refusal(at(9.8), at(9.8), 1.0);
        let next = pacer.until(at(9.8), 1.0);
        (0..20).for_each(|_| pacer.observe_refusal(at(9.81), at(9.7), 1.0));
        assert_eq!(pacer.until(at(9.8), 1.0), next);
    }

    #[test]
    fn refusals_among_many_accepted_requests_do_not_wear_the_rate_down() {
        let mut pacer = Pacer::default();
        // Whatever the pacer says: five in six are accepted, six a second.
        for i in 0..600 {
            let now = at(f64::from(i) / 6.0);
            pacer.start(now, 1.0);
            if i % 6 == 0 {
                pacer.observe_refusal(now, now, 1.0);
            }
        }
        let wait = pacer.until(at(110.0), 1.0);
        assert_eq!(wait, None);
        (0..4).for_each(|_| pacer.start(at(110.0), 1.0));
        let wait = pacer.until(at(110.0), 1.0).map_or(0.0, |until| until.seconds_since(at(110.0)));
        assert!(wait < 0.25, "{wait} s");
    }

    #[test]
    fn where_long_requests_are_refused_tokens_are_counted() {
        let lengths = [4_000.0, 400.0, 100.0];
        let taught = |is_refused: fn(f64) -> bool| {
            let mut pacer = Pacer::default();
            for i in 0..90 {
                let (now, tokens) = (at(f64::from(i) * 0.2), lengths[i as usize % 3]);
                pacer.start(now, tokens);
                if i % 9 > 5 && is_refused(tokens) {
                    pacer.observe_refusal(now, now, tokens);
                }
            }
            pacer
        };
        // The pause in seconds, a moment later, for a short and a long request.
        let pauses = |pacer: &Pacer| {
            let now = at(17.9);
            [100.0, 4_000.0].map(|tokens| pacer.until(now, tokens).map_or(0.0, |until| until.seconds_since(now)))
        };
        let [short, long] = pauses(&taught(|tokens| tokens > 1_000.0));
        assert!(long > short, "{short} {long}");
        let [short, long] = pauses(&taught(|_| true));
        assert_eq!(short, long);
    }

    #[test]
    fn it_says_when_the_next_may_go() {
        let mut pacer = Pacer::default();
        (0..21).for_each(|i| pacer.start(at(f64::from(i) * 0.5), 1.0));
        pacer.observe_refusal(at(10.0), at(10.0), 1.0);
        let next = pacer.until(at(10.0), 1.0).unwrap();
        assert!(pacer.until(next + Duration::from_millis(1), 1.0).is_none());
    }

    #[test]
    fn what_the_provider_says_is_left_is_not_overspent() {
        let mut pacer = Pacer::default();
        let left = |left| Some(Remaining { left, limit: None, resets_in: Duration::from_secs(30) });
        pacer.observe_remaining(at(0.0), left(2.0), left(1000.0));
        assert_eq!(pacer.until(at(0.0), 1001.0), Some(at(30.0)));
        pacer.start(at(0.0), 100.0);
        assert_eq!(pacer.until(at(0.0), 100.0), None);
        pacer.start(at(0.0), 100.0);
        assert_eq!(pacer.until(at(1.0), 100.0), Some(at(30.0)));
        assert_eq!(pacer.until(at(30.0), 100.0), None);
    }

    #[test]
    fn a_limit_that_is_known_fills_as_time_goes_by() {
        let mut pacer = Pacer::default();
        let none_of_sixty = Remaining { left: 0.0, limit: Some(60.0), resets_in: Duration::from_secs(60) };
        pacer.observe_remaining(at(0.0), Some(none_of_sixty), None);
        assert_eq!(pacer.until(at(0.0), 1.0), Some(at(1.0)));
        assert_eq!(pacer.until(at(1.1), 1.0), None);
    }
}
