//! Takes out a backend that only fails, and lets one request at a time find out whether it is back.

use std::time::Duration;

use super::cooldown::doubled;
use super::monotonic::Monotonic;

/// So many failures in a row trip the breaker.
const FAILURES: u32 = 5;
/// How long it is open the first time; each time the probe fails, twice as long.
const SHORTEST: Duration = Duration::from_secs(5);
/// The longest it is open.
const LONGEST: Duration = Duration::from_secs(60);

/// Whether a backend is worth a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Breaker {
    /// It is. Counts the failures since the last answer.
    Closed { failures: u32 },
    /// It is not, until a moment; from then on, half open: the next request is a probe. `trips` counts how often
    /// it has opened in a row.
    Open { until: Monotonic, trips: u32 },
    /// A probe is under way. Should its outcome never be reported, the next one may start at `until`.
    Probing { until: Monotonic, trips: u32 },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl Breaker {
    /// The backend answered.
    pub(super) fn observe_answer(&mut self) {
        *self = Self::default();
    }

    /// The backend failed.
    pub(super) fn observe_failure(&mut self, now: Monotonic) {
        *self = match *self {
            Self::Closed { failures } if failures + 1 < FAILURES => Self::Closed { failures: failures + 1 },
            Self::Closed { .. } => Self::open(now, 0),
            // A request from before it opened; the breaker knows already.
            open @ Self::Open { until, .. } if now < until => open,
            Self::Open { trips, .. } | Self::Probing { trips, .. } => Self::open(now, trips),
        };
    }

    /// An attempt ended without saying anything about the backend. If it was the probe, another may start.
    pub(super) fn observe_nothing(&mut self, now: Monotonic) {
        if let Self::Probing { trips, .. } = *self {
            *self = Self::Open { until: now, trips };
        }
    }

    /// A request is being sent. While half open, it is the probe, and keeps others away.
    pub(super) fn start(&mut self, now: Monotonic) {
        if let Self::Open { trips, .. } | Self::Probing { trips, .. } = *self {
            *self = Self::Probing { until: now + pause(trips), trips };
        }
    }

    /// When the backend may be tried again, if that is not now.
    pub(super) fn until(&self, now: Monotonic) -> Option<Monotonic> {
        match *self {
            Self::Closed { .. } => None,
            Self::Open { until, .. } | Self::Probing { until, .. } => (now < until).then_some(until),
        }
    }

    fn open(now: Monotonic, trips: u32) -> Self {
        Self::Open { until: now + pause(trips), trips: trips.saturating_add(1) }
    }
}

fn pause(trips: u32) -> Duration {
    doubled(SHORTEST, trips, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Monotonic {
        Monotonic::since_epoch(Duration::from_secs(seconds))
    }

    fn tripped() -> Breaker {
        let mut breaker = Breaker::default();
        (0..FAILURES).for_each(|_| breaker.observe_failure(at(0)));
        breaker
    }

    #[test]
    fn opens_after_five_failures_in_a_row_and_not_before() {
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.observe_failure(at(0));
        }
        assert_eq!(breaker.until(at(0)), None);
        breaker.observe_answer();
        for _ in 0..4 {
            breaker.observe_failure(at(0));
        }
        assert_eq!(breaker.until(at(0)), None);
        breaker.observe_failure(at(0));
        assert_eq!(breaker.until(at(0)), Some(at(5)));
    }

    #[test]
    fn lets_one_probe_through_at_a_time() {
        let mut breaker = tripped();
        assert_eq!(breaker.until(at(5)), None);
        breaker.start(at(5));
        assert!(breaker.until(at(5)).is_some());
        breaker.observe_answer();
        assert_eq!(breaker.until(at(5)), None);
    }

    #[test]
    fn a_failed_probe_doubles_the_pause_up_to_a_minute() {
        let mut breaker = tripped();
        let mut now = at(5);
        for pause in [10, 20, 40, 60, 60] {
            breaker.start(now);
            breaker.observe_failure(now);
            assert_eq!(breaker.until(now), Some(now + Duration::from_secs(pause)));
            now = now + Duration::from_secs(pause);
        }
    }

    #[test]
    fn failures_of_requests_from_before_it_opened_do_not_prolong_it() {
        let mut breaker = tripped();
        (0..20).for_each(|_| breaker.observe_failure(at(1)));
        assert_eq!(breaker.until(at(1)), Some(at(5)));
    }

    #[test]
    fn a_probe_that_is_called_off_or_lost_makes_room_for_another() {
        let mut breaker = tripped();
        breaker.start(at(5));
        breaker.observe_nothing(at(6));
        assert_eq!(breaker.until(at(6)), None);
        breaker.start(at(6));
        let until = breaker.until(at(6)).unwrap();
        assert_eq!(breaker.until(until), None);
    }
}
