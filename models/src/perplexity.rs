//! How well a model predicts a text: what is lost by storing its weights in fewer bits shows here.

use crate::decoder::{Batch, Decoder, ForwardError, Row};

/// Tokens of a pass.
const CHUNK: usize = 64;

/// `e` to the mean of `-ln p` of the tokens, each given those before it; the first is given. Nothing else may use the decoder's cache.
///
/// # Errors
/// [`PerplexityError`].
pub fn perplexity(decoder: &mut dyn Decoder, tokens: &[u32]) -> Result<f64, PerplexityError> {
    let layout = decoder.cache();
    let room = decoder.context_length().min(layout.blocks.saturating_mul(layout.block_size));
    if !(2..=room).contains(&tokens.len()) {
        return Err(PerplexityError::Length { tokens: tokens.len(), most: room });
    }
    let blocks: Vec<u32> = (0u32..).take(tokens.len().div_ceil(layout.block_size)).collect();
    let positions: Vec<u32> = (0u32..).take(tokens.len()).collect();
    let mut surprise = 0.0;
    for (number, chunk) in tokens.chunks(CHUNK).enumerate() {
        let start = number * CHUNK;
        let positions = positions.get(start..start + chunk.len()).unwrap_or_default();
        let rows = [Row { tokens: chunk.len(), length: start + chunk.len(), blocks: &blocks }];
        let outputs: Vec<u32> = (0u32..).take(chunk.len()).collect();
        let logits = decoder.forward(&Batch { tokens: chunk, positions, slots: positions, rows: &rows, outputs: &outputs })?;
        let next = tokens.iter().skip(start + 1);
        for (logits, next) in logits.chunks_exact(decoder.vocabulary_size().max(1)).zip(next) {
            surprise += surprisal(logits, *next as usize).ok_or(PerplexityError::Vocabulary { token: *next })?;
        }
    }
    Ok((surprise / (tokens.len() - 1) as f64).exp())
}

/// `-ln p` of a token.
fn surprisal(logits: &[f32], token: usize) -> Option<f64> {
    let own = f64::from(*logits.get(token)?);
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
    Some(f64::from(largest) + sum.ln() - own)
}

/// A text that a model cannot be held against.
#[derive(Debug, thiserror::Error)]
pub enum PerplexityError {
    /// It is too short to predict anything, or too long for the cache.
    #[error("the text has {tokens} tokens; accepted: 2 to {most}")]
    Length {
        /// How many it has.
        tokens: usize,
        /// How many the model's context and cache have room for.
        most: usize,
    },
    /// The tokens are another model's.
    #[error("the model has no token {token}")]
    Vocabulary {
        /// The token.
        token: u32,
    },
    /// The model cannot be computed.
    #[error(transparent)]
    Forward(#[from] ForwardError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decoder::CacheLayout;

    /// Gives the next higher token the odds of `e^SURE` against each of the three others.
    struct Counting;

    const SURE: f32 = 2.0;

    impl Decoder for Counting {
        fn context_length(&self) -> usize {
            200
        }

        fn vocabulary_size(&self) -> usize {
            4
        }

        fn cache(&self) -> CacheLayout {
            CacheLayout { blocks: 25, block_size: 8 }
        }

        fn forward(&mut self, batch: &Batch<'_>) -> Result<Vec<f32>, ForwardError> {
            assert_eq!(batch.slots, batch.positions);
            let next = |&token: &u32| (0..4).map(move |other| if other == (token + 1) % 4 { SURE } else { 0.0 });
            Ok(batch.tokens.iter().flat_map(next).collect())
        }

        fn rebuild_cache(&mut self) -> Result<(), ForwardError> {
            Ok(())
        }
    }

    #[test]
    fn it_is_the_reciprocal_of_the_mean_likelihood() {
        let likelihood = f64::from(SURE).exp() / (f64::from(SURE).exp() + 3.0);
        let counted: Vec<u32> = (0..150).map(|number| number % 4).collect();
        let found = perplexity(&mut Counting, &counted).unwrap();
        assert!((found - likelihood.recip()).abs() < 1e-6, "{found}");
        // Half of them are right; the others are one of three.
        let unlikely = (1.0 - likelihood) / 3.0;
        let expected = (likelihood * unlikely).sqrt().recip();
        let found = perplexity(&mut Counting, &[0, 1, 3]).unwrap();
        assert!((found - expected).abs() < 1e-6, "{found} instead of {expected}");
    }

    #[test]
    fn what_cannot_be_measured_is_refused() {
        let long = vec![0; 201];
        for (tokens, message) in [(&[1][..], "1 tokens; accepted: 2 to 200"), (&long, "201"), (&[1, 7], "no token 7")] {
            let error = perplexity(&mut Counting, tokens).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
