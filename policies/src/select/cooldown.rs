//! Stays away from a backend that said "too many requests" for as long as it asked, or a growing while.

use std::time::Duration;

use rand::{Rng, RngExt};

use super::monotonic::Monotonic;

/// The longest a backend may send us away: a header with a mistake in it must not remove it for a day.
const LONGEST_ASKED: Duration = Duration::from_secs(300);
/// The first wait when the backend names none; each one after it is twice as long.
const SHORTEST_GUESS: Duration = Duration::from_secs(1);
/// The longest wait of our own guessing.
const LONGEST_GUESS: Duration = Duration::from_secs(60);
/// How much later than asked to come back at most, so that not everybody does at the same moment.
const JITTER: f64 = 0.1;

/// How long to stay away.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cooldown {
    until: Monotonic,
    /// Rate limits without a stated wait since the last success.
    guesses: u32,
}

impl Cooldown {
    /// The backend asked to be left alone for so long, whatever for.
    pub(super) fn observe_asked(&mut self, now: Monotonic, retry_after: Duration, rng: &mut impl Rng) {
        let wait = retry_after.min(LONGEST_ASKED);
        self.until = self.until.max(now + wait.mul_f64(1.0 + JITTER * rng.random::<f64>()));
    }

    /// The backend refused for its rate limit, perhaps saying when to come back.
    pub(super) fn observe_rate_limited(&mut self, now: Monotonic, retry_after: Option<Duration>, rng: &mut impl Rng) {
        if now < self.until && retry_after.is_none() {
            // An answer to a request sent before the last refusal: the same news again.
            return;
        }
        let wait = retry_after.unwrap_or_else(|| {
            let guess = doubled(SHORTEST_GUESS, self.guesses, LONGEST_GUESS);
            self.guesses = self.guesses.saturating_add(1);
            guess
        });
        self.observe_asked(now, wait, rng);
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
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::since_epoch(Duration::from_secs(seconds))
    }

    fn rng() -> StdRng {
        StdRng::seed_from_u64(1)
    }

    /// Whether the backend is to be left alone for so long from `now` on, and a little more.
    fn is_about(cooldown: &Cooldown, now: u64, seconds: u64) -> bool {
        let wait = cooldown.until(at(now)).unwrap().since(at(now)).as_secs_f64() / seconds as f64;
        (1.0..=1.0 + JITTER).contains(&wait)
    }

    #[test]
    fn waits_as_long_as_asked_and_no_longer_than_five_minutes() {
        let mut cooldown = Cooldown::default();
        cooldown.observe_rate_limited(at(0), Some(Duration::from_secs(20)), &mut rng());
        assert!(is_about(&cooldown, 0, 20));
        assert_eq!(cooldown.until(at(22)), None);
        cooldown.observe_rate_limited(at(30), Some(Duration::from_secs(86_400)), &mut rng());
        assert!(is_about(&cooldown, 30, 300));
    }

    #[test]
    fn a_shorter_wait_does_not_cut_a_longer_one() {
        let mut cooldown = Cooldown::default();
        cooldown.observe_rate_limited(at(0), Some(Duration::from_secs(20)), &mut rng());
        let before = cooldown.until(at(1));
        cooldown.observe_rate_limited(at(1), Some(Duration::from_secs(1)), &mut rng());
        assert_eq!(cooldown.until(at(1)), before);
    }

    #[test]
    fn guesses_double_up_to_a_minute_and_start_over_after_a_success() {
        let mut cooldown = Cooldown::default();
        let mut now = 0;
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            cooldown.observe_rate_limited(at(now), None, &mut rng());
            assert!(is_about(&cooldown, now, expected));
            now += 2 * expected;
        }
        cooldown.observe_success();
        cooldown.observe_rate_limited(at(now), None, &mut rng());
        assert!(is_about(&cooldown, now, 1));
    }

    #[test]
    fn a_burst_of_refusals_counts_once() {
        let mut cooldown = Cooldown::default();
        (0..50).for_each(|_| cooldown.observe_rate_limited(at(0), None, &mut rng()));
        assert!(is_about(&cooldown, 0, 1));
    }

    #[test]
    fn doubling_saturates() {
        assert_eq!(doubled(Duration::from_secs(5), 500, LONGEST_GUESS), LONGEST_GUESS);
    }
}
