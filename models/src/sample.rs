//! From logits to a token: greedy, temperature and nucleus (top-p) sampling, reproducible by seed.
//!
//! The same seed gives the same text with the same build of Tradewind on the same kind of processor; another build may
//! draw other random numbers or round a logit otherwise.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How to choose among the tokens that the model finds likely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    temperature: f32,
    top_p: f32,
    seed: Option<u64>,
}

impl Sampling {
    /// Always the likeliest token.
    pub const GREEDY: Self = Self { temperature: 0.0, top_p: 1.0, seed: None };

    /// `temperature` 0 is greedy, 1 follows the model's own distribution, more flattens it; `top_p` keeps the fewest
    /// likeliest tokens that together have at least that probability; without a `seed` every call differs.
    ///
    /// # Errors
    /// When the temperature is outside 0 to 2, or `top_p` is not above 0 and at most 1.
    pub fn new(temperature: f32, top_p: f32, seed: Option<u64>) -> Result<Self, SamplingError> {
        if !(0.0..=2.0).contains(&temperature) {
            return Err(SamplingError::Temperature(temperature));
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            return Err(SamplingError::TopP(top_p));
        }
        Ok(Self { temperature, top_p, seed })
    }
}

impl Default for Sampling {
    /// The model's own distribution, unseeded.
    fn default() -> Self {
        Self { temperature: 1.0, top_p: 1.0, seed: None }
    }
}

/// A sampling setting out of its range.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum SamplingError {
    /// The temperature.
    #[error("temperature {0} is out of range: use 0 to 2")]
    Temperature(f32),
    /// The nucleus.
    #[error("top_p {0} is out of range: use more than 0 and at most 1")]
    TopP(f32),
}

/// Logits from which no token can be chosen: empty, or not numbers. A broken model, never a bad request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the model gave no finite logit: its weights or its arithmetic are damaged")]
pub struct NoFiniteLogit;

/// Draws the tokens of one request.
#[derive(Debug)]
pub struct Sampler {
    sampling: Sampling,
    random: StdRng,
}

impl Sampler {
    /// A sampler at the start of its random sequence.
    pub fn new(sampling: Sampling) -> Self {
        let random = match sampling.seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => StdRng::seed_from_u64(rand::random()),
        };
        Self { sampling, random }
    }

    /// The next token.
    ///
    /// # Errors
    /// When no logit is a finite number.
    pub fn sample(&mut self, logits: &[f32]) -> Result<u32, NoFiniteLogit> {
        let (likeliest, highest) = argmax(logits)?;
        if self.sampling.temperature == 0.0 {
            return Ok(likeliest);
        }
        let mut candidates = self.nucleus(logits, highest);
        let total: f32 = candidates.iter().map(|candidate| candidate.weight).sum();
        let mut remaining = self.random.random_range(0.0..1.0) * total;
        while let Some(candidate) = candidates.pop() {
            remaining -= candidate.weight;
            // The last one answers for what rounding left over.
            if remaining < 0.0 || candidates.is_empty() {
                return Ok(candidate.token);
            }
        }
        Ok(likeliest)
    }

    /// The tokens to draw from, with weights proportional to their probabilities.
    fn nucleus(&self, logits: &[f32], highest: f32) -> Vec<Candidate> {
        let Sampling { temperature, top_p, .. } = self.sampling;
        let mut candidates: Vec<_> = (0..)
            .zip(logits)
            .filter(|(_, logit)| logit.is_finite())
            .map(|(token, logit)| Candidate { token, weight: ((logit - highest) / temperature).exp() })
            .collect();
        if top_p == 1.0 {
            return candidates;
        }
        let total: f32 = candidates.iter().map(|candidate| candidate.weight).sum();
        // Were only tokens below this weight left out of the nucleus, all of them together could not reach 1 - top_p:
        // none of them is needed, and some hundreds are sorted instead of the whole vocabulary.
        #[expect(clippy::cast_precision_loss, reason = "a bound; a vocabulary is far below 2^24")]
        let negligible = (1.0 - top_p) * total / candidates.len() as f32;
        candidates.retain(|candidate| candidate.weight >= negligible);
        candidates.sort_unstable_by(|a, b| b.weight.total_cmp(&a.weight));
        let mut sum = 0.0;
        let within = candidates
            .iter()
            .take_while(|candidate| {
                let before = sum;
                sum += candidate.weight;
                before < top_p * total
            })
            .count();
        candidates.truncate(within);
        candidates
    }
}

/// A token that may be drawn.
struct Candidate {
    token: u32,
    weight: f32,
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

    fn draws(sampling: Sampling, logits: &[f32], count: usize) -> Vec<u32> {
        let mut sampler = Sampler::new(sampling);
        (0..count).map(|_| sampler.sample(logits).unwrap()).collect()
    }

    #[test]
    fn temperature_zero_takes_the_likeliest_and_the_first_of_equals() {
        assert_eq!(draws(Sampling::GREEDY, &[0.0, 3.0, 3.0, 1.0], 3), [1, 1, 1]);
    }

    #[test]
    fn the_same_seed_draws_the_same_tokens_and_another_seed_others() {
        let logits: Vec<f32> = (0u8..50).map(|i| f32::from(i % 7) / 3.0).collect();
        let with = |seed| draws(Sampling::new(1.0, 0.9, Some(seed)).unwrap(), &logits, 40);
        assert_eq!(with(7), with(7));
        assert_ne!(with(7), with(8));
    }

    #[test]
    fn frequencies_follow_the_distribution() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.2f32.ln()];
        let drawn = draws(Sampling::new(1.0, 1.0, Some(1)).unwrap(), &logits, 20_000);
        for (token, expected) in [(0, 10_000), (1, 6_000), (2, 4_000)] {
            let count = drawn.iter().filter(|drawn| **drawn == token).count();
            assert!(count.abs_diff(expected) < 300, "token {token}: {count}");
        }
    }

    #[test]
    fn top_p_never_draws_from_the_tail() {
        let logits = [0.5f32.ln(), 0.3f32.ln(), 0.15f32.ln(), 0.05f32.ln()];
        let drawn = draws(Sampling::new(1.0, 0.75, Some(3)).unwrap(), &logits, 2_000);
        assert!(drawn.contains(&0) && drawn.contains(&1));
        assert!(!drawn.contains(&2) && !drawn.contains(&3));
    }

    #[test]
    fn a_tiny_top_p_is_greedy() {
        let drawn = draws(Sampling::new(1.5, 1e-6, Some(3)).unwrap(), &[1.0, 1.1, 0.9], 100);
        assert!(drawn.iter().all(|token| *token == 1));
    }

    #[test]
    fn logits_that_are_not_numbers_are_passed_over_or_refused() {
        assert_eq!(draws(Sampling::GREEDY, &[f32::NAN, 1.0, f32::NEG_INFINITY], 1), [1]);
        let mut sampler = Sampler::new(Sampling::default());
        assert_eq!(sampler.sample(&[f32::NAN]), Err(NoFiniteLogit));
        assert_eq!(sampler.sample(&[]), Err(NoFiniteLogit));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        assert_eq!(Sampling::new(2.5, 1.0, None), Err(SamplingError::Temperature(2.5)));
        assert_eq!(Sampling::new(1.0, 0.0, None), Err(SamplingError::TopP(0.0)));
        assert!(Sampling::new(f32::NAN, 1.0, None).is_err());
    }
}
