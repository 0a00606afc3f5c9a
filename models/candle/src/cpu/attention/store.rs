//! The keys and values of one layer, in the bits that they are kept in.

use half::f16;
use half::slice::HalfFloatSliceExt;

use super::LANES;
use super::tiles::{Lanes, Page};
use crate::load::CacheNumbers;

/// Keys and values, each `[blocks, kv heads, block size x dimensions]`.
#[derive(Debug)]
pub(super) enum Store {
    Single { keys: Vec<f32>, values: Vec<f32> },
    Half { keys: Vec<f16>, values: Vec<f16> },
}

impl Store {
    /// So many of each. The memory is the system's until it is written to.
    pub(super) fn new(numbers: CacheNumbers, size: usize) -> Self {
        match numbers {
            CacheNumbers::F32 => Self::Single { keys: vec![0.0; size], values: vec![0.0; size] },
            CacheNumbers::F16 => Self::Half { keys: vec![f16::ZERO; size], values: vec![f16::ZERO; size] },
        }
    }

    /// Stores one position, the lane of that number, of the block that begins at `start`.
    pub(super) fn write(&mut self, start: usize, lane: usize, new_keys: &[f32], new_values: &[f32]) {
        let place = start..start + LANES * new_keys.len();
        match self {
            Self::Single { keys, values } => {
                let pages = (keys.get_mut(place.clone()), values.get_mut(place));
                if let (Some(keys), Some(values)) = pages {
                    scatter((keys, values), lane, new_keys, new_values);
                }
            }
            Self::Half { keys, values } => {
                let pages = (keys.get_mut(place.clone()), values.get_mut(place));
                if let (Some(keys), Some(values)) = pages {
                    scatter((keys, values), lane, &halves(new_keys), &halves(new_values));
                }
            }
        }
    }

    /// The block that begins at `start`, widened into `room` where that is needed, which is as long as keys and values together.
    #[inline(always)]
    pub(super) fn page<'s, const FMA: bool>(&'s self, start: usize, room: &'s mut [Lanes]) -> Page<'s> {
        let (wide_keys, wide_values) = room.split_at_mut(room.len() / 2);
        let place = start..start + LANES * wide_keys.len();
        match self {
            Self::Single { keys, values } => {
                let page = |numbers: &'s [f32]| numbers.get(place.clone()).unwrap_or_default().as_chunks().0;
                Page { keys: page(keys), values: page(values) }
            }
            Self::Half { keys, values } => {
                widen::<FMA>(keys.get(place.clone()).unwrap_or_default(), wide_keys);
                widen::<FMA>(values.get(place).unwrap_or_default(), wide_values);
                Page { keys: wide_keys, values: wide_values }
            }
        }
    }
}

/// Keys go by dimension, and values by sixteen dimensions and within these by position.
fn scatter<T: Copy>((page_keys, page_values): (&mut [T], &mut [T]), lane: usize, keys: &[T], values: &[T]) {
    for (stored, key) in page_keys.iter_mut().skip(lane).step_by(LANES).zip(keys) {
        *stored = *key;
    }
    let stored = page_values.as_chunks_mut::<LANES>().0.iter_mut().skip(lane).step_by(LANES);
    for (stored, values) in stored.zip(values.as_chunks::<LANES>().0) {
        *stored = *values;
    }
}

fn halves(numbers: &[f32]) -> Vec<f16> {
    let mut halves = vec![f16::ZERO; numbers.len()];
    halves.convert_from_f32_slice(numbers);
    halves
}

/// Half precision in single.
#[inline(always)]
fn widen<const FMA: bool>(halves: &[f16], wide: &mut [Lanes]) {
    for (wide, halves) in wide.iter_mut().zip(halves.as_chunks::<LANES>().0) {
        *wide = widened::<FMA>(halves);
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn widened<const FMA: bool>(halves: &[f16; LANES]) -> Lanes {
    use std::arch::x86_64::{_mm_loadu_si128, _mm256_cvtph_ps, _mm256_storeu_ps};

    if !FMA {
        return halves.map(f16::to_f32);
    }
    let mut wide = [0.0; LANES];
    let (low, high) = halves.split_at(LANES / 2);
    let (wide_low, wide_high) = wide.split_at_mut(LANES / 2);
    for (wide, halves) in [(wide_low, low), (wide_high, high)] {
        #[expect(unsafe_code, reason = "one instruction instead of some ten")]
        // SAFETY: both slices have eight elements, and where the kernels are compiled with FMA, the processor has F16C too.
        unsafe {
            _mm256_storeu_ps(wide.as_mut_ptr(), _mm256_cvtph_ps(_mm_loadu_si128(halves.as_ptr().cast())));
        }
    }
    wide
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn widened<const FMA: bool>(halves: &[f16; LANES]) -> Lanes {
    halves.map(f16::to_f32)
}
