//! The layout of weights that the kernels read: every weight once a pass, in the order in which it is needed.
//!
//! Sixteen outputs are a tile. A tile's blocks follow each other along the inputs, each with a line of scales and offsets before its
//! integers. In a block sixteen outputs take turns, four inputs each: one cache line has the integers of four inputs for all outputs of
//! the tile. Integers of four bits are two in a byte: the low half of line `k` is the line `k` of the eight, the high half line `k + 4`.

use candle_core::Result;
use candle_core::quantized::QTensor;
use half::f16;

use super::format::{self, Format, WeightBlock};
use super::{BLOCK, TILE};
use crate::cpu::arena::{Arena, Line, Lines};

/// The lines of integers of eight bits.
pub(super) const WIDE: usize = BLOCK * TILE / 64;
/// The lines of integers of four bits.
pub(super) const NARROW: usize = WIDE / 2;

/// A matrix in this layout.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) format: Format,
    /// Blocks of 32 inputs.
    pub(super) blocks: usize,
    lines: Lines,
}

/// A tile's lines.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile<'a> {
    pub(super) lines: &'a [Line],
    pub(super) centre: i32,
}

/// The lines of a block, with those of its scales and offsets.
pub(super) const fn lines_of_block(narrow: bool) -> usize {
    1 + if narrow { NARROW } else { WIDE }
}

impl Packed {
    /// Packs matrices `[out, 32 blocks]`, one below the other.
    pub(super) fn new(parts: &[QTensor], format: Format, blocks: usize, arena: &Arena) -> Result<Self> {
        let mut rows = Vec::new();
        for part in parts {
            rows.extend(format::blocks(part, format)?);
        }
        let rows: Vec<&[WeightBlock]> = rows.chunks_exact(blocks).collect();
        let mut lines = Vec::with_capacity(rows.len().div_ceil(TILE) * blocks * lines_of_block(format.narrow));
        for tile in rows.chunks(TILE) {
            for block in 0..blocks {
                push(&mut lines, format.narrow, tile.iter().filter_map(|row| row.get(block)));
            }
        }
        Ok(Self { format, blocks, lines: arena.place(&lines) })
    }

    /// The weights of one output.
    pub(super) fn unpack(&self, output: usize, row: &mut [f32]) {
        let Tile { lines, centre } = self.tile(output / TILE);
        let place = output % TILE;
        let blocks = lines.chunks_exact(lines_of_block(self.format.narrow)).filter_map(<[Line]>::split_first);
        for (row, (numbers, lines)) in row.as_chunks_mut::<BLOCK>().0.iter_mut().zip(blocks) {
            let number = |place: usize| numbers.0.as_chunks::<2>().0.get(place).copied().unwrap_or_default();
            let (scale, offset) = (f16::from_le_bytes(number(place)).to_f32(), f16::from_le_bytes(number(TILE + place)).to_f32());
            let four = |line: &Line| line.0.as_chunks::<4>().0.get(place).copied().unwrap_or_default();
            let (low, high) = row.as_chunks_mut::<4>().0.split_at_mut(lines.len().min(WIDE));
            let weight = |integer: u8| scale * (i32::from(integer) - centre) as f32 + offset;
            for (place, line) in low.iter_mut().zip(lines) {
                let mask = if self.format.narrow { 0x0f } else { 0xff };
                *place = four(line).map(|integer| weight(integer & mask));
            }
            for (place, line) in high.iter_mut().zip(lines) {
                *place = four(line).map(|integer| weight(integer >> 4));
            }
        }
    }

    pub(super) fn tiles(&self) -> usize {
        self.lines.len().checked_div(self.blocks * lines_of_block(self.format.narrow)).unwrap_or(0)
    }

    /// The tile of that number; one without lines if there are not as many.
    pub(super) fn tile(&self, number: usize) -> Tile<'_> {
        let lines = self.blocks * lines_of_block(self.format.narrow);
        let lines = self.lines.get(number * lines..(number + 1) * lines).unwrap_or_default();
        Tile { lines, centre: self.format.centre.into() }
    }
}

/// Appends one block of a tile. Outputs that the last tile lacks have a scale of zero.
fn push<'a>(lines: &mut Vec<Line>, narrow: bool, outputs: impl Iterator<Item = &'a WeightBlock>) {
    let mut numbers = Line([0; 64]);
    let mut wide = [Line([0; 64]); WIDE];
    let (scales, offsets) = numbers.0.split_at_mut(TILE * size_of::<f16>());
    let places = scales.as_chunks_mut::<2>().0.iter_mut().zip(offsets.as_chunks_mut::<2>().0);
    for (output, (block, (scale, offset))) in outputs.zip(places).enumerate() {
        (*scale, *offset) = (block.scale.to_le_bytes(), block.offset.to_le_bytes());
        for (line, four) in wide.iter_mut().zip(block.integers.as_chunks::<4>().0) {
            if let Some(place) = line.0.as_chunks_mut::<4>().0.get_mut(output) {
                *place = *four;
            }
        }
    }
    lines.push(numbers);
    if narrow {
        let (low, high) = wide.split_at(NARROW);
        lines.extend(low.iter().zip(high).map(|(low, high)| {
            let mut both = *low;
            both.0.iter_mut().zip(&high.0).for_each(|(low, high)| *low |= high << 4);
            both
        }));
    } else {
        lines.extend(wide);
    }
}
