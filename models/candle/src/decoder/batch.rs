//! What a batch must be before anything is computed: a slot or a block that does not exist would be another sequence's memory.

use tradewind_models::decoder::{Batch, CacheLayout, Row};

/// The bounds of everything that a batch names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) vocabulary: usize,
    pub(super) context: usize,
    pub(super) cache: CacheLayout,
}

/// A batch that contradicts itself, or names what does not exist.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum BatchFault {
    #[error("there are {tokens} tokens, {positions} positions, {slots} slots, and rows of {in_rows} tokens together")]
    Counts { tokens: usize, positions: usize, slots: usize, in_rows: usize },
    #[error("{what} {value} is not among the {limit} that there are")]
    Beyond { what: &'static str, value: u32, limit: usize },
    #[error("a row of {tokens} tokens that is {length} long after them has {blocks} blocks of {block_size}")]
    Row { tokens: usize, length: usize, blocks: usize, block_size: usize },
    #[error("the outputs are not in ascending order")]
    Outputs,
}

impl Bounds {
    /// Finds the first fault.
    pub(super) fn check(&self, batch: &Batch<'_>) -> Result<(), BatchFault> {
        let tokens = batch.tokens.len();
        let in_rows = batch.rows.iter().map(|row| row.tokens).sum();
        let counts = [batch.positions.len(), batch.slots.len(), in_rows];
        if tokens == 0 || counts.iter().any(|count| *count != tokens) {
            return Err(BatchFault::Counts { tokens, positions: batch.positions.len(), slots: batch.slots.len(), in_rows });
        }
        within("token", batch.tokens, self.vocabulary)?;
        within("position", batch.positions, self.context)?;
        within("slot", batch.slots, self.cache.blocks * self.cache.block_size)?;
        within("output", batch.outputs, tokens)?;
        if !batch.outputs.is_sorted_by(|a, b| a < b) {
            return Err(BatchFault::Outputs);
        }
        batch.rows.iter().try_for_each(|row| self.check_row(row))
    }

    fn check_row(&self, row: &Row<'_>) -> Result<(), BatchFault> {
        within("block", row.blocks, self.cache.blocks)?;
        let covered = row.blocks.len().saturating_mul(self.cache.block_size);
        if row.tokens == 0 || row.length < row.tokens || row.length > covered {
            let block_size = self.cache.block_size;
            return Err(BatchFault::Row { tokens: row.tokens, length: row.length, blocks: row.blocks.len(), block_size });
        }
        Ok(())
    }
}

fn within(what: &'static str, values: &[u32], limit: usize) -> Result<(), BatchFault> {
    match values.iter().find(|value| **value as usize >= limit) {
        Some(value) => Err(BatchFault::Beyond { what, value: *value, limit }),
        None => Ok(()),
    }
}
