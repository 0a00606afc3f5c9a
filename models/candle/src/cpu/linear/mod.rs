//! Multiplication by quantised weights, as if nothing but the weights were quantised.
//!
//! Weights stay as small as they are stored, and each is read once for all rows: for few rows, reading is what takes the time.
//! Activations become integers of sixteen bits (see [`activations`]), so that products are sums of integers, exactly.

mod activations;
#[cfg(target_arch = "x86_64")]
mod avx2;
mod format;
mod kernel;
mod packed;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod vnni;

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Result, bail};

use self::activations::{Block, groups, quantise};
use self::format::Format;
use self::kernel::{Kernel, Plain};
use self::packed::{Packed, lines_of_block};
use super::arena::{Arena, Line};
use super::isa::Isa;
use super::parallel::{Shared, for_ranges};

/// Weights, and activations, that share a scale.
const BLOCK: usize = 32;
/// Outputs that are computed together: the lanes of the widest registers.
const TILE: usize = 16;
/// Rows that are computed together, having loaded the weights once.
const MOST_ROWS: usize = 8;
/// Fewer multiplications than this are not worth a second thread.
const WORTHWHILE_PRODUCTS: usize = 1 << 16;

/// The bytes of so many weights, once they are packed. What is stored in another format becomes integers of eight bits before.
pub(crate) fn packed_bytes(stored: GgmlDType, weights: usize) -> usize {
    let lines = lines_of_block(Format::of(stored).is_some_and(|format| format.narrow));
    weights.div_ceil(BLOCK * TILE) * lines * size_of::<Line>()
}

/// `y = x W^T` for one or more weight matrices `W [out, in]` that share their input, their outputs one after the other.
#[derive(Debug)]
pub(super) struct PackedLinear {
    packed: Packed,
    inputs: usize,
    outputs: usize,
}

impl PackedLinear {
    /// Whether weights of this format are packed as they are.
    pub(super) fn takes(stored: GgmlDType) -> bool {
        Format::of(stored).is_some()
    }

    /// Whether rows of so many weights can be packed.
    pub(super) fn fits(inputs: usize) -> bool {
        inputs > 0 && inputs.is_multiple_of(BLOCK)
    }

    /// Packs the matrices, whose formats must be made of scaled integers in blocks of 32.
    pub(super) fn new(parts: &[QTensor], arena: &Arena) -> Result<Self> {
        let shapes = parts.iter().map(|part| part.shape().dims2()).collect::<Result<Vec<_>>>()?;
        let formats = parts.iter().map(|part| Format::of(part.dtype())).collect::<Option<Vec<_>>>();
        let format = formats.and_then(|formats| formats.into_iter().reduce(Format::with));
        let Some((format, (_, inputs))) = format.zip(shapes.first().copied()) else {
            bail!("no layout for weights of {:?}", parts.iter().map(QTensor::dtype).collect::<Vec<_>>())
        };
        if !Self::fits(inputs) || shapes.iter().any(|(_, other)| *other != inputs) {
            bail!("matrices of the shapes {shapes:?} cannot be packed together")
        }
        let outputs = shapes.iter().map(|(outputs, _)| outputs).sum();
        Ok(Self { packed: Packed::new(parts, format, inputs / BLOCK, arena)?, inputs, outputs })
    }

    /// The weights of one output, as numbers; as many as there are places.
    pub(super) fn unpack(&self, output: usize, row: &mut [f32]) {
        self.packed.unpack(output, row);
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    pub(super) fn outputs(&self) -> usize {
        self.outputs
    }

    /// `[rows, in]` to `[rows, out]`.
    pub(super) fn forward(&self, isa: Isa, x: &[f32]) -> Vec<f32> {
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(kernel) = vnni::Vnni::on(isa) {
                return self.by(kernel, isa, x);
            }
            if let Some(kernel) = avx2::Avx2::on(isa) {
                return self.by(kernel, isa, x);
            }
        }
        self.by(Plain, isa, x)
    }

    fn by<K: Kernel>(&self, kernel: K, isa: Isa, x: &[f32]) -> Vec<f32> {
        match (self.packed.format.narrow, self.packed.format.has_offsets) {
            (true, true) => self.multiply::<K, true, true>(kernel, isa, x),
            (true, false) => self.multiply::<K, true, false>(kernel, isa, x),
            (false, true) => self.multiply::<K, false, true>(kernel, isa, x),
            (false, false) => self.multiply::<K, false, false>(kernel, isa, x),
        }
    }

    fn multiply<K: Kernel, const NARROW: bool, const OFFSETS: bool>(&self, kernel: K, isa: Isa, x: &[f32]) -> Vec<f32> {
        let blocks: Vec<Block<K::Integers>> = quantise(isa, x, self.inputs);
        let rows = blocks.len() / self.packed.blocks;
        let mut y = vec![0.0; rows * self.outputs];
        let product = Product { weights: self, kernel, blocks: &blocks, rows, y: Shared::new(&mut y) };
        let tile_products = (rows * self.inputs * TILE).max(1);
        for_ranges(self.packed.tiles(), WORTHWHILE_PRODUCTS.div_ceil(tile_products), |tiles| {
            for tile in tiles {
                product.tile::<NARROW, OFFSETS>(tile);
            }
        });
        y
    }
}

/// A multiplication under way.
struct Product<'a, K: Kernel> {
    weights: &'a PackedLinear,
    kernel: K,
    blocks: &'a [Block<K::Integers>],
    rows: usize,
    y: Shared<'a, f32>,
}

impl<K: Kernel> Product<'_, K> {
    /// The outputs of one tile, for all rows.
    fn tile<const NARROW: bool, const OFFSETS: bool>(&self, tile: usize) {
        for (first, count) in groups(self.rows) {
            match count {
                MOST_ROWS => self.group::<NARROW, OFFSETS, MOST_ROWS>(tile, first),
                4 => self.group::<NARROW, OFFSETS, 4>(tile, first),
                2 => self.group::<NARROW, OFFSETS, 2>(tile, first),
                _ => self.group::<NARROW, OFFSETS, 1>(tile, first),
            }
        }
    }

    /// The outputs of one tile for `R` rows from `first` on.
    fn group<const NARROW: bool, const OFFSETS: bool, const R: usize>(&self, tile: usize, first: usize) {
        let PackedLinear { packed, outputs, .. } = self.weights;
        let group = self.blocks.get(first * packed.blocks..(first + R) * packed.blocks).unwrap_or_default();
        let sums = self.kernel.tile::<NARROW, OFFSETS, R>(packed.tile(tile), group);
        let width = TILE.min(outputs - tile * TILE);
        for (row, sums) in sums.iter().enumerate() {
            #[expect(unsafe_code, reason = "the tiles of a row are not one piece of memory")]
            // SAFETY: a tile is computed by one thread only, and no other tile has these outputs.
            let y = unsafe { self.y.part((first + row) * outputs + tile * TILE, width) };
            y.iter_mut().zip(sums).for_each(|(y, sum)| *y = *sum);
        }
    }
}
