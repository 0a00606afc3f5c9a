//! The kernel for AVX-512 with VNNI, whose one instruction adds 64 products of eight bits.

use std::arch::x86_64::{
    __m512, __m512i, _MM_HINT_T0, _mm_prefetch, _mm512_add_epi32, _mm512_and_si512, _mm512_castsi512_si256, _mm512_cvtepi32_ps,
    _mm512_cvtph_ps, _mm512_dpbusd_epi32, _mm512_extracti64x4_epi64, _mm512_fmadd_ps, _mm512_load_si512, _mm512_mul_ps,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_ps, _mm512_setzero_ps, _mm512_setzero_si512, _mm512_slli_epi32,
    _mm512_srli_epi16, _mm512_storeu_ps,
};

use super::TILE;
use super::activations::{Block, Halves};
use super::kernel::Kernel;
use super::packed::{NARROW, Tile, WIDE, lines_of_block};
use crate::cpu::arena::Line;
use crate::cpu::isa::{Isa, Level};

/// How many lines ahead of their use lines are asked for: enough to hide what memory takes.
const AHEAD: usize = 48;

/// Exists only on processors that have the instructions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vnni(());

impl Vnni {
    pub(super) fn on(isa: Isa) -> Option<Self> {
        matches!(isa.level(), Level::Avx512 | Level::Amx).then_some(Self(()))
    }
}

impl Kernel for Vnni {
    type Integers = Halves;

    fn tile<const NARROW: bool, const OFFSETS: bool, const R: usize>(
        self,
        tile: Tile<'_>,
        group: &[Block<Halves>],
    ) -> [[f32; TILE]; R] {
        #[expect(unsafe_code, reason = "instructions that not every processor has")]
        // SAFETY: this type exists only where the processor was seen to have them.
        unsafe {
            tile_sums::<NARROW, OFFSETS, R>(tile, group)
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn tile_sums<const NARROW: bool, const OFFSETS: bool, const R: usize>(
    tile: Tile<'_>,
    group: &[Block<Halves>],
) -> [[f32; TILE]; R] {
    let mut sums = [_mm512_setzero_ps(); R];
    let weights = tile.lines.chunks_exact(lines_of_block(NARROW)).filter_map(|lines| lines.split_first());
    for ((numbers, lines), blocks) in weights.zip(group.as_chunks::<R>().0) {
        prefetch::<NARROW>(numbers);
        let Some(weights) = (if NARROW { narrow(lines) } else { wide(lines) }) else { break };
        let (scales, offsets) = scales_and_offsets(numbers);
        // Written out, so that the sums stay in registers: the compiler does not unroll as long a loop.
        macro_rules! add_products {
            ($($row:literal)*) => {$(
                if let Some((sum, block)) = sums.get_mut($row).zip(blocks.get($row)) {
                    *sum = with_products::<OFFSETS>(*sum, &weights, block, scales, offsets, tile.centre);
                }
            )*};
        }
        add_products!(0 1 2 3 4 5 6 7);
    }
    let mut stored = [[0.0; TILE]; R];
    for (stored, sum) in stored.iter_mut().zip(sums) {
        store(stored, sum);
    }
    stored
}

/// Adds the products of one row's block to its sums.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
fn with_products<const OFFSETS: bool>(
    sums: __m512,
    weights: &[__m512i; WIDE],
    block: &Block<Halves>,
    scales: __m512,
    offsets: __m512,
    centre: i32,
) -> __m512 {
    let mut high = _mm512_setzero_si512();
    let mut low = if OFFSETS { _mm512_setzero_si512() } else { _mm512_set1_epi32(-centre * block.sum) };
    for ((weights, four_high), four_low) in weights.iter().zip(block.integers.high).zip(block.integers.low) {
        high = _mm512_dpbusd_epi32(high, *weights, _mm512_set1_epi32(four_high));
        low = _mm512_dpbusd_epi32(low, *weights, _mm512_set1_epi32(four_low));
    }
    let products = _mm512_cvtepi32_ps(_mm512_add_epi32(_mm512_slli_epi32::<8>(high), low));
    let sums = _mm512_fmadd_ps(products, _mm512_mul_ps(scales, _mm512_set1_ps(block.scale)), sums);
    if OFFSETS { _mm512_fmadd_ps(offsets, _mm512_set1_ps(block.total), sums) } else { sums }
}

/// The integers of a block that are two in a byte, one a byte.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn narrow(lines: &[Line]) -> Option<[__m512i; WIDE]> {
    let [a, b, c, d] = lines.first_chunk::<NARROW>()?;
    let (a, b, c, d) = (integers(a), integers(b), integers(c), integers(d));
    let nibble = _mm512_set1_epi8(0x0f);
    Some([
        _mm512_and_si512(a, nibble),
        _mm512_and_si512(b, nibble),
        _mm512_and_si512(c, nibble),
        _mm512_and_si512(d, nibble),
        _mm512_and_si512(_mm512_srli_epi16::<4>(a), nibble),
        _mm512_and_si512(_mm512_srli_epi16::<4>(b), nibble),
        _mm512_and_si512(_mm512_srli_epi16::<4>(c), nibble),
        _mm512_and_si512(_mm512_srli_epi16::<4>(d), nibble),
    ])
}

/// The integers of a block.
#[inline]
#[target_feature(enable = "avx512f")]
fn wide(lines: &[Line]) -> Option<[__m512i; WIDE]> {
    let [a, b, c, d, e, f, g, h] = lines.first_chunk::<WIDE>()?;
    Some([integers(a), integers(b), integers(c), integers(d), integers(e), integers(f), integers(g), integers(h)])
}

#[inline]
#[target_feature(enable = "avx512f")]
fn integers(line: &Line) -> __m512i {
    #[expect(unsafe_code, reason = "a load takes a pointer")]
    // SAFETY: a line is 64 bytes, aligned to as many.
    unsafe {
        _mm512_load_si512(std::ptr::from_ref(line).cast())
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn scales_and_offsets(numbers: &Line) -> (__m512, __m512) {
    let bits = integers(numbers);
    (_mm512_cvtph_ps(_mm512_castsi512_si256(bits)), _mm512_cvtph_ps(_mm512_extracti64x4_epi64::<1>(bits)))
}

/// Asks for the lines that come [`AHEAD`] lines after those of this block.
#[inline]
#[target_feature(enable = "avx512f")]
fn prefetch<const IS_NARROW: bool>(block: &Line) {
    for line in 0..lines_of_block(IS_NARROW) {
        let ahead = std::ptr::from_ref(block).wrapping_add(AHEAD + line);
        _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(stored: &mut [f32; TILE], sums: __m512) {
    #[expect(unsafe_code, reason = "a store takes a pointer")]
    // SAFETY: sixteen floats are 64 bytes, and the store asks for no alignment.
    unsafe {
        _mm512_storeu_ps(stored.as_mut_ptr(), sums);
    }
}
