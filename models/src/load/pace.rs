//! What a unit of work costs, learnt while it is done.
//!
//! # A structure and a level
//! The structure says what a step costs from what is in it; it is fitted to the steps of the last minute. The level is how much longer the
//! last few steps took than the structure has it: a machine that others begin to use is slower in all its steps at
//! once, and that must be noticed within seconds.
//!
//! # The rehearsal is never forgotten
//! Steps computed at start count for ever, each as one step, beside thousands of recent ones. They say what prompts cost while only
//! answers are being generated, and after a quiet spell they are what the pace returns to: an engine that was slow when it was last
//! asked, and is therefore asked no more, would otherwise be slow for ever.

use std::time::Duration;

use tokio::time::Instant;

use super::Work;
use super::evidence::{Evidence, predict};

/// How long the structure remembers a step.
const STRUCTURE_MEMORY: Duration = Duration::from_secs(60);

/// How long the level remembers one.
const LEVEL_MEMORY: Duration = Duration::from_secs(4);

/// The least and the most that one step moves the level: many quick steps are needed to say something, and a slow one
/// is only one.
const LEVEL_SHARE: (f64, f64) = (0.02, 0.3);

/// A step counts as at most this many times slower or faster than the level: a single stall says little of the next step.
const LEVEL_CLIP: f64 = 2.0;

/// The same for the structure, against its own prediction.
const STRUCTURE_CLIP: f64 = 5.0;

/// Without a step for this long, the pace begins to return to the rehearsal's.
const QUIET: Duration = Duration::from_secs(5);

/// How quickly it does.
const RETURN: Duration = Duration::from_secs(60);

/// Fits after the rehearsal, whose coefficients have no earlier ones to start from.
const FIRST_FITS: usize = 64;

/// No step is taken to be shorter: a clock that did not move has not measured anything.
const CLOCK: Duration = Duration::from_nanos(1);

/// What is assumed where there was no rehearsal, in seconds: a small model on a few cores.
const GUESS: [(f64, f64); 2] = [(64.0, 0.3), (1.0, 0.03)];

/// Seconds a unit.
type Coefficients = [f64; Work::UNITS];

/// What is learnt of the time that steps take.
#[derive(Debug, Clone)]
pub(crate) struct Pace {
    rehearsed: Evidence<{ Work::UNITS }>,
    recent: Evidence<{ Work::UNITS }>,
    baseline: Coefficients,
    structure: Coefficients,
    level: f64,
    learnt: Option<Instant>,
}

impl Pace {
    /// What `steps` of a rehearsal took; a guess if there were none.
    pub(crate) fn rehearsed(steps: &[(Work, Duration)]) -> Self {
        let mut rehearsed = Evidence::NONE;
        for &(step, took) in steps {
            let seconds = took.max(CLOCK).as_secs_f64();
            rehearsed.add(step.units(), seconds, seconds);
        }
        if steps.is_empty() {
            let [(read, reading), (generated, generating)] = GUESS;
            rehearsed.add([1.0, read, 0.0, 0.0], reading, reading);
            rehearsed.add([1.0, 0.0, generated, 0.0], generating, generating);
        }
        let mut baseline = [0.0; Work::UNITS];
        for _ in 0..FIRST_FITS {
            rehearsed.fit(&mut baseline);
        }
        Self { rehearsed, recent: Evidence::NONE, baseline, structure: baseline, level: 1.0, learnt: None }
    }

    /// Learns that `step`, which ended `now`, took so long.
    pub(crate) fn learn(&mut self, step: &Work, took: Duration, now: Instant) {
        let since = self.learnt.map_or(took, |before| now.saturating_duration_since(before));
        // What quiet has made doubtful is not to be learnt from.
        self.level = self.costs().level(now);
        self.learnt = Some(now);

        let units = step.units();
        let expected = predict(&self.structure, units);
        if expected <= 0.0 {
            return;
        }
        let ratio = took.as_secs_f64() / expected;
        let share = (1.0 - remembered(since, LEVEL_MEMORY)).clamp(LEVEL_SHARE.0, LEVEL_SHARE.1);
        self.level += share * (ratio.clamp(self.level / LEVEL_CLIP, self.level * LEVEL_CLIP) - self.level);

        self.recent.keep(remembered(since, STRUCTURE_MEMORY));
        self.recent.add(units, expected * ratio.clamp(STRUCTURE_CLIP.recip(), STRUCTURE_CLIP), expected);
        // An error counts as a share of what is expected now, in the rehearsal too: else it would outweigh slower steps.
        let rehearsed = predict(&self.baseline, units);
        let mut all = self.rehearsed;
        all.keep(if rehearsed > 0.0 { (rehearsed / expected).powi(2) } else { 1.0 });
        all.and(&self.recent).fit(&mut self.structure);
    }

    /// The present state of it.
    pub(crate) const fn costs(&self) -> Costs {
        Costs { baseline: self.baseline, structure: self.structure, level: self.level, learnt: self.learnt }
    }
}

/// What a unit of work costs, as it was last known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs {
    baseline: Coefficients,
    structure: Coefficients,
    level: f64,
    learnt: Option<Instant>,
}

impl Costs {
    /// How long `work` takes if it is begun `now`.
    pub(crate) fn time(&self, work: &Work, now: Instant) -> Duration {
        let seconds = predict(&self.per_unit(now), work.units());
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// Seconds that a unit of each kind takes if it is begun `now`.
    pub(crate) fn per_unit(&self, now: Instant) -> Coefficients {
        let trust = self.trust(now);
        let mut blend = self.baseline;
        for (rehearsed, recent) in blend.iter_mut().zip(&self.structure) {
            *rehearsed = trust * recent * self.level + (1.0 - trust) * *rehearsed;
        }
        blend
    }

    /// The level, or what quiet has left of it.
    fn level(&self, now: Instant) -> f64 {
        1.0 + (self.level - 1.0) * self.trust(now)
    }

    /// How far what was learnt still holds.
    fn trust(&self, now: Instant) -> f64 {
        let quiet = self.learnt.map_or(Duration::ZERO, |learnt| now.saturating_duration_since(learnt));
        remembered(quiet.saturating_sub(QUIET), RETURN)
    }
}

/// What is left after `since` of something that is remembered for `memory`.
fn remembered(since: Duration, memory: Duration) -> f64 {
    (-since.as_secs_f64() / memory.as_secs_f64()).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads `tokens` behind the `position` that are read already, `chunk` a step.
    fn prefill(position: usize, tokens: usize, chunk: usize) -> Work {
        let end = position + tokens;
        let starts = (position..end).step_by(chunk);
        starts.map(|start| Work::step([(start, chunk.min(end - start))].into_iter())).sum()
    }

    /// Generates `tokens`, one a step, behind the `position` that are there already.
    fn decode(position: usize, tokens: usize) -> Work {
        (position..position + tokens).map(|place| Work::step([(place, 1)].into_iter())).sum()
    }

    /// What a step takes: 10 ms, a millisecond a token read, two a token generated, and a microsecond for each attended to.
    fn truth(step: &Work, slowness: f64) -> Duration {
        Duration::from_secs_f64(predict(&[0.01, 0.001, 0.002, 1e-6], step.units()) * slowness)
    }

    fn error(pace: &Pace, work: &Work, slowness: f64, now: Instant) -> f64 {
        (pace.costs().time(work, now).as_secs_f64() / truth(work, slowness).as_secs_f64()).ln().abs()
    }

    fn rehearsed() -> Pace {
        let steps = [prefill(0, 16, 64), prefill(16, 64, 64), prefill(80, 400, 400), decode(480, 1)];
        Pace::rehearsed(&steps.map(|step| (step, truth(&step, 1.0))))
    }

    /// Reads prompts and generates answers at this pace, `requests` times.
    fn run(pace: &mut Pace, now: &mut Instant, slowness: f64, requests: usize) {
        for _ in 0..requests {
            let answer = (128..138).map(|position| decode(position, 1));
            for step in [prefill(0, 64, 64), prefill(64, 64, 64)].into_iter().chain(answer) {
                let took = truth(&step, slowness);
                *now += took;
                pace.learn(&step, took, *now);
            }
        }
    }

    #[test]
    fn a_rehearsal_of_a_few_steps_is_enough_to_begin() {
        let (pace, now) = (rehearsed(), Instant::now());
        for work in [prefill(0, 500, 64), decode(100, 50), prefill(0, 10, 64)] {
            assert!(error(&pace, &work, 1.0, now) < 0.2, "{work:?}: {}", error(&pace, &work, 1.0, now));
        }
    }

    #[test]
    fn a_machine_that_turned_slower_is_noticed_within_seconds() {
        let (mut pace, mut now) = (rehearsed(), Instant::now());
        run(&mut pace, &mut now, 1.0, 20);
        assert!(error(&pace, &prefill(0, 500, 64), 1.0, now) < 0.1);
        let (start, whole) = (now, prefill(0, 500, 64) + decode(500, 50));
        run(&mut pace, &mut now, 5.0, 6);
        assert!(now - start < Duration::from_secs(12), "{:?}", now - start);
        assert!(error(&pace, &whole, 5.0, now) < 0.25, "{}", error(&pace, &whole, 5.0, now));
    }

    #[test]
    fn a_single_stall_says_little() {
        let (mut pace, mut now) = (rehearsed(), Instant::now());
        run(&mut pace, &mut now, 1.0, 20);
        let step = decode(100, 1);
        now += Duration::from_secs(30);
        pace.learn(&step, Duration::from_secs(30), now);
        assert!(error(&pace, &decode(100, 50), 1.0, now) < 0.3);
    }

    #[test]
    fn what_was_learnt_gives_way_to_the_rehearsal_when_nothing_happens() {
        let (mut pace, mut now) = (rehearsed(), Instant::now());
        run(&mut pace, &mut now, 5.0, 50);
        let work = prefill(0, 200, 64);
        let (busy, quiet) = (error(&pace, &work, 5.0, now), error(&pace, &work, 1.0, now + Duration::from_secs(600)));
        assert!(busy < 0.2 && quiet < 0.1, "{busy} {quiet}");
    }

    #[test]
    fn without_a_rehearsal_there_is_a_guess_that_the_first_steps_correct() {
        let (mut pace, mut now) = (Pace::rehearsed(&[]), Instant::now());
        assert!(pace.costs().time(&decode(10, 1), now) > Duration::ZERO);
        run(&mut pace, &mut now, 1.0, 20);
        let whole = prefill(0, 128, 64) + decode(128, 10);
        assert!(error(&pace, &whole, 1.0, now) < 0.1, "{}", error(&pace, &whole, 1.0, now));
    }
}
