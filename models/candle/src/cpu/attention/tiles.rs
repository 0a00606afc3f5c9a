//! Rows of queries on their way through the blocks of a sequence, a few of them in registers at a time.
//!
//! The softmax runs along with the blocks (Milakov and Gimelshein, <https://arxiv.org/abs/1805.02867>). What is computed of a row, and
//! in which order, does not depend on the rows beside it.

use std::ops::Range;

use super::super::elementwise::{exp, soft_cap_on};
use super::super::isa::{Isa, for_each_isa, multiply_add};
use super::{LANES, Pool};
use crate::decoder::Heads;

/// Rows in registers.
const ROWS: usize = 4;
/// Blocks whose scores are weighed together: as many as the nearest cache holds beside the queries.
const BLOCKS: usize = 4;

pub(super) type Lanes = [f32; LANES];

/// Rows of queries that share keys and values, and what is mixed for them.
#[derive(Debug, Default)]
pub(super) struct Tiles {
    dimensions: usize,
    rows: Vec<Row>,
    /// For [`ROWS`] rows at a time, or as many as are left: by dimension, those rows side by side.
    queries: Vec<f32>,
    /// In the same way, but sixteen dimensions of a row lie together.
    mixed: Vec<Lanes>,
    /// Keys and values of the blocks that are weighed together, where they are kept in fewer bits.
    room: Vec<Lanes>,
}

/// The state of one row's softmax.
#[derive(Debug, Clone, Copy)]
struct Row {
    /// How many positions it does not see, from the first on, since they lie before its window.
    unseen: usize,
    /// Where the positions end that it sees.
    seen: usize,
    largest: f32,
    /// By lanes.
    sums: Lanes,
}

impl Tiles {
    /// Takes the queries of consecutive tokens, each some rows of a head's dimensions. There are so many positions `before` the first
    /// token; each sees the last `window` positions.
    pub(super) fn take<'q>(
        &mut self,
        tokens: impl ExactSizeIterator<Item = &'q [f32]>,
        heads: &Heads,
        before: usize,
        window: usize,
    ) {
        let Heads { dimensions, scale, .. } = *heads;
        self.dimensions = dimensions;
        self.rows.clear();
        let mut queries = Vec::new();
        for (token, rows) in tokens.enumerate() {
            let seen = before + token + 1;
            for row in rows.chunks_exact(dimensions) {
                self.rows.push(Row { unseen: seen.saturating_sub(window), seen, largest: f32::MIN, sums: [0.0; LANES] });
                queries.push(row);
            }
        }
        self.queries.clear();
        for tile in queries.chunks(ROWS) {
            for dimension in 0..dimensions {
                self.queries.extend(tile.iter().filter_map(|row| row.get(dimension)).map(|query| query * scale));
            }
        }
        self.mixed.clear();
        self.mixed.resize(self.rows.len() * dimensions / LANES, [0.0; LANES]);
        self.room.resize(2 * dimensions * BLOCKS, [0.0; LANES]);
    }

    /// Mixes the values of the positions that each row sees, for one head of keys and values.
    pub(super) fn attend(&mut self, isa: Isa, pool: &Pool, head: usize, blocks: &[u32]) {
        attend(isa, self, pool, head, blocks);
    }

    /// What was mixed for the rows from `first` on, as many as `place` has room for.
    pub(super) fn give(&self, first: usize, place: &mut [f32]) {
        for (row, place) in (first..).zip(place.chunks_exact_mut(self.dimensions)) {
            let start = row / ROWS * ROWS;
            let together = ROWS.min(self.rows.len() - start);
            let tile = self.mixed.iter().skip(start * self.dimensions / LANES + row - start).step_by(together);
            let Some(state) = self.rows.get(row) else { return };
            let scale = 1.0 / state.sums.iter().sum::<f32>();
            for (place, mixed) in place.as_chunks_mut::<LANES>().0.iter_mut().zip(tile) {
                *place = mixed.map(|mixed| mixed * scale);
            }
        }
    }
}

for_each_isa! {
    fn attend(tiles: &mut Tiles, pool: &Pool, head: usize, blocks: &[u32]) = attend_on
}

#[inline(always)]
fn attend_on<const FMA: bool>(tiles: &mut Tiles, pool: &Pool, head: usize, blocks: &[u32]) {
    let Tiles { dimensions, rows, queries, mixed, room } = tiles;
    let positions = rows.last().map_or(0, |row| row.seen);
    let blocks = blocks.get(..positions.div_ceil(LANES)).unwrap_or(blocks);
    let unseen = rows.first().map_or(0, |row| row.unseen) / (BLOCKS * LANES);
    let cap = pool.heads.cap;
    for (number, blocks) in blocks.chunks(BLOCKS).enumerate().skip(unseen) {
        let mut pages = [Page { keys: &[], values: &[] }; BLOCKS];
        for ((page, block), room) in pages.iter_mut().zip(blocks).zip(room.chunks_exact_mut(2 * *dimensions)) {
            *page = pool.store.page::<FMA>(pool.start(*block, head), room);
        }
        let pages = pages.get(..blocks.len()).unwrap_or_default();
        let first = number * BLOCKS * LANES;
        let (whole, rest) = rows.as_chunks_mut::<ROWS>();
        let mut queries = queries.chunks(ROWS * *dimensions);
        let mut mixed = mixed.chunks_mut(ROWS * *dimensions / LANES);
        for ((rows, queries), mixed) in whole.iter_mut().zip(&mut queries).zip(&mut mixed) {
            tile::<FMA, ROWS>(rows, queries, mixed, pages, first, cap);
        }
        let (Some(queries), Some(mixed)) = (queries.next(), mixed.next()) else { continue };
        if let Some((rows, _)) = rest.split_first_chunk_mut() {
            tile::<FMA, 3>(rows, queries, mixed, pages, first, cap);
        } else if let Some((rows, _)) = rest.split_first_chunk_mut() {
            tile::<FMA, 2>(rows, queries, mixed, pages, first, cap);
        } else if let Some((rows, _)) = rest.split_first_chunk_mut() {
            tile::<FMA, 1>(rows, queries, mixed, pages, first, cap);
        }
    }
}

/// One head of one block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page<'a> {
    /// `[dimensions, positions]`.
    pub(super) keys: &'a [Lanes],
    /// `[dimensions / 16, positions, 16]`.
    pub(super) values: &'a [Lanes],
}

/// Takes `R` rows through some blocks, the first position of which is `first`. No score goes beyond `cap`.
#[inline(always)]
fn tile<const FMA: bool, const R: usize>(
    rows: &mut [Row; R],
    queries: &[f32],
    mixed: &mut [Lanes],
    pages: &[Page<'_>],
    first: usize,
    cap: Option<f32>,
) {
    // What lies in positions that no row sees is another sequence's, or nothing.
    let seen = rows.iter().fold(0, |most, row| most.max(row.seen)).saturating_sub(first);
    let pages = pages.get(..seen.div_ceil(LANES)).unwrap_or(pages);
    let mut weights = [[[0.0; LANES]; R]; BLOCKS];
    for (weights, page) in weights.iter_mut().zip(pages) {
        *weights = scores::<FMA, R>(queries, page.keys);
        if let Some(cap) = cap {
            soft_cap_on::<FMA>(weights.as_flattened_mut(), cap);
        }
    }
    for (number, row) in rows.iter_mut().enumerate() {
        let mut own = weights.each_ref().map(|block| block.get(number).copied().unwrap_or_default());
        let scale = row.weigh::<FMA>(&mut own, first);
        for (block, own) in weights.iter_mut().zip(own) {
            block.iter_mut().skip(number).take(1).for_each(|weights| *weights = own);
        }
        if scale < 1.0 {
            for mixed in mixed.iter_mut().skip(number).step_by(R) {
                mixed.iter_mut().for_each(|mixed| *mixed *= scale);
            }
        }
    }
    for (part, mixed) in mixed.as_chunks_mut::<R>().0.iter_mut().enumerate() {
        mix::<FMA, R>(mixed, &weights, pages, part, seen);
    }
}

/// The scores of a block's positions.
#[inline(always)]
fn scores<const FMA: bool, const R: usize>(queries: &[f32], keys: &[Lanes]) -> [Lanes; R] {
    let mut scores = [[0.0; LANES]; R];
    for (queries, keys) in queries.as_chunks::<R>().0.iter().zip(keys) {
        for (scores, query) in scores.iter_mut().zip(queries) {
            for (score, key) in scores.iter_mut().zip(keys) {
                *score = multiply_add::<FMA>(*query, *key, *score);
            }
        }
    }
    scores
}

impl Row {
    /// Turns scores of the positions from `first` on into weights, relative to the largest score so far. What was mixed before is to be
    /// multiplied by the result.
    #[inline(always)]
    fn weigh<const FMA: bool>(&mut self, scores: &mut [Lanes; BLOCKS], first: usize) -> f32 {
        let seen = self.unseen.saturating_sub(first)..self.seen.saturating_sub(first);
        cover(scores, &seen, f32::NEG_INFINITY);
        let mut largest = [f32::MIN; LANES];
        for scores in scores.iter() {
            for (largest, score) in largest.iter_mut().zip(scores) {
                *largest = if *score > *largest { *score } else { *largest };
            }
        }
        let largest = largest.iter().fold(self.largest, |a, b| if *b > a { *b } else { a });
        let scale = if largest > self.largest { exp::<FMA>(self.largest - largest) } else { 1.0 };
        self.largest = largest;
        for weight in scores.as_flattened_mut() {
            *weight = exp::<FMA>(*weight - largest);
        }
        cover(scores, &seen, 0.0);
        self.sums.iter_mut().for_each(|sum| *sum *= scale);
        for weights in scores.iter() {
            for (sum, weight) in self.sums.iter_mut().zip(weights) {
                *sum += weight;
            }
        }
        scale
    }
}

/// Replaces what belongs to positions that are not seen.
#[inline(always)]
fn cover(lanes: &mut [Lanes; BLOCKS], seen: &Range<usize>, with: f32) {
    if seen.start > 0 {
        lanes.as_flattened_mut().iter_mut().take(seen.start).for_each(|lane| *lane = with);
    }
    if seen.end < BLOCKS * LANES {
        lanes.as_flattened_mut().iter_mut().skip(seen.end).for_each(|lane| *lane = with);
    }
}

/// Adds sixteen dimensions of the values, those with the number `part`, times their weights.
#[inline(always)]
fn mix<const FMA: bool, const R: usize>(
    mixed: &mut [Lanes; R],
    weights: &[[Lanes; R]; BLOCKS],
    pages: &[Page<'_>],
    part: usize,
    seen: usize,
) {
    let mut sums = *mixed;
    for (number, (weights, page)) in weights.iter().zip(pages).enumerate() {
        let Some(values) = page.values.as_chunks::<LANES>().0.get(part) else { continue };
        match seen - number * LANES {
            LANES.. => add::<FMA, R>(&mut sums, weights, values.iter()),
            seen => add::<FMA, R>(&mut sums, weights, values.iter().take(seen)),
        }
    }
    *mixed = sums;
}

/// Adds the values of a block's positions times the weights of each row.
#[inline(always)]
fn add<'v, const FMA: bool, const R: usize>(
    sums: &mut [Lanes; R],
    weights: &[Lanes; R],
    values: impl Iterator<Item = &'v Lanes>,
) {
    for (position, values) in values.enumerate() {
        for (sums, weights) in sums.iter_mut().zip(weights) {
            let weight = weights.get(position).copied().unwrap_or_default();
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum = multiply_add::<FMA>(weight, *value, *sum);
            }
        }
    }
}
