//! How long a backend takes to answer: a level and a spread in the logarithm of seconds, which follow the answers
//! and fade without them.

use std::time::Duration;

use super::monotonic::Monotonic;

/// The weight of a new sample grows with the time since the last: samples a few seconds apart are news of their
/// own, samples milliseconds apart tell the same story.
const MEMORY: Duration = Duration::from_secs(4);
/// At high rates a sample still counts this much: hundreds of samples per `MEMORY` average enough.
const LEAST_WEIGHT: f64 = 0.02;
/// At low rates no single sample counts more than this.
const MOST_WEIGHT: f64 = 0.30;
/// How fast the spread follows.
const SPREAD_WEIGHT: f64 = 0.04;
/// A step is cut to this many standard deviations: one stalled answer is an outlier, several are a change.
const LONGEST_STEP: f64 = 2.0;
/// Variance before anything is known: about what log-normal fits of first-token times give (deviation 0.5).
const PRIOR_VARIANCE: f64 = 0.25;
/// The variance stays in this range, so that identical answers cannot freeze the level, nor chaos unhinge it.
const VARIANCE_RANGE: (f64, f64) = (0.01, 1.0);
/// For so long after the last sample, nothing fades.
const FRESH_FOR: Duration = Duration::from_secs(5);
/// Then the level returns to the prior with this time constant.
const FADE: Duration = Duration::from_secs(60);
/// Shorter than any real answer; keeps the logarithm finite.
const SHORTEST: f64 = 1e-6;

/// A decayed estimate of a latency.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    /// ln(seconds), before anything is known.
    prior: f64,
    /// How far the level is from the prior, as of `updated`.
    offset: f64,
    variance: f64,
    samples: u32,
    /// When the last sample came, if any came.
    updated: Option<Monotonic>,
}

impl Latency {
    pub(super) fn new(prior: Duration) -> Self {
        let prior = logarithm(prior);
        Self { prior, offset: 0.0, variance: PRIOR_VARIANCE, samples: 0, updated: None }
    }

    /// An answer took this long.
    pub(super) fn observe(&mut self, now: Monotonic, took: Duration) {
        let offset = self.offset_at(now);
        let surprise = logarithm(took) - self.prior - offset;
        if self.samples == 0 {
            // The prior is a guess; the first answer is a fact.
            self.step(now, offset + surprise);
            return;
        }
        let longest = LONGEST_STEP * self.variance.sqrt();
        let step = surprise.clamp(-longest, longest);
        let (least, most) = VARIANCE_RANGE;
        self.variance = (self.variance + SPREAD_WEIGHT * (step * step - self.variance)).clamp(least, most);
        self.step(now, offset + self.weight(now) * step);
    }

    /// No answer came for this long, and then nobody waited any more: it would have taken longer still. That can
    /// raise the level, never lower it.
    pub(super) fn observe_at_least(&mut self, now: Monotonic, waited: Duration) {
        if logarithm(waited) > self.prior + self.offset_at(now) {
            self.observe(now, waited);
        }
    }

    /// The expected time to answer, in seconds: the mean of the log-normal distribution.
    pub(super) fn expected(&self, now: Monotonic) -> f64 {
        (self.prior + self.offset_at(now) + self.variance / 2.0).exp()
    }

    /// How long ago the last sample came; `None` if none ever did.
    pub(super) fn age(&self, now: Monotonic) -> Option<Duration> {
        self.updated.map(|updated| now.since(updated))
    }

    fn step(&mut self, now: Monotonic, offset: f64) {
        self.offset = offset;
        self.samples = self.samples.saturating_add(1);
        self.updated = self.updated.max(Some(now));
    }

    /// How much the next sample counts. The first few form their plain average.
    fn weight(&self, now: Monotonic) -> f64 {
        let since = self.age(now).unwrap_or(MEMORY).as_secs_f64();
        let by_time = (1.0 - (-since / MEMORY.as_secs_f64()).exp()).clamp(LEAST_WEIGHT, MOST_WEIGHT);
        by_time.max(1.0 / f64::from(self.samples.saturating_add(1)))
    }

    fn offset_at(&self, now: Monotonic) -> f64 {
        self.offset * fade(self.age(now))
    }
}

/// What remains of old news: all of it while fresh, then less and less.
pub(super) fn fade(age: Option<Duration>) -> f64 {
    let stale = age.unwrap_or_default().saturating_sub(FRESH_FOR);
    (-stale.as_secs_f64() / FADE.as_secs_f64()).exp()
}

fn logarithm(duration: Duration) -> f64 {
    duration.as_secs_f64().max(SHORTEST).ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: f64) -> Monotonic {
        Monotonic::since_epoch(Duration::from_secs_f64(seconds))
    }

    fn taught(samples: impl IntoIterator<Item = (f64, f64)>) -> Latency {
        let mut latency = Latency::new(Duration::from_secs(1));
        for (when, took) in samples {
            latency.observe(at(when), Duration::from_secs_f64(took));
        }
        latency
    }

    #[test]
    fn before_any_answer_the_prior_counts() {
        let expected = Latency::new(Duration::from_secs(2)).expected(at(100.0));
        assert!((2.0..2.5).contains(&expected), "{expected}");
    }

    #[test]
    fn one_stalled_answer_moves_the_estimate_a_little() {
        let mut latency = taught((0..50).map(|i| (f64::from(i), 0.5)));
        let before = latency.expected(at(49.0));
        latency.observe(at(50.0), Duration::from_secs(30));
        let after = latency.expected(at(50.0));
        assert!(after > before && after < before * 1.3, "{before} -> {after}");
    }

    #[test]
    fn a_lasting_change_is_learnt_within_a_dozen_answers() {
        // Answers that vary as real ones do: the spread tells an outlier from a change.
        let varied = |i: i32, level: f64| level * [0.6, 1.0, 1.6][i.rem_euclid(3) as usize];
        let mut latency = taught((0..60).map(|i| (f64::from(i), varied(i, 0.5))));
        for i in 60..72 {
            latency.observe(at(f64::from(i)), Duration::from_secs_f64(varied(i, 2.5)));
        }
        let expected = latency.expected(at(72.0));
        assert!((1.7..4.0).contains(&expected), "{expected}");
    }

    #[test]
    fn without_answers_the_estimate_returns_to_the_prior() {
        let latency = taught((0..20).map(|i| (f64::from(i), 20.0)));
        assert!(latency.expected(at(20.0)) > 19.0);
        let faded = latency.expected(at(20.0 + 400.0));
        assert!(faded < 1.2, "{faded}");
    }

    #[test]
    fn giving_up_early_says_nothing_and_giving_up_late_says_slow() {
        let mut latency = taught((0..20).map(|i| (f64::from(i), 1.0)));
        let before = latency.expected(at(20.0));
        latency.observe_at_least(at(20.0), Duration::from_millis(1));
        assert_eq!(latency.expected(at(20.0)), before);
        latency.observe_at_least(at(20.0), Duration::from_secs(8));
        assert!(latency.expected(at(20.0)) > before);
    }

    #[test]
    fn reports_out_of_order_are_harmless() {
        let latency = taught([(10.0, 1.0), (5.0, 1.0), (10.0, 1.0)]);
        assert_eq!(latency.age(at(11.0)), Some(Duration::from_secs(1)));
        assert!(latency.expected(at(11.0)).is_finite());
    }

    proptest! {
        #[test]
        fn constant_answers_are_learnt(took in 0.001..100.0_f64, gap in 0.01..4.0_f64) {
            let latency = taught((0..300).map(|i| (f64::from(i) * gap, took)));
            let expected = latency.expected(at(299.0 * gap));
            prop_assert!((took * 0.9..took * 1.2).contains(&expected), "{} for {}", expected, took);
        }

        #[test]
        fn a_slower_answer_never_gives_a_lower_estimate(
            history in prop::collection::vec(0.01..50.0_f64, 0..30), faster in 0.01..50.0_f64, slower in 0.01..50.0_f64,
        ) {
            let (faster, slower) = (faster.min(slower), faster.max(slower));
            let now = history.len() as f64;
            let after = |last: f64| {
                let samples = history.iter().copied().chain([last]);
                taught(samples.enumerate().map(|(i, took)| (i as f64, took)))
            };
            // The level; the spread may grow with a surprise in either direction.
            prop_assert!(after(faster).offset_at(at(now)) <= after(slower).offset_at(at(now)) + 1e-12);
        }

        #[test]
        fn the_estimate_stays_finite_and_positive(
            samples in prop::collection::vec((0.0..1e6_f64, 0.0..1e9_f64), 0..50), when in 0.0..1e7_f64,
        ) {
            let expected = taught(samples).expected(at(when));
            prop_assert!(expected.is_finite() && expected > 0.0);
        }
    }
}
