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
            _ => None,
        }
    }

    /// One that holds blocks of both, if there is one.
    pub(super) fn with(self, other: Self) -> Option<Self> {
        if self == other {
            return Some(self);
        }
        // A centre becomes part of the offsets, which are stored in few digits: a power of two changes none of them.
        let fits = |format: Self| format.centre == 0 || format.centre.is_power_of_two();
        (fits(self) && fits(other)).then_some(Self { narrow: self.narrow && other.narrow, has_offsets: true, centre: 0 })
    }
}

/// The tensor's blocks, row by row, as `target` wants them.
pub(super) fn blocks(tensor: &QTensor, target: Format) -> Result<Vec<WeightBlock>> {
    let Some(format) = Format::of(tensor.dtype()) else { bail!("{:?} does not consist of scaled integers", tensor.dtype()) };
    let stored = tensor.data()?;
    let blocks = stored.chunks_exact(tensor.dtype().type_size()).map(|bytes| block(tensor.dtype(), bytes));
    let moved = format.centre != target.centre;
    let blocks = blocks.map(|block| {
        let block = block?;
        let centre = f16::from_f32(-f32::from(format.centre) * block.scale.to_f32());
        Some(if moved { WeightBlock { offset: centre, ..block } } else { block })
    });
    match blocks.collect() {
        Some(blocks) => Ok(blocks),
        None => bail!("a block of {:?} is too short", tensor.dtype()),
    }
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
