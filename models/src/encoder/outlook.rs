//! What an engine tells of its load, as it was at the last change: read by many, without a lock.

use std::time::Duration;

use tokio::time::Instant;

use super::size::Size;
use crate::load::{Forecast, Full, Pace, Work};

/// How much can wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Requests.
    pub(super) requests: usize,
    /// Tokens: once there are as many, no further request is taken.
    pub(super) tokens: usize,
    /// Tokens of one forward pass.
    pub(super) batch: usize,
}

/// What there is to do, and what it costs.
#[derive(Debug)]
pub(super) struct Outlook {
    step: Option<Step>,
    /// Of each request that waits.
    waiting: Vec<Size>,
    pace: Pace,
    bounds: Bounds,
}

#[derive(Debug)]
struct Step {
    began: Instant,
    expected: Duration,
}

impl Outlook {
    /// The step that is being computed since some time, and what waits.
    pub(super) fn new(step: Option<(Work, Instant)>, waiting: Vec<Size>, pace: Pace, bounds: Bounds) -> Self {
        let step = step.map(|(work, began)| Step { began, expected: pace.costs().time(&work, began) });
        Self { step, waiting, pace, bounds }
    }

    /// How long a request of so many tokens takes that comes `now`, if nobody comes after it.
    ///
    /// Requests take turns, so it waits for as much of each other as it has itself, and then for whatever shares its last batch.
    pub(super) fn forecast(&self, tokens: usize, now: Instant) -> Forecast {
        let (own, batch) = (Size::of(tokens), self.bounds.batch as f64);
        let all = self.total();
        let ahead: f64 = self.waiting.iter().map(|size| size.tokens.min(own.tokens)).sum();
        let passes = ((ahead + own.tokens) / batch).ceil().max(1.0);
        let others = (passes * batch - own.tokens).min(all.tokens).max(0.0);
        let time = self.time(&(self.part(others) + own).work(passes), now);
        Forecast { first_token: self.step_left(now).saturating_add(time), per_token: Duration::ZERO }
    }

    /// Whether a request that comes `now` will be taken.
    pub(super) fn room(&self, now: Instant) -> Result<(), Full> {
        let requests = self.waiting.len();
        if requests == 0 {
            return Ok(());
        }
        let all = self.total();
        // All of them get as far as the smallest before that one leaves.
        let smallest = self.waiting.iter().map(|size| size.tokens).fold(f64::INFINITY, f64::min);
        let until_fewer = (requests >= self.bounds.requests).then_some(smallest * requests as f64);
        let bound = self.bounds.tokens as f64;
        let until_smaller = (all.tokens >= bound).then_some(all.tokens - bound);
        let Some(tokens) = until_fewer.into_iter().chain(until_smaller).reduce(f64::max) else { return Ok(()) };
        let passes = (tokens / self.bounds.batch as f64).ceil();
        let time = self.time(&self.part(tokens).work(passes), now);
        Err(Full { retry_after: self.step_left(now).saturating_add(time) })
    }

    fn time(&self, work: &Work, now: Instant) -> Duration {
        self.pace.costs().time(work, now)
    }

    fn total(&self) -> Size {
        self.waiting.iter().fold(Size::default(), |sum, size| sum + *size)
    }

    /// So many tokens of what waits.
    fn part(&self, tokens: f64) -> Size {
        let all = self.total();
        if all.tokens > 0.0 { Size { tokens, squares: all.squares * tokens / all.tokens } } else { Size::default() }
    }

    /// What is left of the step. One that is overdue is expected to last as long again as it is late.
    fn step_left(&self, now: Instant) -> Duration {
        let left = |step: &Step| now.saturating_duration_since(step.began).abs_diff(step.expected);
        self.step.as_ref().map_or(Duration::ZERO, left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A millisecond a token, in batches of 100, with at most three requests or a thousand tokens.
    fn outlook(step: Option<(usize, Instant)>, waiting: &[usize]) -> Outlook {
        let pace = Pace::rehearsed(&[(Work::encode(0.0, 1.0, 0.0), Duration::from_millis(1))]);
        let step = step.map(|(tokens, began)| (Size::of(tokens).work(1.0), began));
        let waiting = waiting.iter().map(|tokens| Size::of(*tokens)).collect();
        Outlook::new(step, waiting, pace, Bounds { requests: 3, tokens: 1000, batch: 100 })
    }

    fn milliseconds(time: Duration) -> u128 {
        (time + Duration::from_micros(500)).as_millis()
    }

    #[test]
    fn a_small_request_waits_for_its_turn_and_not_for_all_that_wait() {
        let now = Instant::now();
        let forecast = |outlook: &Outlook, tokens| milliseconds(outlook.forecast(tokens, now).first_token);
        assert_eq!(forecast(&outlook(None, &[]), 20), 20);
        // The batch is filled up with what the other has.
        assert_eq!(forecast(&outlook(None, &[900]), 20), 100);
        assert_eq!(forecast(&outlook(None, &[10, 900]), 20), 100);
        assert_eq!(forecast(&outlook(None, &[10, 900]), 500), 1100);
        assert_eq!(forecast(&outlook(Some((80, now)), &[10]), 20), 110);
    }

    #[test]
    fn a_step_passes_with_time_and_a_late_one_is_expected_to_be_late() {
        let began = Instant::now();
        let outlook = outlook(Some((80, began)), &[]);
        for (passed, left) in [(0, 80), (50, 30), (80, 0), (100, 20)] {
            let now = began + Duration::from_millis(passed);
            assert_eq!(milliseconds(outlook.step_left(now)), left);
        }
    }

    #[test]
    fn a_full_engine_says_when_the_first_request_or_enough_tokens_will_be_gone() {
        let now = Instant::now();
        let room = |waiting: &[usize]| outlook(None, waiting).room(now).map_err(|full| milliseconds(full.retry_after));
        assert_eq!(room(&[5000]), Err(4000));
        assert_eq!(room(&[400, 500]), Ok(()));
        assert_eq!(room(&[50, 100, 200]), Err(150));
        assert_eq!(room(&[50, 100, 1200]), Err(350));
        assert_eq!(room(&[]), Ok(()));
    }
}
