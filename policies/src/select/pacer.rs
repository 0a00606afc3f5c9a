//! Sends no faster than a backend is known to accept.
//!
//! Two sources say how fast that is: a refusal, after which the rate is what was accepted lately and grows slowly; and
//! the provider's own count of what is left, in the headers of its answers.

use std::time::Duration;

use super::monotonic::Monotonic;

/// After a refusal, this share of the rate at which requests were sent is tried.
const AFTER_REFUSAL: f64 = 0.85;
/// A further refusal cuts to this share of what was sent since, if enough was sent to tell.
const FURTHER_REFUSAL: f64 = 0.95;
/// How many sends are enough to tell.
const ENOUGH: u32 = 3;
/// How much the rate grows a second.
const GROWTH: f64 = 0.01;
/// The slowest, in requests a second.
const SLOWEST: f64 = 0.1;
/// Over how many seconds sends are counted.
const COUNTED: usize = 10;

/// Sends of the last ten seconds, by the second.
#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    counts: [u32; COUNTED],
    second: u64,
}

impl Sent {
    fn count(&mut self, now: Monotonic) {
        self.roll(now);
        if let Some(count) = self.slot(self.second) {
            *count = count.saturating_add(1);
        }
    }

    fn total(&mut self, now: Monotonic) -> u32 {
        self.roll(now);
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Forgets what is too old.
    fn roll(&mut self, now: Monotonic) {
        let second = now.elapsed_since_epoch().as_secs().max(self.second);
        let passed = (second - self.second).min(COUNTED as u64);
        for stale in 0..passed {
            if let Some(count) = self.slot(second - stale) {
                *count = 0;
            }
        }
        self.second = second;
    }

    fn slot(&mut self, second: u64) -> Option<&mut u32> {
        self.counts.get_mut((second % COUNTED as u64) as usize)
    }
}

/// A rate that follows refusals.
#[derive(Clone, Copy, Debug)]
struct Paced {
    /// Requests a second, as of `updated`.
    rate: f64,
    /// How many may be sent at once, as of `updated`.
    ready: f64,
    updated: Monotonic,
}

impl Paced {
    /// As of now.
    fn at(self, now: Monotonic) -> Self {
        let passed = now.seconds_since(self.updated);
        let rate = self.rate * (1.0 + GROWTH * passed);
        // A second's worth may gather; at least one, or nothing would ever go.
        let ready = (self.ready + passed * rate).min(rate.max(1.0));
        Self { rate, ready, updated: self.updated.max(now) }
    }

    /// When the next may be sent, if that is not now.
    fn until(self, now: Monotonic) -> Option<Monotonic> {
        let Self { rate, ready, .. } = self.at(now);
        (ready < 1.0).then(|| now + Duration::from_secs_f64((1.0 - ready) / rate))
    }
}

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

/// Sends no faster than a backend accepts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pacer {
    sent: Sent,
    paced: Option<Paced>,
    requests: Option<Allowance>,
    tokens: Option<Allowance>,
}

impl Pacer {
    /// A request of so many tokens is being sent.
    pub(super) fn start(&mut self, now: Monotonic, tokens: f64) {
        self.sent.count(now);
        self.paced = self.paced.map(|paced| {
            let paced = paced.at(now);
            Paced { ready: (paced.ready - 1.0).max(0.0), ..paced }
        });
        for (allowance, wanted) in [(&mut self.requests, 1.0), (&mut self.tokens, tokens)] {
            if let Some(allowance) = allowance {
                allowance.take(now, wanted);
            }
        }
    }

    /// A request was refused for its rate.
    pub(super) fn observe_refusal(&mut self, now: Monotonic) {
        let sent = self.sent.total(now);
        // The refused one is no part of what was accepted.
        let accepted = (f64::from(sent.saturating_sub(1)) / COUNTED as f64).max(SLOWEST);
        let is_enough = sent > ENOUGH;
        let rate = match self.paced {
            None if is_enough => AFTER_REFUSAL * accepted,
            // A refusal out of the blue tells of no rate: others use up the limit. It is left alone for a while, and that is all.
            None => return,
            Some(paced) => {
                let lower = AFTER_REFUSAL * paced.at(now).rate;
                if is_enough { lower.min(FURTHER_REFUSAL * accepted) } else { lower }
            }
        };
        self.paced = Some(Paced { rate: rate.max(SLOWEST), ready: 0.0, updated: now });
    }

    /// The provider said what is left. `None` leaves what was known.
    pub(super) fn observe_remaining(&mut self, now: Monotonic, requests: Option<Remaining>, tokens: Option<Remaining>) {
        self.requests = requests.map(|remaining| Allowance::new(now, remaining)).or(self.requests);
        self.tokens = tokens.map(|remaining| Allowance::new(now, remaining)).or(self.tokens);
    }

    /// When a request of so many tokens may be sent, if that is not now.
    pub(super) fn until(&self, now: Monotonic, tokens: f64) -> Option<Monotonic> {
        let is_free = self.paced.is_none() && self.requests.is_none() && self.tokens.is_none();
        if is_free { None } else { self.limited_until(now, tokens) }
    }

    fn limited_until(&self, now: Monotonic, tokens: f64) -> Option<Monotonic> {
        let paced = self.paced.as_ref().and_then(|paced| paced.until(now));
        let requests = self.requests.as_ref().and_then(|allowance| allowance.until(now, 1.0));
        let tokens = self.tokens.as_ref().and_then(|allowance| allowance.until(now, tokens));
        paced.max(requests).max(tokens)
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
        pacer.observe_refusal(at(9.8));
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
        pacer.observe_refusal(at(0.1));
        assert_eq!(pacer.until(at(0.2), 1.0), None);
    }

    #[test]
    fn it_says_when_the_next_may_go() {
        let mut pacer = Pacer::default();
        (0..21).for_each(|i| pacer.start(at(f64::from(i) * 0.5), 1.0));
        pacer.observe_refusal(at(10.0));
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
