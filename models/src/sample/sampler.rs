//! Chooses the tokens of one answer.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use super::random;
use super::{Sampling, SamplingOptions};
use crate::constrain::Mask;

/// Logits from which no token can be chosen: empty, or not numbers. A broken model, never a bad request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the model gave no finite logit: its weights or its arithmetic are damaged")]
pub struct NoFiniteLogit;

/// Chooses the tokens of one answer.
#[derive(Debug)]
pub struct Sampler {
    sampling: Arc<Sampling>,
    seed: u64,
    /// The tokens of the prompt and the answer, and how often each is in the answer. Empty where nothing depends on them.
    seen: HashMap<u32, u32>,
}

impl Sampler {
    /// For the answer number `choice`, from 0, to a prompt of these tokens.
    pub fn new(sampling: Arc<Sampling>, prompt: &[u32], choice: usize) -> Self {
        let options = sampling.options();
        let seed = random::seed_of(options.seed.unwrap_or_else(rand::random), choice as u64);
        let seen =
            if options.repetition_penalty == 1.0 { HashMap::new() } else { prompt.iter().map(|token| (*token, 0)).collect() };
        Self { sampling, seed, seen }
    }

    /// The next token, which stands at this place of the sequence. Only those of the mask are considered, if there is one: all else applies to
    /// what it has left.
    ///
    /// # Errors
    /// When no logit that is considered is a finite number.
    pub fn sample(&mut self, logits: &[f32], place: usize, mask: Option<&Mask>) -> Result<u32, NoFiniteLogit> {
        let logits = self.adjusted(logits, mask);
        let options = self.sampling.options();
        let token = if options.temperature == 0.0 {
            argmax(&logits)?.0
        } else {
            draw(&candidates(&logits, options)?, random::uniform(self.seed, place as u64))
        };
        self.note(token);
        Ok(token)
    }

    /// The answer has this token, whoever chose it.
    pub fn note(&mut self, token: u32) {
        if self.counts() {
            *self.seen.entry(token).or_default() += 1;
        }
    }

    /// Whether the choice of a token depends on those before it.
    fn counts(&self) -> bool {
        let options = self.sampling.options();
        options.repetition_penalty != 1.0 || options.frequency_penalty != 0.0 || options.presence_penalty != 0.0
    }

    /// The logits after mask, penalties and biases.
    fn adjusted<'l>(&self, logits: &'l [f32], mask: Option<&Mask>) -> Cow<'l, [f32]> {
        let options = self.sampling.options();
        if mask.is_none() && self.seen.is_empty() && options.logit_bias.is_empty() {
            return Cow::Borrowed(logits);
        }
        let mut adjusted = logits.to_vec();
        if let Some(mask) = mask {
            mask.apply(&mut adjusted);
        }
        for (token, count) in &self.seen {
            let Some(logit) = logit(&mut adjusted, *token) else { continue };
            *logit *= if *logit > 0.0 { options.repetition_penalty.recip() } else { options.repetition_penalty };
            if *count > 0 {
                *logit -= options.presence_penalty + options.frequency_penalty * *count as f32;
            }
        }
        for (token, bias) in &options.logit_bias {
            if let Some(logit) = logit(&mut adjusted, *token) {
                *logit += bias;
            }
        }
        Cow::Owned(adjusted)
    }
}

fn logit(logits: &mut [f32], token: u32) -> Option<&mut f32> {
    logits.get_mut(usize::try_from(token).ok()?)
}

/// A token that may be drawn.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    token: u32,
    weight: f32,
}

/// The tokens to draw from, with weights proportional to their probabilities; at least one. Each limit applies to what those before it
/// have left: top-k, top-p, min-p.
fn candidates(logits: &[f32], options: &SamplingOptions) -> Result<Vec<Candidate>, NoFiniteLogit> {
    let (_, highest) = argmax(logits)?;
    let mut candidates: Vec<_> = (0..)
        .zip(logits)
        .filter(|(_, logit)| logit.is_finite())
        .map(|(token, logit)| Candidate { token, weight: ((logit - highest) / options.temperature).exp() })
        .collect();
    if options.top_k > 0 && options.top_k < candidates.len() {
        candidates.select_nth_unstable_by(options.top_k, likelier);
        candidates.truncate(options.top_k);
    }
    if options.top_p < 1.0 {
        keep_nucleus(&mut candidates, options.top_p);
    }
    // The likeliest weighs 1.
    candidates.retain(|candidate| candidate.weight >= options.min_p);
    // In the order of their ids: limits that leave the same candidates leave the same choice.
    candidates.sort_unstable_by_key(|candidate| candidate.token);
    Ok(candidates)
}

/// Keeps the fewest likeliest candidates that together have at least the share `top_p`.
fn keep_nucleus(candidates: &mut Vec<Candidate>, top_p: f32) {
    let total: f32 = candidates.iter().map(|candidate| candidate.weight).sum();
    // Were only tokens below this weight left out of the nucleus, all of them together could not reach 1 - top_p:
    // none of them is needed, and some hundreds are sorted instead of the whole vocabulary.
    let negligible = (1.0 - top_p) * total / candidates.len() as f32;
    candidates.retain(|candidate| candidate.weight >= negligible);
    candidates.sort_unstable_by(likelier);
    let mut sum = 0.0;
    let within = candidates.iter().take_while(|candidate| {
        let before = sum;
        sum += candidate.weight;
        before < top_p * total
    });
    let within = within.count();
    candidates.truncate(within);
}

/// The likelier first, of equals the one with the smaller id.
fn likelier(a: &Candidate, b: &Candidate) -> Ordering {
    b.weight.total_cmp(&a.weight).then(a.token.cmp(&b.token))
}

/// The candidate where the sum of the weights reaches this share of the total.
fn draw(candidates: &[Candidate], share: f64) -> u32 {
    let total: f64 = candidates.iter().map(|candidate| f64::from(candidate.weight)).sum();
    let mut left = share * total;
    let reached = candidates.iter().find(|candidate| {
        left -= f64::from(candidate.weight);
        left < 0.0
    });
    // The last one answers for what rounding left over.
    reached.or(candidates.last()).map_or(0, |candidate| candidate.token)
}

/// The first of the likeliest tokens, and its logit.
fn argmax(logits: &[f32]) -> Result<(u32, f32), NoFiniteLogit> {
    (0..)
        .zip(logits.iter().copied())
        .filter(|(_, logit)| logit.is_finite())
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .ok_or(NoFiniteLogit)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is drawn is the same each time.
    const NEUTRAL: SamplingOptions = SamplingOptions::at(1.0, Some(1));

    fn sampler(options: SamplingOptions, prompt: &[u32]) -> Sampler {
        Sampler::new(Arc::new(Sampling::new(options).unwrap()), prompt, 0)
    }

    fn draws(options: SamplingOptions, logits: &[f32], count: usize) -> Vec<u32> {
        let mut sampler = sampler(options, &[]);
        (0..count).map(|place| sampler.sample(logits, place, None).unwrap()).collect()
    }

    fn greedy() -> SamplingOptions {
        SamplingOptions { temperature: 0.0, ..NEUTRAL }
    }

    #[test]
    fn temperature_zero_takes_the_likeliest_and_the_first_of_equals() {
        assert_eq!(draws(greedy(), &[0.0, 3.0, 3.0, 1.0], 3), [1, 1, 1]);
    }

    #[test]
    fn the_same_seed_draws_the_same_tokens_and_another_seed_or_choice_others() {
        let logits: Vec<f32> = (0u8..50).map(|i| f32::from(i % 7) / 3.0).collect();
        let with = |seed, choice| {
            let options = SamplingOptions { top_p: 0.9, seed: Some(seed), ..NEUTRAL };
            let mut sampler = Sampler::new(Arc::new(Sampling::new(options).unwrap()), &[], choice);
            (0..40).map(|place| sampler.sample(&logits, place, None).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(with(7, 0), with(7, 0));
        assert_ne!(with(7, 0), with(8, 0));
        assert_ne!(with(7, 0), with(7, 1));
    }

    #[test]
    fn frequencies_follow_the_distribution() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln()];
        let drawn = draws(NEUTRAL, &logits, 20_000);
        for (token, expected) in [(0, 10_000), (1, 6_000), (2, 4_000)] {
            let count = drawn.iter().filter(|drawn| **drawn == token).count();
            assert!(count.abs_diff(expected) < 300, "token {token}: {count}");
        }
    }

    #[test]
    fn limits_never_draw_from_the_tail() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.15f32.ln(), 0.05f32.ln()];
        for limited in [
            SamplingOptions { top_p: 0.75, ..NEUTRAL },
            SamplingOptions { top_k: 2, ..NEUTRAL },
            SamplingOptions { min_p: 0.5, ..NEUTRAL },
        ] {
            let drawn = draws(limited, &logits, 2_000);
            assert!(drawn.contains(&0) && drawn.contains(&1));
            assert!(!drawn.contains(&2) && !drawn.contains(&3));
        }
        let tiny = SamplingOptions { temperature: 1.5, top_p: 1e-6, ..NEUTRAL };
        assert!(draws(tiny, &[1.0, 1.1, 0.9], 100).iter().all(|token| *token == 1));
    }

    #[test]
    fn of_equally_likely_tokens_top_k_keeps_the_first() {
        let drawn = draws(SamplingOptions { top_k: 2, ..NEUTRAL }, &[0.0; 50], 200);
        assert!(drawn.iter().all(|token| *token < 2));
    }

    #[test]
    fn penalties_count_what_the_answer_has_and_repetition_the_prompt_too() {
        let logits = [1.0, 0.9, -0.5];
        assert_eq!(draws(SamplingOptions { presence_penalty: 0.5, ..greedy() }, &logits, 3), [0, 1, 0]);
        assert_eq!(draws(SamplingOptions { frequency_penalty: 0.06, ..greedy() }, &logits, 4), [0, 0, 1, 0]);
        let mut repeating = sampler(SamplingOptions { repetition_penalty: 2.0, ..greedy() }, &[0]);
        assert_eq!(repeating.sample(&logits, 0, None), Ok(1), "0 is in the prompt");
        let mut negative = sampler(SamplingOptions { repetition_penalty: 2.0, ..greedy() }, &[1]);
        assert_eq!(negative.sample(&[-3.0, -2.0], 0, None), Ok(0), "a negative logit becomes smaller");
    }

    #[test]
    fn a_bias_moves_a_token_and_one_that_does_not_exist_moves_nothing() {
        assert_eq!(draws(SamplingOptions { logit_bias: vec![(2, 5.0), (9, 1.0)], ..greedy() }, &[1.0, 2.0, 0.0], 1), [2]);
        assert_eq!(draws(SamplingOptions { logit_bias: vec![(1, -100.0)], ..greedy() }, &[1.0, 2.0, 0.0], 1), [0]);
    }

    #[test]
    fn logits_that_are_not_numbers_are_passed_over_or_refused() {
        assert_eq!(draws(greedy(), &[f32::NAN, 1.0, f32::NEG_INFINITY], 1), [1]);
        assert_eq!(sampler(NEUTRAL, &[]).sample(&[f32::NAN], 0, None), Err(NoFiniteLogit));
        assert_eq!(sampler(NEUTRAL, &[]).sample(&[], 0, None), Err(NoFiniteLogit));
    }
}
