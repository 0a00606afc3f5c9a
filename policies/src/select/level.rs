//! How much slower or faster than its usual law a backend is just now: a factor that follows within a few samples.

use std::time::Duration;

use super::monotonic::Monotonic;

/// The weight of a new sample grows with the time since the last: samples a few seconds apart are news of their own, samples milliseconds
/// apart tell the same story.
const MEMORY: Duration = Duration::from_secs(4);
/// At high rates a sample still counts this much: hundreds of samples per `MEMORY` average enough.
const LEAST_WEIGHT: f64 = 0.02;
/// At low rates no single sample counts more than this.
const MOST_WEIGHT: f64 = 0.30;
/// How fast the spread follows.
const SPREAD_WEIGHT: f64 = 0.04;
/// Cutting the steps makes the samples look closer together than they are, by about this much.
const CUT_CORRECTION: f64 = 1.15;
/// A step is cut to this many standard deviations: one stalled answer is an outlier, several are a change.
const LONGEST_STEP: f64 = 2.0;
/// No sample is taken for more than this, in the logarithm: a factor of twelve.
const FARTHEST: f64 = 2.5;
/// The variance stays above this, so that identical answers cannot freeze the level.
const LEAST_VARIANCE: f64 = 0.01;
/// For so many seconds after the last sample, nothing fades.
const FRESH_FOR: f64 = 5.0;
/// Then the level returns to the law with this time constant, in seconds.
const FADE: f64 = 60.0;

/// The logarithm of the factor between what is observed and what the law (`regression`) says, and its spread.
///
/// Latencies of language models are close to log-normal: one answer in a hundred takes ten times as long. In the logarithm, with bounded
/// steps, one stalled answer moves the level a little and a lasting change moves it within five to eight answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    offset: f64,
    variance: f64,
    /// The most of the variance that counts in a mean: the tail of a backend in chaos is no forecast.
    most: f64,
    /// What of the variance counts in a mean; the factor itself; and the mean over the median: exponentials are dear, and a decision looks at every backend.
    counted: f64,
    median: f64,
    skew: f64,
    updated: Option<Monotonic>,
}

impl Level {
    /// As the law says, with so much spread, of which no more than `most` counts in a mean.
    pub(super) fn new(variance: f64, most: f64) -> Self {
        let mut this = Self { offset: 0.0, variance, most, counted: variance, median: 1.0, skew: 1.0, updated: None };
        this.keep_factors();
        this
    }

    /// Learns of an answer that took `e^surprise` times what the law says.
    pub(super) fn observe(&mut self, now: Monotonic, surprise: f64) {
        let longest = LONGEST_STEP * self.variance.sqrt();
        let step = (surprise.clamp(-FARTHEST, FARTHEST) - self.offset).clamp(-longest, longest);
        self.offset += self.weight(now) * step;
        let spread = CUT_CORRECTION * step * step - self.variance;
        self.variance = (self.variance + SPREAD_WEIGHT * spread).max(LEAST_VARIANCE);
        self.updated = self.updated.max(Some(now));
        self.keep_factors();
    }

    /// Starts over: the first samples teach the law, not the deviation from it.
    pub(super) fn settle(&mut self) {
        self.offset = 0.0;
        self.keep_factors();
    }

    /// The logarithm of the factor, of which time has left so much ([`fade`]).
    pub(super) fn offset(&self, left: f64) -> f64 {
        self.offset * left
    }

    /// The factor at the median, for this logarithm of it.
    pub(super) fn median_factor(&self, offset: f64) -> f64 {
        if offset == self.offset { self.median } else { offset.exp() }
    }

    /// The factor in the mean, where the median is so much: skewed as latencies are, their mean is above their median.
    pub(super) fn mean_factor(&self, median: f64) -> f64 {
        median * self.skew
    }

    /// The part of the variance that counts in a mean.
    pub(super) const fn counted_variance(&self) -> f64 {
        self.counted
    }

    /// The logarithm of the factor as last observed, however long ago.
    pub(super) const fn last_offset(&self) -> f64 {
        self.offset
    }

    /// The variance of single answers around it.
    pub(super) const fn variance(&self) -> f64 {
        self.variance
    }

    /// Doubts what is known: the spread is so many times as wide.
    pub(super) fn widen(&mut self, variance: f64, factor: f64) {
        self.variance = variance * factor;
        self.keep_factors();
    }

    fn keep_factors(&mut self) {
        self.counted = self.variance.min(self.most);
        self.median = self.offset.exp();
        self.skew = (self.counted / 2.0).exp();
    }

    fn weight(&self, now: Monotonic) -> f64 {
        let Some(updated) = self.updated else { return MOST_WEIGHT };
        let share = now.seconds_since(updated) / MEMORY.as_secs_f64();
        (1.0 - (-share).exp()).clamp(LEAST_WEIGHT, MOST_WEIGHT)
    }
}

/// What remains of news so many seconds old: all of it while fresh, then less and less.
pub(super) fn fade(age: f64) -> f64 {
    if age <= FRESH_FOR { 1.0 } else { ((FRESH_FOR - age) / FADE).exp() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Monotonic {
        Monotonic::since_epoch(Duration::from_secs_f64(seconds))
    }

    /// Nothing has faded.
    const ALL: f64 = 1.0;

    #[test]
    fn one_stalled_answer_moves_the_level_a_little() {
        let mut level = Level::new(0.25, 1.0);
        (0..50).for_each(|i| level.observe(at(f64::from(i)), 0.0));
        level.observe(at(50.0), 4.0);
        assert!(level.offset(ALL) > 0.0 && level.offset(ALL) < 0.3, "{level:?}");
    }

    #[test]
    fn a_lasting_change_is_learnt_within_eight_answers() {
        let mut level = Level::new(0.25, 1.0);
        // Answers that vary as real ones do: the spread tells an outlier from a change.
        (0..60_i32).for_each(|i| level.observe(at(f64::from(i)), [-0.5, 0.0, 0.5][i.rem_euclid(3) as usize]));
        (60..68_i32).for_each(|i| level.observe(at(f64::from(i)), 1.6 + [-0.5, 0.0, 0.5][i.rem_euclid(3) as usize]));
        assert!((1.0..2.0).contains(&level.offset(ALL)), "{level:?}");
    }

    #[test]
    fn old_news_fades() {
        let mut level = Level::new(0.25, 1.0);
        (0..50).for_each(|i| level.observe(at(f64::from(i)), 1.0));
        let fresh = level.offset(fade(5.0));
        assert_eq!(fresh, level.offset(ALL));
        assert!(level.offset(fade(65.0)) < fresh / 2.0);
    }
}
