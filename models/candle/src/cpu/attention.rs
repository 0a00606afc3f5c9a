//! Attention over keys and values where they lie, in blocks.
//!
//! Nothing is gathered: a gathered copy of all that a batch attends to would be as much memory traffic as the weights of a small
//! model. The softmax runs along with the blocks (Milakov and Gimelshein, <https://arxiv.org/abs/1805.02867>), and the query heads
//! that share keys and values go through a block together, so that each is read from memory once.
//!
//! A block's keys lie by dimension, sixteen positions side by side, so that scores of sixteen positions are computed at once; its
//! values lie by sixteen dimensions, and within these by position.

use super::elementwise::exp;
use super::isa::{Isa, for_each_isa, multiply_add};
use super::parallel::for_parts;
use crate::llama::Heads;

/// Positions of a block, and dimensions that lie together: the lanes of the widest registers.
pub(super) const LANES: usize = 16;
/// Query heads that go through the keys and values together.
const TOGETHER: usize = 8;
/// Fewer products of queries and keys than this are not worth a second thread.
const WORTHWHILE_PRODUCTS: usize = 1 << 16;

/// The keys and values of one layer, each `[blocks, kv heads, block size x dimensions]`.
#[derive(Debug)]
pub(super) struct Pool {
    keys: Vec<f32>,
    values: Vec<f32>,
    heads: Heads,
}

/// What a token attends to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'a> {
    /// The sequence's blocks.
    pub(super) blocks: &'a [u32],
    /// How many of their positions, from the first on, the token sees.
    pub(super) positions: usize,
}

impl Pool {
    /// The memory is the system's until it is written to.
    pub(super) fn new(heads: Heads, blocks: usize) -> Self {
        let size = blocks * heads.kv * heads.dimensions * LANES;
        Self { keys: vec![0.0; size], values: vec![0.0; size], heads }
    }

    /// The elements of one block of one head.
    fn page(&self, block: u32, head: usize) -> std::ops::Range<usize> {
        let size = self.heads.dimensions * LANES;
        let start = (block as usize * self.heads.kv + head) * size;
        start..start + size
    }

    /// Stores the keys and values, each `[kv heads x dimensions]`, of the position in this slot.
    pub(super) fn write(&mut self, slot: u32, keys: &[f32], values: &[f32]) {
        let (block, lane) = (slot / LANES as u32, slot as usize % LANES);
        let dimensions = self.heads.dimensions;
        for (head, (keys, values)) in keys.chunks_exact(dimensions).zip(values.chunks_exact(dimensions)).enumerate() {
            let page = self.page(block, head);
            let by_dimension = self.keys.get_mut(page.clone()).unwrap_or_default();
            for (stored, key) in by_dimension.iter_mut().skip(lane).step_by(LANES).zip(keys) {
                *stored = *key;
            }
            let by_position = self.values.get_mut(page).unwrap_or_default();
            let stored = by_position.as_chunks_mut::<LANES>().0.iter_mut().skip(lane).step_by(LANES);
            for (stored, values) in stored.zip(values.as_chunks::<LANES>().0) {
                *stored = *values;
            }
        }
    }

    /// Mixes values for `queries`, rows of `width` that begin with `[heads x dimensions]`: `[tokens, heads x dimensions]`.
    pub(super) fn attend(&self, isa: Isa, queries: &[f32], width: usize, sights: &[Sight<'_>]) -> Vec<f32> {
        let Heads { query, kv, dimensions, .. } = self.heads;
        let part = query / kv * dimensions;
        let mut mixed = vec![0.0; sights.len() * query * dimensions];
        let products: usize = sights.iter().map(|sight| sight.positions * query * dimensions).sum();
        let worthwhile = if products < WORTHWHILE_PRODUCTS { usize::MAX } else { 2 };
        for_parts(&mut mixed, part, worthwhile, |index, mixed| {
            let (token, head) = (index / kv, index % kv);
            let start = token * width + head * part;
            let Some((queries, sight)) = queries.get(start..start + part).zip(sights.get(token)) else { return };
            for (queries, mixed) in queries.chunks(TOGETHER * dimensions).zip(mixed.chunks_mut(TOGETHER * dimensions)) {
                attend_group(isa, self, head, *sight, queries, mixed);
            }
        });
        mixed
    }
}

for_each_isa! {
    /// Mixes values for up to [`TOGETHER`] query heads that share the keys and values of one head.
    fn attend_group(pool: &Pool, head: usize, sight: Sight<'_>, queries: &[f32], mixed: &mut [f32]) = attend_group_on
}

/// The state of one query head's softmax.
#[derive(Debug, Clone, Copy)]
struct Softmax {
    largest: f32,
    sum: f32,
}

#[inline(always)]
fn attend_group_on<const FMA: bool>(pool: &Pool, head: usize, sight: Sight<'_>, queries: &[f32], mixed: &mut [f32]) {
    let dimensions = pool.heads.dimensions;
    let mut states = [Softmax { largest: f32::NEG_INFINITY, sum: 0.0 }; TOGETHER];
    for (index, block) in sight.blocks.iter().enumerate().take(sight.positions.div_ceil(LANES)) {
        let page = pool.page(*block, head);
        let keys = pool.keys.get(page.clone()).unwrap_or_default();
        let values = pool.values.get(page).unwrap_or_default();
        let seen = LANES.min(sight.positions - index * LANES);
        let heads = queries.chunks_exact(dimensions).zip(mixed.chunks_exact_mut(dimensions)).zip(&mut states);
        for ((query, mixed), state) in heads {
            let scores = scores::<FMA>(query, keys, &pool.heads, seen);
            let weights = state.weigh::<FMA>(&scores, seen, mixed);
            mix::<FMA>(mixed, &weights, values, seen);
        }
    }
    for (mixed, state) in mixed.chunks_exact_mut(dimensions).zip(&states) {
        let scale = 1.0 / state.sum;
        mixed.iter_mut().for_each(|mixed| *mixed *= scale);
    }
}

/// The scores of a block's positions; those that are not seen have the lowest.
#[inline(always)]
fn scores<const FMA: bool>(query: &[f32], keys: &[f32], heads: &Heads, seen: usize) -> [f32; LANES] {
    // Four sums a score, so that an addition need not wait for the one before.
    let mut sums = [[0.0; LANES]; 4];
    for (query, keys) in query.as_chunks::<4>().0.iter().zip(keys.as_chunks::<{ 4 * LANES }>().0) {
        for ((sums, query), keys) in sums.iter_mut().zip(query).zip(keys.as_chunks::<LANES>().0) {
            for (sum, key) in sums.iter_mut().zip(keys) {
                *sum = multiply_add::<FMA>(*query, *key, *sum);
            }
        }
    }
    let [a, b, c, d] = sums;
    let mut scores = [0.0; LANES];
    for ((score, (a, b)), (c, d)) in scores.iter_mut().zip(a.iter().zip(b)).zip(c.iter().zip(d)) {
        *score = ((a + b) + (c + d)) * heads.scale;
    }
    for score in scores.iter_mut().skip(seen) {
        *score = f32::NEG_INFINITY;
    }
    scores
}

impl Softmax {
    /// The weights of a block's positions, relative to the largest score so far, to which what was `mixed` before is adjusted.
    #[inline(always)]
    fn weigh<const FMA: bool>(&mut self, scores: &[f32; LANES], seen: usize, mixed: &mut [f32]) -> [f32; LANES] {
        let largest = fold(scores, |a, b| if b > a { b } else { a });
        if largest > self.largest {
            let scale = exp::<FMA>(self.largest - largest);
            self.largest = largest;
            self.sum *= scale;
            mixed.iter_mut().for_each(|mixed| *mixed *= scale);
        }
        let mut weights = [0.0; LANES];
        for (weight, score) in weights.iter_mut().zip(scores) {
            *weight = exp::<FMA>(score - self.largest);
        }
        for weight in weights.iter_mut().skip(seen) {
            *weight = 0.0;
        }
        self.sum += fold(&weights, |a, b| a + b);
        weights
    }
}

/// Adds a block's values times their weights.
#[inline(always)]
fn mix<const FMA: bool>(mixed: &mut [f32], weights: &[f32; LANES], values: &[f32], seen: usize) {
    for (mixed, values) in mixed.as_chunks_mut::<LANES>().0.iter_mut().zip(values.as_chunks::<{ LANES * LANES }>().0) {
        let (values, _) = values.as_chunks::<LANES>();
        // What lies in the positions that are not seen is another sequence's, or nothing.
        let seen = if seen < LANES { values.iter().take(seen) } else { values.iter().take(LANES) };
        let mut sums = *mixed;
        for (weight, values) in weights.iter().zip(seen) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum = multiply_add::<FMA>(*weight, *value, *sum);
            }
        }
        *mixed = sums;
    }
}

/// All lanes as one, by halves.
#[inline(always)]
fn fold(lanes: &[f32; LANES], with: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = *lanes;
    for width in [8, 4, 2, 1] {
        let (low, high) = lanes.split_at_mut(width);
        for (low, high) in low.iter_mut().zip(high) {
            *low = with(*low, *high);
        }
    }
    let [folded, ..] = lanes;
    folded
}
