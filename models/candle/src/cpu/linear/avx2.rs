//! The kernel for AVX2, which multiplies by sixteen bits at once.

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _mm_and_si128, _mm_loadu_si128, _mm_set1_epi8, _mm_srli_epi16, _mm256_add_epi32,
    _mm256_cvtepi32_ps, _mm256_cvtepu8_epi16, _mm256_cvtph_ps, _mm256_fmadd_ps, _mm256_hadd_epi32, _mm256_madd_epi16,
    _mm256_mul_ps, _mm256_permute4x64_epi64, _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_set1_ps, _mm256_setzero_ps,
    _mm256_setzero_si256, _mm256_storeu_ps, _mm256_sub_epi32,
};

use super::activations::{Block, Whole};
use super::kernel::Kernel;
use super::packed::{Tile, lines_of_block};
use super::{BLOCK, TILE};
use crate::cpu::arena::Line;
use crate::cpu::isa::{Isa, Level};

/// The four parts of a line: four inputs for four outputs each.
const QUARTERS: usize = 4;

/// Exists only on processors that have the instructions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn on(isa: Isa) -> Option<Self> {
        (isa.level() != Level::Baseline).then_some(Self(()))
    }
}

impl Kernel for Avx2 {
    type Integers = Whole;

    fn tile<const NARROW: bool, const OFFSETS: bool, const R: usize>(
        self,
        tile: Tile<'_>,
        group: &[Block<Whole>],
    ) -> [[f32; TILE]; R] {
        #[expect(unsafe_code, reason = "instructions that not every processor has")]
        // SAFETY: this type exists only where the processor was seen to have them.
        unsafe {
            tile_sums::<NARROW, OFFSETS, R>(tile, group)
        }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn tile_sums<const NARROW: bool, const OFFSETS: bool, const R: usize>(
    tile: Tile<'_>,
    group: &[Block<Whole>],
) -> [[f32; TILE]; R] {
    let mut sums = [[_mm256_setzero_ps(); 2]; R];
    let weights = tile.lines.chunks_exact(lines_of_block(NARROW)).filter_map(|lines| lines.split_first());
    for ((numbers, lines), blocks) in weights.zip(group.as_chunks::<R>().0) {
        let (scales, offsets) = scales_and_offsets(numbers);
        for (sums, block) in sums.iter_mut().zip(blocks) {
            let products = products::<NARROW>(lines, &block.integers);
            let centre = _mm256_set1_epi32(tile.centre * block.sum);
            let offset = _mm256_set1_ps(block.total);
            for (((sum, products), scales), offsets) in sums.iter_mut().zip(products).zip(scales).zip(offsets) {
                let scales = _mm256_mul_ps(scales, _mm256_set1_ps(block.scale));
                *sum = _mm256_fmadd_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(products, centre)), scales, *sum);
                if OFFSETS {
                    *sum = _mm256_fmadd_ps(offsets, offset, *sum);
                }
            }
        }
    }
    let mut stored = [[0.0; TILE]; R];
    for (stored, sums) in stored.iter_mut().zip(sums) {
        store(stored, sums);
    }
    stored
}

/// The products of a block, for each output of the tile.
#[inline]
#[target_feature(enable = "avx2")]
fn products<const IS_NARROW: bool>(lines: &[Line], x: &Whole) -> [__m256i; 2] {
    let mut sums = [_mm256_setzero_si256(); QUARTERS];
    let nibble = _mm_set1_epi8(0x0f);
    let (first, second) = x.as_chunks::<4>().0.split_at(BLOCK / 8);
    if IS_NARROW {
        for ((line, first), second) in lines.iter().zip(first).zip(second) {
            for (sum, bytes) in sums.iter_mut().zip(line.0.as_chunks::<16>().0) {
                let both = quarter(bytes);
                *sum = add_products(*sum, _mm_and_si128(both, nibble), first);
                *sum = add_products(*sum, _mm_and_si128(_mm_srli_epi16::<4>(both), nibble), second);
            }
        }
    } else {
        for (line, four) in lines.iter().zip(first.iter().chain(second)) {
            for (sum, bytes) in sums.iter_mut().zip(line.0.as_chunks::<16>().0) {
                *sum = add_products(*sum, quarter(bytes), four);
            }
        }
    }
    // Each output has two sums side by side, and two outputs of each quarter are in each half of a register.
    let [a, b, c, d] = sums;
    [
        _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(a, b)),
        _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(c, d)),
    ]
}

/// Adds the products of four inputs, for four outputs.
#[inline]
#[target_feature(enable = "avx2")]
fn add_products(sum: __m256i, weights: __m128i, x: &[i16; 4]) -> __m256i {
    let x = _mm256_set1_epi64x(four_in_a_word(*x));
    _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_cvtepu8_epi16(weights), x))
}

#[inline(always)]
fn four_in_a_word([a, b, c, d]: [i16; 4]) -> i64 {
    let [[a, b], [c, d], [e, f], [g, h]] = [a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes(), d.to_le_bytes()];
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[inline]
#[target_feature(enable = "avx2")]
fn quarter(bytes: &[u8; 16]) -> __m128i {
    #[expect(unsafe_code, reason = "a load takes a pointer")]
    // SAFETY: there are 16 bytes, and the load asks for no alignment.
    unsafe {
        _mm_loadu_si128(bytes.as_ptr().cast())
    }
}

#[inline]
#[target_feature(enable = "avx2,f16c")]
fn scales_and_offsets(numbers: &Line) -> ([__m256; 2], [__m256; 2]) {
    let mut eights = [_mm256_setzero_ps(); QUARTERS];
    for (eight, bytes) in eights.iter_mut().zip(numbers.0.as_chunks::<16>().0) {
        *eight = _mm256_cvtph_ps(quarter(bytes));
    }
    let [a, b, c, d] = eights;
    ([a, b], [c, d])
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(stored: &mut [f32; TILE], sums: [__m256; 2]) {
    for (eight, sums) in stored.as_chunks_mut::<8>().0.iter_mut().zip(sums) {
        #[expect(unsafe_code, reason = "a store takes a pointer")]
        // SAFETY: eight floats are 32 bytes, and the store asks for no alignment.
        unsafe {
            _mm256_storeu_ps(eight.as_mut_ptr(), sums);
        }
    }
}
