//! What a kernel computes: products of a tile of weights with rows of activations.

use half::f16;

use super::activations::{Block, Integers, Whole};
use super::packed::{Tile, lines_of_block};
use super::{BLOCK, TILE};
use crate::cpu::arena::Line;

/// A way to multiply. Whatever the number of rows, a row's sums are the same to the last bit.
pub(super) trait Kernel: Copy + Sync {
    /// How it wants activations.
    type Integers: Integers;

    /// The sums of a group of `R` rows, `[blocks, R]`, for the outputs of a tile. `NARROW` and `OFFSETS` are those of the tile's format.
    fn tile<const NARROW: bool, const OFFSETS: bool, const R: usize>(
        self,
        tile: Tile<'_>,
        group: &[Block<Self::Integers>],
    ) -> [[f32; TILE]; R];
}

/// Plain loops, for processors without a kernel of their own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain;

impl Kernel for Plain {
    type Integers = Whole;

    fn tile<const NARROW: bool, const OFFSETS: bool, const R: usize>(
        self,
        tile: Tile<'_>,
        group: &[Block<Whole>],
    ) -> [[f32; TILE]; R] {
        let mut sums = [[0.0; TILE]; R];
        let weights = tile.lines.chunks_exact(lines_of_block(NARROW)).filter_map(|lines| lines.split_first());
        for ((numbers, lines), blocks) in weights.zip(group.as_chunks::<R>().0) {
            let numbers = numbers.0.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32());
            for (sums, block) in sums.iter_mut().zip(blocks) {
                let (scales, offsets) = (numbers.clone(), numbers.clone().skip(TILE));
                let products = products::<NARROW>(lines, &block.integers);
                for (((sum, product), scale), offset) in sums.iter_mut().zip(products).zip(scales).zip(offsets) {
                    *sum += (product - tile.centre * block.sum) as f32 * (scale * block.scale);
                    if OFFSETS {
                        *sum += offset * block.total;
                    }
                }
            }
        }
        sums
    }
}

/// The products of a block, for each output of the tile.
fn products<const NARROW: bool>(lines: &[Line], x: &[i16; BLOCK]) -> [i32; TILE] {
    let mut sums = [0; TILE];
    let (first, second) = x.as_chunks::<4>().0.split_at(lines.len().min(BLOCK / 4));
    for (k, (line, four)) in lines.iter().zip(first).enumerate() {
        if NARROW {
            add_products(&mut sums, line.0.map(|byte| byte & 0x0f), four);
            add_products(&mut sums, line.0.map(|byte| byte >> 4), second.get(k).unwrap_or(&[0; 4]));
        } else {
            add_products(&mut sums, line.0, four);
        }
    }
    sums
}

fn add_products(sums: &mut [i32; TILE], weights: [u8; 64], x: &[i16; 4]) {
    for (sum, weights) in sums.iter_mut().zip(weights.as_chunks::<4>().0) {
        *sum += weights.iter().zip(x).map(|(weight, x)| i32::from(*weight) * i32::from(*x)).sum::<i32>();
    }
}
