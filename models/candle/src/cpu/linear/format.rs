//! The stored formats whose weights are integers times a scale, plus an offset, in blocks of 32.
//!
//! Formats: <https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h>

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Result, bail};
use half::f16;

use super::BLOCK;

/// 32 weights: `scale (integer - centre) + offset`, with the format's centre.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct WeightBlock {
    pub(super) integers: [u8; BLOCK],
    pub(super) scale: f16,
    pub(super) offset: f16,
}

/// What the blocks of a format have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Format {
    /// Whether the integers need only four bits.
    pub(super) narrow: bool,
    pub(super) has_offsets: bool,
    pub(super) centre: u8,
}

impl Format {
    /// The format's properties, if it is of this kind.
    pub(super) fn of(stored: GgmlDType) -> Option<Self> {
        match stored {
            GgmlDType::Q4_0 => Some(Self { narrow: true, has_offsets: false, centre: 8 }),
            GgmlDType::Q4_1 => Some(Self { narrow: true, has_offsets: true, centre: 0 }),
            GgmlDType::Q5_0 => Some(Self { narrow: false, has_offsets: false, centre: 16 }),
            GgmlDType::Q5_1 => Some(Self { narrow: false, has_offsets: true, centre: 0 }),
            GgmlDType::Q8_0 => Some(Self { narrow: false, has_offsets: false, centre: 128 }),
            // A scale and an offset for every 32 weights, products of two numbers each, which are rounded to the eleven digits of f16.
            GgmlDType::Q4K => Some(Self { narrow: true, has_offsets: true, centre: 0 }),
            GgmlDType::Q5K => Some(Self { narrow: false, has_offsets: true, centre: 0 }),
            _ => None,
        }
    }

    /// One that holds blocks of both. A centre becomes part of the offsets, which are stored in few digits; a power of two, as all
    /// centres are, changes none of them.
    pub(super) fn with(self, other: Self) -> Self {
        if self == other {
            return self;
        }
        Self { narrow: self.narrow && other.narrow, has_offsets: true, centre: 0 }
    }
}

/// The tensor's blocks, row by row, as `target` wants them.
pub(super) fn blocks(tensor: &QTensor, target: Format) -> Result<Vec<WeightBlock>> {
    let Some(format) = Format::of(tensor.dtype()) else { bail!("{:?} does not consist of scaled integers", tensor.dtype()) };
    let stored = tensor.data()?;
    let mut blocks = Vec::with_capacity(tensor.shape().elem_count() / BLOCK);
    for bytes in stored.chunks_exact(tensor.dtype().type_size()) {
        let read = match tensor.dtype() {
            GgmlDType::Q4K | GgmlDType::Q5K => eight_blocks(tensor.dtype(), bytes).map(|eight| blocks.extend(eight)),
            other => block(other, bytes).map(|block| blocks.push(block)),
        };
        if read.is_none() {
            bail!("a block of {:?} is too short", tensor.dtype())
        }
    }
    if format.centre != target.centre {
        for block in &mut blocks {
            block.offset = f16::from_f32(-f32::from(format.centre) * block.scale.to_f32());
        }
    }
    Ok(blocks)
}

/// The eight blocks of 256 weights whose scales and offsets are integers of six bits, scaled again.
fn eight_blocks(format: GgmlDType, bytes: &[u8]) -> Option<[WeightBlock; 8]> {
    let (scale, rest) = bytes.split_first_chunk::<2>()?;
    let (offset, rest) = rest.split_first_chunk::<2>()?;
    let (scale, offset) = (f16::from_le_bytes(*scale).to_f32(), f16::from_le_bytes(*offset).to_f32());
    let (six_bits, rest) = rest.split_first_chunk::<12>()?;
    let (fifth_bits, rest) = match format {
        GgmlDType::Q5K => rest.split_first_chunk::<BLOCK>()?,
        _ => (&[0; BLOCK], rest),
    };
    let mut blocks = [WeightBlock { integers: [0; BLOCK], scale: f16::ZERO, offset: f16::ZERO }; 8];
    let numbers = scales_and_offsets(six_bits).into_iter().enumerate();
    for ((place, (own_scale, own_offset)), block) in numbers.zip(&mut blocks) {
        // Two blocks share bytes: one has the low nibbles, the next the high ones.
        let nibbles = rest.as_chunks::<BLOCK>().0.get(place / 2)?;
        let shift = 4 * (place % 2);
        for ((integer, nibbles), fifth) in block.integers.iter_mut().zip(nibbles).zip(fifth_bits) {
            *integer = nibbles >> shift & 0x0f | (fifth >> place & 1) << 4;
        }
        block.scale = f16::from_f32(scale * f32::from(own_scale));
        block.offset = f16::from_f32(-offset * f32::from(own_offset));
    }
    Some(blocks)
}

/// Eight scales and eight offsets of six bits in twelve bytes: four of each lie in the low bits of the first eight bytes; the others'
/// low bits are the nibbles of the last four, and their high bits the high bits of the first eight.
fn scales_and_offsets([a, b, c, d, e, f, g, h, i, j, k, l]: &[u8; 12]) -> [(u8, u8); 8] {
    let low = |scale: &u8, offset: &u8| (scale & 63, offset & 63);
    let split = |both: &u8, scale: &u8, offset: &u8| (both & 15 | scale >> 6 << 4, both >> 4 | offset >> 6 << 4);
    [low(a, e), low(b, f), low(c, g), low(d, h), split(i, a, e), split(j, b, f), split(k, c, g), split(l, d, h)]
}

fn block(format: GgmlDType, bytes: &[u8]) -> Option<WeightBlock> {
    let (scale, rest) = bytes.split_first_chunk::<2>()?;
    let scale = f16::from_le_bytes(*scale);
    let (offset, rest) = match format {
        GgmlDType::Q4_1 | GgmlDType::Q5_1 => {
            let (offset, rest) = rest.split_first_chunk::<2>()?;
            (f16::from_le_bytes(*offset), rest)
        }
        _ => (f16::ZERO, rest),
    };
    let (fifth_bits, rest) = match format {
        GgmlDType::Q5_0 | GgmlDType::Q5_1 => {
            let (bits, rest) = rest.split_first_chunk::<4>()?;
            (u32::from_le_bytes(*bits), rest)
        }
        _ => (0, rest),
    };
    let integers = if format == GgmlDType::Q8_0 {
        // From -128..128 to 0..256.
        rest.first_chunk::<BLOCK>()?.map(|byte| byte ^ 0x80)
    } else {
        let mut integers = [0; BLOCK];
        let (first, second) = integers.split_at_mut(BLOCK / 2);
        // A block's first half is in the low nibbles, its second in the high ones.
        for ((first, second), byte) in first.iter_mut().zip(second).zip(rest.first_chunk::<{ BLOCK / 2 }>()?) {
            (*first, *second) = (byte & 0x0f, byte >> 4);
        }
        for (bit, integer) in integers.iter_mut().enumerate() {
            *integer |= u8::from(fifth_bits >> bit & 1 == 1) << 4;
        }
        integers
    };
    Some(WeightBlock { integers, scale, offset })
}
