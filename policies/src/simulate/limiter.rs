//! A provider's rate limit: token buckets (in the sense of the algorithm) for requests and for tokens.

use super::scenario::{Allowance, Limit};

/// What is left of a provider's limit.
#[derive(Clone, Debug, Default)]
pub(super) struct Limiter {
    /// The limit that was in force at the last look. Another one starts with full buckets.
    limit: Option<Limit>,
    requests: f64,
    tokens: f64,
    at: f64,
}

/// What an answer says is left of a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Left {
    /// Requests, or tokens.
    pub(super) left: f64,
    /// How many there are when the bucket is full.
    pub(super) full: f64,
    /// The seconds until the bucket is full again.
    pub(super) full_in: f64,
}

impl Limiter {
    /// Takes a request of so many tokens out, if there is room for it.
    pub(super) fn take(&mut self, now: f64, limit: Option<&Limit>, tokens: f64) -> bool {
        let Some(limit) = limit else {
            self.limit = None;
            return true;
        };
        let (requests_left, tokens_left) = self.left(now, limit);
        let has_room = has_room(limit, requests_left, tokens_left, tokens);
        let taken = if has_room { (1.0, tokens) } else { (0.0, 0.0) };
        *self = Self { limit: Some(*limit), requests: requests_left - taken.0, tokens: tokens_left - taken.1, at: now };
        has_room
    }

    /// Whether there is room for such a request.
    pub(super) fn has_room(&self, now: f64, limit: Option<&Limit>, tokens: f64) -> bool {
        limit.is_none_or(|limit| {
            let (requests_left, tokens_left) = self.left(now, limit);
            has_room(limit, requests_left, tokens_left, tokens)
        })
    }

    /// What is left of the bucket of requests and of that of tokens.
    pub(super) fn remaining(&self, now: f64, limit: &Limit) -> [Option<Left>; 2] {
        let (requests, tokens) = self.left(now, limit);
        let left = |allowance: Option<Allowance>, level: f64| {
            let Allowance { rate, burst } = allowance.filter(|allowance| allowance.rate > 0.0)?;
            Some(Left { left: level.max(0.0), full: burst, full_in: (burst - level) / rate })
        };
        [left(limit.requests, requests), left(limit.tokens, tokens)]
    }

    fn left(&self, now: f64, limit: &Limit) -> (f64, f64) {
        let continued = self.limit.as_ref() == Some(limit);
        let left = |allowance: Option<Allowance>, level: f64| match allowance {
            Some(Allowance { rate, burst }) if continued => (level + (now - self.at) * rate).min(burst),
            Some(Allowance { burst, .. }) => burst,
            None => 0.0,
        };
        (left(limit.requests, self.requests), left(limit.tokens, self.tokens))
    }
}

fn has_room(limit: &Limit, requests_left: f64, tokens_left: f64, tokens: f64) -> bool {
    let enough = limit.requests.is_none() || requests_left >= 1.0;
    // A request larger than the bucket passes when the bucket is full; else it never would.
    enough && limit.tokens.is_none_or(|allowance| tokens_left >= tokens.min(allowance.burst))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(requests: Option<(f64, f64)>, tokens: Option<(f64, f64)>) -> Limit {
        let allowance = |(rate, burst)| Allowance { rate, burst };
        Limit {
            requests: requests.map(allowance),
            tokens: tokens.map(allowance),
            retry_after: None,
            takes: 0.0,
            tells_remaining: false,
        }
    }

    #[test]
    fn lets_a_burst_through_and_then_the_rate() {
        let limit = limit(Some((2.0, 3.0)), None);
        let mut limiter = Limiter::default();
        let mut taken = |now, times: usize| (0..times).filter(|_| limiter.take(now, Some(&limit), 10.0)).count();
        assert_eq!(taken(0.0, 9), 3);
        assert_eq!(taken(1.0, 9), 2);
        assert_eq!(taken(60.0, 9), 3);
    }

    #[test]
    fn counts_tokens_and_lets_an_oversized_request_through_a_full_bucket() {
        let limit = limit(None, Some((100.0, 1000.0)));
        let mut limiter = Limiter::default();
        assert!(limiter.take(0.0, Some(&limit), 5000.0));
        assert!(!limiter.take(1.0, Some(&limit), 200.0));
        assert!(limiter.take(50.0, Some(&limit), 200.0));
    }

    #[test]
    fn says_what_is_left_and_when_it_is_full_again() {
        let limit = limit(Some((2.0, 4.0)), None);
        let mut limiter = Limiter::default();
        (0..3).for_each(|_| assert!(limiter.take(0.0, Some(&limit), 10.0)));
        assert_eq!(limiter.remaining(0.5, &limit), [Some(Left { left: 2.0, full: 4.0, full_in: 1.0 }), None]);
    }

    #[test]
    fn looking_takes_nothing_and_another_limit_starts_full() {
        let (first, second) = (limit(Some((1.0, 1.0)), None), limit(Some((1.0, 2.0)), None));
        let mut limiter = Limiter::default();
        assert!(limiter.has_room(0.0, Some(&first), 1.0) && limiter.take(0.0, Some(&first), 1.0));
        assert!(!limiter.has_room(0.0, Some(&first), 1.0));
        assert!(limiter.has_room(0.0, Some(&second), 1.0) && limiter.has_room(0.0, None, 1.0));
    }
}
