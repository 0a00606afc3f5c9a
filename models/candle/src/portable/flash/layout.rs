//! A batch as the kernels want it: rows one behind the other, and a table of their blocks.

use tradewind_models::decoder::Row;

/// Where each row's queries and keys are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Where each row's queries begin, and where the last end.
    pub(super) queries: Vec<u32>,
    /// The same of keys, as if they lay one behind the other.
    pub(super) keys: Vec<u32>,
    /// `[rows, blocks]`, filled up with block 0, which is never reached.
    pub(super) table: Vec<u32>,
    /// Blocks of the row that has most.
    pub(super) blocks: usize,
    /// Queries of the row that has most.
    pub(super) most_queries: usize,
    /// The same of keys.
    pub(super) most_keys: usize,
}

impl Layout {
    /// Of sound rows, with so many positions in a block.
    pub(super) fn of(rows: &[Row<'_>], page: usize) -> Self {
        let most_keys = rows.iter().map(|row| row.length).max().unwrap_or(0);
        let blocks = most_keys.div_ceil(page);
        // A row may own blocks that it has not come to yet.
        let of_row = |row: &Row<'_>| {
            let used = row.blocks.iter().copied().take(row.length.div_ceil(page));
            used.chain(std::iter::repeat(0)).take(blocks).collect::<Vec<_>>()
        };
        Self {
            queries: ends(rows.iter().map(|row| row.tokens)),
            keys: ends(rows.iter().map(|row| row.length)),
            table: rows.iter().flat_map(of_row).collect(),
            blocks,
            most_queries: rows.iter().map(|row| row.tokens).max().unwrap_or(0),
            most_keys,
        }
    }
}

/// Zero, and where each of these ends if they lie one behind the other. A batch and its cache have fewer than 2^32 tokens.
fn ends(counts: impl Iterator<Item = usize>) -> Vec<u32> {
    let ends = counts.scan(0_u32, |end, count| {
        *end = end.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
        Some(*end)
    });
    std::iter::once(0).chain(ends).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ragged_batch_of_pieces_and_single_tokens_is_laid_out() {
        let rows = [
            // A piece of a prompt behind what is cached of it, with a block to spare.
            Row { tokens: 33, length: 70, blocks: &[7, 2, 9, 4] },
            // The next token of an answer, in a block that is full with it.
            Row { tokens: 1, length: 32, blocks: &[5] },
            // The first token of a block.
            Row { tokens: 1, length: 33, blocks: &[1, 3] },
        ];
        let expected = Layout {
            queries: vec![0, 33, 34, 35],
            keys: vec![0, 70, 102, 135],
            table: vec![7, 2, 9, 5, 0, 0, 1, 3, 0],
            blocks: 3,
            most_queries: 33,
            most_keys: 70,
        };
        assert_eq!(Layout::of(&rows, 32), expected);
    }

    #[test]
    fn a_single_row_is_a_batch() {
        let layout = Layout::of(&[Row { tokens: 5, length: 5, blocks: &[6] }], 32);
        assert_eq!((layout.queries, layout.keys, layout.table), (vec![0, 5], vec![0, 5], vec![6]));
    }
}
