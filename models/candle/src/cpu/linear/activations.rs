//! Activations as integers of 16 bits.
//!
//! A small model's activations have outliers, and eight bits are too few for them: with one scale for 256 values, rounding to eight
//! bits moved the logits of SmolLM2-135M by 0.32 (root mean square), enough to turn one greedy choice in twenty. With sixteen bits,
//! and a scale for every 32 values, what rounding takes away is as little as what the order of a summation does.

use super::{BLOCK, MOST_ROWS};
use crate::cpu::isa::{Isa, for_each_isa};
use crate::cpu::parallel::{Shared, for_ranges};

/// The largest integer: its high byte, rounded to nearest, still fits eight bits.
const LARGEST: f32 = 127.0 * 256.0;

/// Fewer groups of rows than this are not worth a second thread.
const WORTHWHILE_GROUPS: usize = 2;

/// 32 activations: `scale` times integers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Block<I> {
    pub(super) integers: I,
    pub(super) scale: f32,
    /// Of the integers.
    pub(super) sum: i32,
    /// The sum times the scale.
    pub(super) total: f32,
}

/// Integers for kernels that multiply by 16 bits.
pub(super) type Whole = [i16; BLOCK];

/// Integers for kernels that multiply by 8 bits: `256 high + low`, four of each in a word.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Halves {
    pub(super) high: [i32; BLOCK / 4],
    pub(super) low: [i32; BLOCK / 4],
}

/// How a kernel wants the integers of a block.
pub(super) trait Integers: Copy + Default + Send + Sync {
    /// Quantises a row of a group `[blocks, rows]`, as many values as there are blocks for.
    fn quantise_row(isa: Isa, x: &[f32], group: &mut [Block<Self>], row: usize, rows: usize);
}

/// `x [rows, inputs]` as blocks: [`groups`] of rows, and in a group `[inputs / 32, rows]`.
pub(super) fn quantise<I: Integers>(isa: Isa, x: &[f32], inputs: usize) -> Vec<Block<I>> {
    let blocks = inputs / BLOCK;
    let rows = x.len().checked_div(inputs).unwrap_or(0);
    let mut quantised = vec![Block::default(); rows * blocks];
    let shared = Shared::new(&mut quantised);
    let groups: Vec<_> = groups(rows).collect();
    for_ranges(groups.len(), WORTHWHILE_GROUPS, |range| {
        for (first, count) in groups.get(range).unwrap_or_default() {
            #[expect(unsafe_code, reason = "groups differ in size")]
            // SAFETY: each group is in one range only, and groups share no rows.
            let group = unsafe { shared.part(first * blocks, count * blocks) };
            for row in 0..*count {
                let x = x.get((first + row) * inputs..).unwrap_or_default();
                I::quantise_row(isa, x, group, row, *count);
            }
        }
    });
    quantised
}

/// Rows that are computed together: the first of each group, and how many.
pub(super) fn groups(rows: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let count = match rows - first {
            0 => return None,
            1 => 1,
            2..4 => 2,
            4..MOST_ROWS => 4,
            _ => MOST_ROWS,
        };
        first += count;
        Some((first - count, count))
    })
}

impl Integers for Whole {
    fn quantise_row(isa: Isa, x: &[f32], group: &mut [Block<Self>], row: usize, rows: usize) {
        row_of_whole(isa, x, group, row, rows);
    }
}

impl Integers for Halves {
    fn quantise_row(isa: Isa, x: &[f32], group: &mut [Block<Self>], row: usize, rows: usize) {
        row_of_halves(isa, x, group, row, rows);
    }
}

for_each_isa! {
    fn row_of_whole(x: &[f32], group: &mut [Block<Whole>], row: usize, rows: usize) = row_of_whole_on
}

for_each_isa! {
    fn row_of_halves(x: &[f32], group: &mut [Block<Halves>], row: usize, rows: usize) = row_of_halves_on
}

#[inline(always)]
fn row_of_whole_on<const FMA: bool>(x: &[f32], group: &mut [Block<Whole>], row: usize, rows: usize) {
    for (values, block) in x.as_chunks::<BLOCK>().0.iter().zip(group.iter_mut().skip(row).step_by(rows)) {
        *block = block_of(values);
    }
}

#[inline(always)]
fn row_of_halves_on<const FMA: bool>(x: &[f32], group: &mut [Block<Halves>], row: usize, rows: usize) {
    for (values, block) in x.as_chunks::<BLOCK>().0.iter().zip(group.iter_mut().skip(row).step_by(rows)) {
        let Block { integers, scale, sum, total } = block_of(values);
        *block = Block { integers: halves_of(&integers), scale, sum, total };
    }
}

#[inline(always)]
fn block_of(values: &[f32; BLOCK]) -> Block<Whole> {
    /// Adding it rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let mut largest = [0.0_f32; 8];
    for eight in values.as_chunks::<8>().0 {
        for (largest, value) in largest.iter_mut().zip(eight) {
            *largest = if value.abs() > *largest { value.abs() } else { *largest };
        }
    }
    let largest = largest.into_iter().fold(0.0, f32::max);
    let steps = if largest > 0.0 { LARGEST / largest } else { 0.0 };
    let (mut integers, mut sum) = ([0; BLOCK], 0);
    for (integer, value) in integers.iter_mut().zip(values) {
        // The integer is in the lowest bits.
        *integer = (value * steps + ROUND).to_bits() as i16;
        sum += i32::from(*integer);
    }
    let scale = largest / LARGEST;
    Block { integers, scale, sum, total: scale * sum as f32 }
}

/// The high bytes rounded to nearest, so that what they leave is a byte with a sign.
#[inline(always)]
fn halves_of(whole: &Whole) -> Halves {
    let mut halves = Halves::default();
    for ((high, low), four) in halves.high.iter_mut().zip(&mut halves.low).zip(whole.as_chunks::<4>().0) {
        *high = i32::from_le_bytes(four.map(|integer| ((integer + 128) >> 8) as u8));
        *low = i32::from_le_bytes(four.map(|integer| integer as u8));
    }
    halves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_storing_hold_each_value_to_sixteen_bits_of_its_blocks_largest() {
        let x: Vec<f32> = (0u16..64).map(|i| (f32::from(i) * 0.731).sin() + if i == 5 { -300.0 } else { 0.3 }).collect();
        let signed = |words: [i32; 8]| words.into_iter().flat_map(i32::to_le_bytes).map(|byte| i32::from(byte as i8));
        for isa in Isa::available() {
            let (whole, halves) = (quantise::<Whole>(isa, &x, 64), quantise::<Halves>(isa, &x, 64));
            assert_eq!((whole.len(), halves.len()), (2, 2));
            for ((whole, halves), values) in whole.iter().zip(&halves).zip(x.chunks_exact(BLOCK)) {
                let integers = whole.integers.map(i32::from);
                let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                for (integer, value) in integers.iter().zip(values) {
                    assert!((*integer as f32 * whole.scale - value).abs() <= largest / 60_000.0, "{isa:?}, {value}");
                }
                let together = signed(halves.integers.high).zip(signed(halves.integers.low)).map(|(high, low)| 256 * high + low);
                assert_eq!(together.collect::<Vec<_>>(), integers);
                assert_eq!((whole.sum, halves.sum), (integers.iter().sum(), integers.iter().sum()));
                assert_eq!(whole.scale, halves.scale);
            }
        }
        assert_eq!(quantise::<Whole>(Isa::best(), &[0.0; 32], 32)[0].integers, [0; 32]);
    }
}
