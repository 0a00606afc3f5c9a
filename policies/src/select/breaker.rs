//! Takes out a backend that only fails, lets one request at a time find out whether it is back, and lets the others follow slowly.

use std::time::Duration;

use rand::{Rng, RngExt};

use super::cooldown::doubled;
use super::monotonic::Monotonic;

/// So many failures in a row trip the breaker.
const FAILURES: u32 = 5;
/// So many outcomes within [`Window::LENGTH`] are enough to judge by their share of successes.
const ENOUGH: u32 = 10;
/// A smaller share of successes trips the breaker.
const HEALTHY: f64 = 0.5;
/// How long it is open the first time; each time the probe fails, twice as long.
const SHORTEST: Duration = Duration::from_secs(5);
/// The longest it is open. A probe costs one request an attempt, a backend that is left out although it is well costs all of them time.
const LONGEST: Duration = Duration::from_secs(15);
/// How long a backend is left alone whose credential or model it does not know: nothing but a change of the configuration mends that.
const MISCONFIGURED: Duration = Duration::from_secs(60);
/// How much the time it is open varies either way, so that gateways that tripped together do not probe together.
const JITTER: f64 = 0.1;
/// How long after its return a backend is spared.
const SLOW_START: Duration = Duration::from_secs(30);

/// Whether a backend is worth a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Breaker {
    state: State,
    /// Failures since the last answer.
    failures: u32,
    recent: Window,
    /// How often it has opened without staying closed in between.
    trips: u32,
    /// Since its return, while it is spared.
    returned: Option<Return>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Closed,
    /// Until a moment; from then on, half open: the next request is a probe.
    Open { until: Monotonic, cause: Cause },
    /// A probe, the attempt of this number, is under way. Should its outcome never be reported, the next one may start at `until`.
    Probing { until: Monotonic, cause: Cause, probe: u64 },
}

/// Why a breaker is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// The backend failed too often.
    Failures,
    /// It does not know the credential, or the model.
    Misconfigured,
}

/// A backend that came back a while ago.
#[derive(Clone, Copy, Debug)]
struct Return {
    at: Monotonic,
    answers: usize,
}

impl Breaker {
    /// The backend begins to answer. That is enough for a probe, whose end may be minutes away; it is no success yet.
    pub(super) fn observe_begun(&mut self, now: Monotonic) {
        match self.state {
            State::Closed => match &mut self.returned {
                Some(returned) if now.since(returned.at) < SLOW_START => returned.answers += 1,
                _ => self.returned = None,
            },
            State::Open { .. } | State::Probing { .. } => {
                self.state = State::Closed;
                self.recent = Window::default();
                self.returned = Some(Return { at: now, answers: 1 });
            }
        }
    }

    /// The backend answered at once, and to the end.
    pub(super) fn observe_answer(&mut self, now: Monotonic) {
        self.observe_begun(now);
        self.observe_success(now);
    }

    /// An answer that had begun came to its end.
    pub(super) fn observe_success(&mut self, now: Monotonic) {
        self.failures = 0;
        self.recent.count(now, true);
        // One that was sent before the breaker opened does not make it forget how often it has.
        if matches!(self.state, State::Closed) && self.returned.is_none() {
            self.trips = 0;
        }
    }

    /// The backend failed.
    pub(super) fn observe_failure(&mut self, now: Monotonic, rng: &mut impl Rng) {
        self.recent.count(now, false);
        match self.state {
            State::Closed => {
                self.failures += 1;
                if self.failures >= FAILURES || self.recent.is_bad(now) {
                    self.open(now, Cause::Failures, rng);
                }
            }
            // A request from before it opened; the breaker knows already.
            State::Open { until, .. } if now < until => {}
            State::Open { .. } | State::Probing { .. } => self.open(now, Cause::Failures, rng),
        }
    }

    /// The backend does not know the credential, or the model.
    pub(super) fn observe_misconfigured(&mut self, now: Monotonic, rng: &mut impl Rng) {
        let until = now + jittered(MISCONFIGURED, rng);
        self.state = State::Open { until, cause: Cause::Misconfigured };
    }

    /// The backend refused for its rate limit: it is alive, but a probe that was refused has not shown that requests succeed.
    pub(super) fn observe_refusal(&mut self, now: Monotonic, rng: &mut impl Rng) {
        if let State::Probing { cause, .. } = self.state {
            self.open(now, cause, rng);
        }
    }

    /// This attempt ended without saying anything about the backend. If it was the probe, another may start.
    pub(super) fn observe_nothing(&mut self, now: Monotonic, attempt: u64) {
        if let State::Probing { cause, probe, .. } = self.state
            && probe == attempt
        {
            self.state = State::Open { until: now, cause };
        }
    }

    /// This attempt is being sent. While half open, it is the probe, and keeps others away. One that is sent although the breaker is open, for
    /// want of anything better, does not keep it open.
    pub(super) fn start(&mut self, now: Monotonic, attempt: u64) {
        if let State::Open { until, cause } | State::Probing { until, cause, .. } = self.state
            && now >= until
        {
            self.state = State::Probing { until: now + doubled(SHORTEST, self.trips, LONGEST), cause, probe: attempt };
        }
    }

    /// When the backend may be tried again, if that is not now, and why not.
    pub(super) fn until(&self, now: Monotonic) -> Option<(Monotonic, Cause)> {
        match self.state {
            State::Closed => None,
            State::Open { until, cause } | State::Probing { until, cause, .. } => (now < until).then_some((until, cause)),
        }
    }

    /// How many requests may wait for it at once, while it is spared after its return: each answer makes room for one more.
    pub(super) fn room(&self, now: Monotonic) -> Option<usize> {
        let returned = self.returned.filter(|returned| now.since(returned.at) < SLOW_START);
        returned.map(|returned| returned.answers.saturating_add(1))
    }

    fn open(&mut self, now: Monotonic, cause: Cause, rng: &mut impl Rng) {
        let pause = match cause {
            Cause::Failures => doubled(SHORTEST, self.trips, LONGEST),
            Cause::Misconfigured => MISCONFIGURED,
        };
        self.state = State::Open { until: now + jittered(pause, rng), cause };
        self.trips = self.trips.saturating_add(1);
        self.failures = 0;
        self.recent = Window::default();
        self.returned = None;
    }
}

fn jittered(pause: Duration, rng: &mut impl Rng) -> Duration {
    pause.mul_f64(1.0 + JITTER * (2.0 * rng.random::<f64>() - 1.0))
}

/// Successes and failures of the last half minute, counted exactly.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    buckets: [Bucket; Window::BUCKETS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// Which span of time it counts, numbered from the epoch.
    span: u64,
    answers: u32,
    failures: u32,
}

impl Window {
    const BUCKETS: usize = 10;
    const LENGTH: Duration = Duration::from_secs(30);

    fn count(&mut self, now: Monotonic, answered: bool) {
        let span = Self::span(now);
        let Some(bucket) = self.buckets.get_mut((span % Self::BUCKETS as u64) as usize) else { return };
        if bucket.span != span {
            *bucket = Bucket { span, ..Bucket::default() };
        }
        let count = if answered { &mut bucket.answers } else { &mut bucket.failures };
        *count = count.saturating_add(1);
    }

    fn is_bad(&self, now: Monotonic) -> bool {
        let oldest = Self::span(now).saturating_sub(Self::BUCKETS as u64 - 1);
        let recent = self.buckets.iter().filter(|bucket| bucket.span >= oldest);
        let (answers, failures) = recent.fold((0_u32, 0_u32), |sum, bucket| (sum.0 + bucket.answers, sum.1 + bucket.failures));
        let total = answers + failures;
        total >= ENOUGH && f64::from(answers) < HEALTHY * f64::from(total)
    }

    fn span(now: Monotonic) -> u64 {
        now.elapsed_since_epoch().as_secs() / (Self::LENGTH.as_secs() / Self::BUCKETS as u64)
    }
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

    fn until(breaker: &Breaker, now: Monotonic) -> Option<Monotonic> {
        breaker.until(now).map(|(until, _)| until)
    }

    /// Whether the pause is as long as named, give or take the jitter.
    fn is_about(pause: Duration, seconds: u64) -> bool {
        (pause.as_secs_f64() / seconds as f64 - 1.0).abs() <= JITTER
    }

    fn tripped() -> Breaker {
        let mut breaker = Breaker::default();
        (0..FAILURES).for_each(|_| breaker.observe_failure(at(0), &mut rng()));
        breaker
    }

    #[test]
    fn opens_after_five_failures_in_a_row_and_not_before() {
        let mut breaker = Breaker::default();
        (0..4).for_each(|_| breaker.observe_failure(at(0), &mut rng()));
        assert_eq!(until(&breaker, at(0)), None);
        breaker.observe_answer(at(0));
        (0..4).for_each(|_| breaker.observe_failure(at(0), &mut rng()));
        assert_eq!(until(&breaker, at(0)), None);
        breaker.observe_failure(at(0), &mut rng());
        assert!(is_about(until(&breaker, at(0)).unwrap().since(at(0)), 5));
    }

    #[test]
    fn opens_when_most_of_the_last_half_minute_failed() {
        let mut breaker = Breaker::default();
        // Two of three fail, never five in a row.
        for second in 0..30 {
            if second % 3 == 0 {
                breaker.observe_answer(at(second));
            } else {
                breaker.observe_failure(at(second), &mut rng());
            }
        }
        assert!(breaker.trips > 0);
        let mut mostly_well = Breaker::default();
        for second in 0..300 {
            if second % 3 == 0 {
                mostly_well.observe_failure(at(second), &mut rng());
            } else {
                mostly_well.observe_answer(at(second));
            }
        }
        assert_eq!(mostly_well.trips, 0);
    }

    #[test]
    fn lets_one_probe_through_at_a_time() {
        let mut breaker = tripped();
        assert_eq!(until(&breaker, at(6)), None);
        breaker.start(at(6), 1);
        assert!(until(&breaker, at(6)).is_some());
        breaker.observe_answer(at(6));
        assert_eq!(until(&breaker, at(6)), None);
    }

    #[test]
    fn a_failed_probe_doubles_the_pause_up_to_a_quarter_of_a_minute() {
        let mut breaker = tripped();
        let mut now = at(6);
        for pause in [10, 15, 15] {
            breaker.start(now, 1);
            breaker.observe_failure(now, &mut rng());
            let open_until = until(&breaker, now).unwrap();
            assert!(is_about(open_until.since(now), pause));
            now = open_until;
        }
    }

    #[test]
    fn a_rate_limit_fails_the_probe() {
        let mut breaker = tripped();
        breaker.start(at(6), 1);
        breaker.observe_refusal(at(6), &mut rng());
        assert!(is_about(until(&breaker, at(6)).unwrap().since(at(6)), 10));
    }

    #[test]
    fn failures_of_requests_from_before_it_opened_do_not_prolong_it() {
        let mut breaker = tripped();
        let before = until(&breaker, at(1));
        (0..20).for_each(|_| breaker.observe_failure(at(1), &mut rng()));
        assert_eq!(until(&breaker, at(1)), before);
    }

    #[test]
    fn a_probe_that_is_called_off_or_lost_makes_room_for_another() {
        let mut breaker = tripped();
        breaker.start(at(6), 1);
        breaker.observe_nothing(at(7), 1);
        assert_eq!(until(&breaker, at(7)), None);
        breaker.start(at(7), 1);
        let lost = until(&breaker, at(7)).unwrap();
        assert_eq!(until(&breaker, lost), None);
    }

    #[test]
    fn another_attempt_that_is_called_off_does_not_make_room_for_a_second_probe() {
        let mut breaker = tripped();
        breaker.start(at(6), 1);
        breaker.observe_nothing(at(7), 0);
        assert!(until(&breaker, at(7)).is_some());
    }

    #[test]
    fn a_backend_that_returned_is_spared_for_half_a_minute() {
        let mut breaker = tripped();
        breaker.start(at(6), 1);
        breaker.observe_answer(at(6));
        assert_eq!(breaker.room(at(6)), Some(2));
        (0..3).for_each(|_| breaker.observe_begun(at(7)));
        assert_eq!(breaker.room(at(7)), Some(5));
        assert_eq!(breaker.room(at(36)), None);
    }

    #[test]
    fn answers_that_break_off_are_no_answers() {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            breaker.observe_begun(at(0));
            breaker.observe_failure(at(0), &mut rng());
        }
        assert!(until(&breaker, at(0)).is_some());
    }

    #[test]
    fn a_backend_that_falls_while_it_is_spared_stays_out_longer() {
        let mut breaker = tripped();
        breaker.start(at(6), 1);
        breaker.observe_answer(at(6));
        (0..FAILURES).for_each(|_| breaker.observe_failure(at(8), &mut rng()));
        assert!(is_about(until(&breaker, at(8)).unwrap().since(at(8)), 10));
    }

    #[test]
    fn a_backend_that_does_not_know_us_is_left_alone_for_a_minute() {
        let mut breaker = Breaker::default();
        breaker.observe_misconfigured(at(0), &mut rng());
        let (until, cause) = breaker.until(at(0)).unwrap();
        assert!(is_about(until.since(at(0)), 60) && cause == Cause::Misconfigured);
        breaker.start(at(70), 1);
        breaker.observe_answer(at(71));
        assert_eq!(breaker.until(at(71)), None);
    }
}
