//! Attention over keys and values where they lie, in blocks.
//!
//! Nothing is gathered: a gathered copy of all that a batch attends to would be as much memory traffic as the weights of a small
//! model. The tokens of a piece of a prompt, and the query heads that share keys and values, go through a block together, so that
//! each is read from memory once.
//!
//! A block's keys lie by dimension, sixteen positions side by side, so that scores of sixteen positions are computed at once; its
//! values lie by sixteen dimensions, and within these by position.

mod store;
mod tiles;

use self::store::Store;
use self::tiles::Tiles;
use super::isa::Isa;
use super::parallel::{Shared, for_ranges};
use crate::decoder::Heads;
use crate::load::CacheNumbers;

/// Positions of a block, and dimensions that lie together: the lanes of the widest registers.
pub(super) const LANES: usize = 16;
/// Rows of queries that go through the blocks together: as many as the nearest cache holds beside the blocks.
const TOGETHER: usize = 32;
/// Fewer products of queries and keys than this are not worth a second thread.
const WORTHWHILE_PRODUCTS: usize = 1 << 16;

/// The keys and values of one layer.
#[derive(Debug)]
pub(super) struct Pool {
    store: Store,
    heads: Heads,
    window: usize,
}

/// What the tokens of one sequence attend to: each of them to itself, and to all before it that are in the layer's window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight<'a> {
    /// The sequence's blocks.
    pub(super) blocks: &'a [u32],
    /// Its positions before the first of the tokens.
    pub(super) before: usize,
    /// How many tokens.
    pub(super) tokens: usize,
}

impl Sight<'_> {
    /// Products of a query and a key, for one head.
    const fn products(&self) -> usize {
        self.tokens * (self.before + self.tokens)
    }
}

/// Some tokens of one sequence, which go through its blocks together.
#[derive(Debug, Clone, Copy)]
struct Piece<'a> {
    /// The number of the first in the batch.
    first: usize,
    sight: Sight<'a>,
}

impl Pool {
    /// Room for so many blocks. A token sees the last `window` positions, its own among them, or all.
    pub(super) fn new(heads: Heads, window: Option<usize>, blocks: usize, numbers: CacheNumbers) -> Self {
        let store = Store::new(numbers, blocks * heads.kv * heads.dimensions * LANES);
        Self { store, heads, window: window.unwrap_or(usize::MAX) }
    }

    /// Where one block begins, for one head.
    const fn start(&self, block: u32, head: usize) -> usize {
        (block as usize * self.heads.kv + head) * self.heads.dimensions * LANES
    }

    /// Stores the keys and values, each `[kv heads x dimensions]`, of the position in this slot.
    pub(super) fn write(&mut self, slot: u32, keys: &[f32], values: &[f32]) {
        let (block, lane) = (slot / LANES as u32, slot as usize % LANES);
        let dimensions = self.heads.dimensions;
        for (head, (keys, values)) in keys.chunks_exact(dimensions).zip(values.chunks_exact(dimensions)).enumerate() {
            self.store.write(self.start(block, head), lane, keys, values);
        }
    }

    /// Mixes values for `queries`, rows of `width` that begin with `[heads x dimensions]`, one for each token of the sights in turn:
    /// `[tokens, heads x dimensions]`.
    pub(super) fn attend(&self, isa: Isa, queries: &[f32], width: usize, sights: &[Sight<'_>]) -> Vec<f32> {
        let Heads { query, kv, dimensions, .. } = self.heads;
        let part = query / kv * dimensions;
        let tokens: usize = sights.iter().map(|sight| sight.tokens).sum();
        let products: usize = sights.iter().map(|sight| sight.products() * query * dimensions).sum();
        let worthwhile = if products < WORTHWHILE_PRODUCTS { usize::MAX } else { 2 };
        let pieces = pieces(sights, (TOGETHER * kv / query).max(1));
        let mut mixed = vec![0.0; tokens * query * dimensions];
        let shared = Shared::new(&mut mixed);
        for_ranges(pieces.len() * kv, worthwhile, |range| {
            let mut tiles = Tiles::default();
            for index in range {
                let (Some(piece), head) = (pieces.get(index / kv), index % kv) else { return };
                let tokens = piece.first..piece.first + piece.sight.tokens;
                let parts = tokens.clone().map(|token| {
                    let start = token * width + head * part;
                    queries.get(start..start + part).unwrap_or_default()
                });
                tiles.take(parts, &self.heads, piece.sight.before, self.window);
                tiles.attend(isa, self, head, piece.sight.blocks);
                for (number, token) in tokens.enumerate() {
                    #[expect(unsafe_code, reason = "the threads know only shared closures")]
                    // SAFETY: no two pieces have a token in common, and each head of a piece comes once.
                    let place = unsafe { shared.part(token * query * dimensions + head * part, part) };
                    tiles.give(number * (query / kv), place);
                }
            }
        });
        mixed
    }
}

/// The sights, in pieces of at most so many tokens; first those that take longest, so that the threads end at the same time.
fn pieces<'a>(sights: &[Sight<'a>], most: usize) -> Vec<Piece<'a>> {
    let mut pieces = Vec::with_capacity(sights.len());
    let mut first = 0;
    for sight in sights {
        for begin in (0..sight.tokens).step_by(most) {
            let tokens = most.min(sight.tokens - begin);
            pieces.push(Piece { first: first + begin, sight: Sight { before: sight.before + begin, tokens, ..*sight } });
        }
        first += sight.tokens;
    }
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.sight.products()));
    pieces
}
