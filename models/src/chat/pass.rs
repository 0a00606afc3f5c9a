//! One forward pass over some tokens of some sequences.

use super::schedule::Cached;
use crate::decoder::{Batch, Decoder, ForwardError, Row};

/// The tokens of a batch, in the order of its rows.
#[derive(Debug, Default)]
pub(super) struct Pass {
    tokens: Vec<u32>,
    positions: Vec<u32>,
    slots: Vec<u32>,
    outputs: Vec<u32>,
}

impl Pass {
    /// Computes so many tokens of each sequence: the logits behind every one of which nothing is left then, one row after the other.
    ///
    /// # Errors
    /// When the arithmetic fails, or gives another number of logits.
    pub(super) fn forward(decoder: &mut dyn Decoder, sequences: &[(&Cached, usize)]) -> Result<Vec<f32>, ForwardError> {
        let block_size = decoder.cache().block_size;
        let mut pass = Self::default();
        let rows: Vec<Row<'_>> = sequences.iter().map(|(sequence, tokens)| pass.add(sequence, *tokens, block_size)).collect();
        let Self { tokens, positions, slots, outputs } = &pass;
        let logits = decoder.forward(&Batch { tokens, positions, slots, rows: &rows, outputs })?;
        let expected = outputs.len() * decoder.vocabulary_size();
        if logits.len() == expected {
            Ok(logits)
        } else {
            Err(ForwardError::new(format!("{} logits instead of {expected}", logits.len())))
        }
    }

    fn add<'s>(&mut self, sequence: &'s Cached, tokens: usize, block_size: usize) -> Row<'s> {
        let start = sequence.computed();
        let length = start + tokens;
        self.tokens.extend_from_slice(sequence.next(tokens));
        self.positions.extend((start..length).map(narrow));
        let slot = |position: usize| {
            let block = sequence.blocks().get(position / block_size).copied().unwrap_or(u32::MAX);
            block.saturating_mul(narrow(block_size)).saturating_add(narrow(position % block_size))
        };
        self.slots.extend((start..length).map(slot));
        if sequence.left() == tokens {
            self.outputs.push(narrow(self.tokens.len().saturating_sub(1)));
        }
        let needed = length.div_ceil(block_size);
        Row { tokens, length, blocks: sequence.blocks().get(..needed).unwrap_or_default() }
    }
}

/// A place in the cache or in a batch: there is no memory for as many as 2^32.
fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}
