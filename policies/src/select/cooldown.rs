//! Stays away from a backend that said "too many requests" for as long as it asked, or a growing while.

use std::time::Duration;

use super::monotonic::Monotonic;

/// The longest a backend may send us away: a header with a mistake in it must not remove it for a day.
const LONGEST_ASKED: Duration = Duration::from_secs(300);
/// The first wait when the backend names none; each one after it is twice as long.
const SHORTEST_GUESS: Duration = Duration::from_secs(1);
/// The longest wait of our own guessing.
const LONGEST_GUESS: Duration = Duration::from_secs(60);

/// How long to stay away.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cooldown {
    until: Monotonic,
    /// Rate limits without a stated wait since the last success.
    guesses: u32,
}

impl Cooldown {
    /// The backend refused for its rate limit, perhaps saying when to come back.
    pub(super) fn observe_rate_limited(&mut self, now: Monotonic, retry_after: Option<Duration>) {
        if now < self.until && retry_after.is_none() {
            // An answer to a request sent before the last refusal: the same news again.
            return;
        }
        let wait = match retry_after {
            Some(asked) => asked.min(LONGEST_ASKED),
            None => {
                let guess = doubled(SHORTEST_GUESS, self.guesses, LONGEST_GUESS);
                self.guesses = self.guesses.saturating_add(1);
                guess
            }
        };
        self.until = self.until.max(now + wait);
    }

    pub(super) fn observe_success(&mut self) {
        self.guesses = 0;
    }

    /// When the backend may be asked again, if that is not now.
    pub(super) fn until(&self, now: Monotonic) -> Option<Monotonic> {
        (now < self.until).then_some(self.until)
    }
}

/// `base · 2^times`, at most `longest`.
pub(super) fn doubled(base: Duration, times: u32, longest: Duration) -> Duration {
    let factor = 1_u32.checked_shl(times).unwrap_or(u32::MAX);
    base.saturating_mul(factor).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::since_epoch(Duration::from_secs(seconds))
    }

    #[test]
    fn waits_as_long_as_asked_and_no_longer_than_five_minutes() {
        let mut cooldown = Cooldown::default();
        cooldown.observe_rate_limited(at(0), Some(Duration::from_secs(20)));
        assert_eq!(cooldown.until(at(19)), Some(at(20)));
        assert_eq!(cooldown.until(at(20)), None);
        cooldown.observe_rate_limited(at(20), Some(Duration::from_secs(86_400)));
        assert_eq!(cooldown.until(at(20)), Some(at(320)));
    }

    #[test]
    fn a_shorter_wait_does_not_cut_a_longer_one() {
        let mut cooldown = Cooldown::default();
        cooldown.observe_rate_limited(at(0), Some(Duration::from_secs(20)));
        cooldown.observe_rate_limited(at(1), Some(Duration::from_secs(1)));
        assert_eq!(cooldown.until(at(2)), Some(at(20)));
    }

    #[test]
    fn guesses_double_up_to_a_minute_and_start_over_after_a_success() {
        let mut cooldown = Cooldown::default();
        let mut now = at(0);
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            cooldown.observe_rate_limited(now, None);
            assert_eq!(cooldown.until(now), Some(now + Duration::from_secs(expected)));
            now = now + Duration::from_secs(expected);
        }
        cooldown.observe_success();
        cooldown.observe_rate_limited(now, None);
        assert_eq!(cooldown.until(now), Some(now + Duration::from_secs(1)));
    }

    #[test]
    fn a_burst_of_refusals_counts_once() {
        let mut cooldown = Cooldown::default();
        for _ in 0..50 {
            cooldown.observe_rate_limited(at(0), None);
        }
        assert_eq!(cooldown.until(at(0)), Some(at(1)));
    }

    #[test]
    fn doubling_saturates() {
        assert_eq!(doubled(Duration::from_secs(5), 500, LONGEST_GUESS), LONGEST_GUESS);
    }
}
