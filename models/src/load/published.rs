//! What an engine tells of its load, as it was at the last change: read by many, without a lock.

use std::time::Duration;

use tokio::time::Instant;

use super::pace::Costs;
use super::{Full, Work};

/// What an engine has taken on, in the order in which it will be done.
pub(crate) struct Backlog {
    /// The step that is being computed, and since when.
    pub(crate) step: Option<(Work, Instant)>,
    /// What is left of the request that it belongs to.
    pub(crate) rest: Work,
    /// All requests that wait.
    pub(crate) waiting: Work,
    /// Where there is no room for another request, the work of those that must leave the queue first.
    pub(crate) until_room: Option<Work>,
}

/// The same in time, with what a unit of work costs.
#[derive(Debug)]
pub(crate) struct Published {
    step: Option<Step>,
    after_step: Duration,
    room_after_step: Option<Duration>,
    costs: Costs,
}

#[derive(Debug)]
struct Step {
    began: Instant,
    expected: Duration,
}

impl Published {
    pub(crate) fn new(backlog: &Backlog, costs: Costs, now: Instant) -> Self {
        let time = |work: &Work| costs.time(work, now);
        Self {
            step: backlog.step.as_ref().map(|(work, began)| Step { began: *began, expected: time(work) }),
            after_step: time(&(backlog.rest + backlog.waiting)),
            room_after_step: backlog.until_room.as_ref().map(|first| time(&(backlog.rest + *first))),
            costs,
        }
    }

    /// How long a request that comes `now` will wait before it is served.
    pub(crate) fn wait(&self, now: Instant) -> Duration {
        self.step_left(now).saturating_add(self.after_step)
    }

    /// How long this work takes.
    pub(crate) fn time(&self, work: &Work, now: Instant) -> Duration {
        self.costs.time(work, now)
    }

    /// Whether a request that comes `now` will be taken.
    pub(crate) fn room(&self, now: Instant) -> Result<(), Full> {
        match self.room_after_step {
            None => Ok(()),
            Some(after) => Err(Full { retry_after: self.step_left(now).saturating_add(after) }),
        }
    }

    /// What is left of the step. One that is overdue is expected to last as long again as it is late: the longer it has hung, the
    /// less there is to be said for its ending just now.
    fn step_left(&self, now: Instant) -> Duration {
        let left = |step: &Step| now.saturating_duration_since(step.began).abs_diff(step.expected);
        self.step.as_ref().map_or(Duration::ZERO, left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Pace;

    const fn steps(steps: f64) -> Work {
        Work::encode(steps, 0.0, 0.0)
    }

    #[test]
    fn a_step_passes_with_time_and_a_late_one_is_expected_to_be_late() {
        let now = Instant::now();
        // A second a step.
        let costs = Pace::rehearsed(&[(steps(1.0), Duration::from_secs(1))]).costs();
        let backlog =
            Backlog { step: Some((steps(4.0), now)), rest: steps(2.0), waiting: steps(10.0), until_room: Some(steps(1.0)) };
        let published = Published::new(&backlog, costs, now);
        for (passed, wait, room) in [(0, 16, 7), (3, 13, 4), (4, 12, 3), (9, 17, 8)] {
            let then = now + Duration::from_secs(passed);
            let near = |time: Duration, seconds: u64| time.abs_diff(Duration::from_secs(seconds)) < Duration::from_millis(10);
            assert!(near(published.wait(then), wait), "{:?} after {passed} s", published.wait(then));
            let full = published.room(then).unwrap_err();
            assert!(near(full.retry_after, room), "{full:?} after {passed} s");
        }
    }

    #[test]
    fn an_idle_engine_is_not_waited_for() {
        let now = Instant::now();
        let backlog = Backlog { step: None, rest: Work::default(), waiting: Work::default(), until_room: None };
        let published = Published::new(&backlog, Pace::rehearsed(&[]).costs(), now);
        assert_eq!(published.wait(now + Duration::from_secs(100)), Duration::ZERO);
        assert_eq!(published.room(now), Ok(()));
    }
}
