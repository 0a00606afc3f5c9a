//! Inputs that nobody asks for, computed at start, so that the engine knows how quick it is before anybody asks.

use std::time::Duration;

use super::EncoderSettings;
use super::size::Size;
use super::{Encoder, TokenSequence};
use crate::decoder::ForwardError;
use crate::load::{Pace, Work};
use crate::queue::Clock;

/// Batches of unlike inputs, as (how many, how long): a query, a paragraph, several of them, a long one.
const SINGLE: [(usize, usize); 4] = [(1, 8), (1, 128), (4, 96), (1, 384)];

/// Batches that differ in nothing but their tokens: what a larger one gains shows in these.
const BUDGETS: [usize; 8] = [128, 256, 512, 1024, 2048, 4096, 8192, 16_384];

/// Tokens of an input in these: a sentence.
const SENTENCE: usize = 32;

/// A batch is large enough if it is so near to the quickest, in tokens a second.
const NEARLY: f64 = 0.9;

/// What is assumed where nothing was measured.
const GUESS: usize = 512;

/// What was found.
pub(super) struct Rehearsal {
    pub(super) pace: Pace,
    pub(super) batch_tokens: usize,
}

/// Computes batches of every size, `settings.rehearsals` times over.
///
/// # Errors
/// The model cannot be computed. It is better to know now than at the first request.
pub(super) fn rehearse(encoder: &mut dyn Encoder, settings: &EncoderSettings, clock: &Clock) -> Result<Rehearsal, ForwardError> {
    let mut stage = Stage { encoder, clock, times: settings.rehearsals, steps: Vec::new() };
    for (inputs, length) in SINGLE {
        stage.play(inputs, length)?;
    }
    let mut measured = Vec::new();
    for tokens in BUDGETS {
        let Some(took) = stage.play(tokens / SENTENCE, SENTENCE)? else { break };
        measured.push((tokens, took));
        if took > settings.batch_time {
            break;
        }
    }
    let batch_tokens = settings.batch_tokens.unwrap_or_else(|| smallest_good(&measured, settings.batch_time)).max(1);
    tracing::debug!(batch_tokens, ?measured, "rehearsed");
    Ok(Rehearsal { pace: Pace::rehearsed(&stage.steps), batch_tokens })
}

/// The smallest batch that is nearly as quick as the quickest, of those that do not take too long; the smallest if all do.
fn smallest_good(measured: &[(usize, Duration)], longest: Duration) -> usize {
    let rate = |(tokens, took): &(usize, Duration)| *tokens as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE);
    let short = || measured.iter().filter(|(_, took)| *took <= longest);
    let peak = short().map(rate).fold(0.0, f64::max);
    let good = short().find(|batch| rate(batch) >= NEARLY * peak).or(measured.first());
    good.map_or(GUESS, |(tokens, _)| *tokens)
}

struct Stage<'a> {
    encoder: &'a mut dyn Encoder,
    clock: &'a Clock,
    times: usize,
    steps: Vec<(Work, Duration)>,
}

impl Stage<'_> {
    /// Computes a batch some times over, and says how long the quickest took. What is computed before that finds nothing in the machine's
    /// caches, and is not counted.
    fn play(&mut self, inputs: usize, length: usize) -> Result<Option<Duration>, ForwardError> {
        if self.times == 0 {
            return Ok(None);
        }
        // Any token will do: what is computed does not depend on it.
        let token = u32::try_from(self.encoder.vocabulary_size() / 2).unwrap_or(0);
        let length = length.min(self.encoder.max_tokens());
        let batch = vec![TokenSequence::of(vec![token; length]); inputs];
        let one = Size::of(length);
        let work = Size { tokens: one.tokens * inputs as f64, squares: one.squares * inputs as f64 }.work(1.0);
        if self.steps.is_empty() {
            self.encoder.encode(&batch)?;
        }
        let mut quickest: Option<Duration> = None;
        for _ in 0..self.times {
            let start = self.clock.now();
            self.encoder.encode(&batch)?;
            let took = self.clock.now().saturating_duration_since(start);
            self.steps.push((work, took));
            quickest = Some(quickest.map_or(took, |before| before.min(took)));
        }
        Ok(quickest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(milliseconds: &[u64]) -> usize {
        let measured = BUDGETS.iter().zip(milliseconds).map(|(tokens, took)| (*tokens, Duration::from_millis(*took)));
        smallest_good(&measured.collect::<Vec<_>>(), Duration::from_millis(50))
    }

    #[test]
    fn the_smallest_batch_that_is_nearly_as_quick_as_any_is_chosen() {
        // 8.5, 14.2, 19.7 and 20.5 tokens a millisecond.
        assert_eq!(chosen(&[15, 18, 26, 50]), 512);
        assert_eq!(chosen(&[10, 20, 40, 80]), 128);
    }

    #[test]
    fn a_batch_that_takes_too_long_is_not_chosen_however_quick_it_is() {
        assert_eq!(chosen(&[40, 45, 51]), 256);
        assert_eq!(chosen(&[60]), 128);
        assert_eq!(chosen(&[]), GUESS);
    }
}
