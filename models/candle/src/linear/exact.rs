//! Quantised weights without loss, times activations in 16 bits, by kernels made for 8.
//!
//! candle's fastest CPU kernels multiply `Q8_0` weights by activations that they round to 8 bits, on a processor with
//! VNNI with one scale for 256 values. A small model's activations have outliers, and such rounding moved the logits of
//! SmolLM2-135M by 0.32 (root mean square), enough to turn one greedy choice in twenty. This layout computes as if
//! nothing were rounded: the difference between the two likeliest logits is within 0.013 (root mean square) of
//! llama.cpp's on weights unpacked to f32, where llama.cpp on the packed file is within 0.16.
//!
//! * **Weights.** A stored block of 32 weights is `d q + m` with 4-bit `q` (`Q4_1`), `d (q - 8)` (`Q4_0`) or `d q` with
//!   8-bit `q` (`Q8_0`). As a `Q8_0` block with the *same* `d`, its integers are exact; requantising them would not be.
//! * **Offsets.** What is left of `Q4_1` is a constant a block, `c = m + 8 d`, and adds `c` times the sum of the block's
//!   activations. So these sums become further activations, and the constants further weights: once rounded to 8 bits,
//!   and once what that rounding lost. The VNNI kernel wants rows padded to a multiple of 256 anyway.
//! * **Activations.** A row is split into the part that the kernel's rounding keeps and the rest, and both go through
//!   the kernel as two rows. The VNNI kernel reads the weights once for both, and reading is what takes the time.

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, bail};

/// Weights that share a scale in the formats handled here.
const BLOCK: usize = 32;
/// Activations that share a scale in the VNNI kernel.
const SUPERBLOCK: usize = 256;
/// Outputs that the VNNI kernel computes together.
const TILE: usize = 16;
/// Bytes of a scale, an f16.
const SCALE: usize = 2;
/// Bytes of a `Q8_0` block: a scale and 32 integers.
const Q8_0_BYTES: usize = SCALE + BLOCK;
/// The largest integer to which the kernels round activations.
const LARGEST: f32 = 127.0;

/// How the kernel that candle will pick rounds activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rounding {
    /// Runs of 256 values share an f32 scale: the VNNI kernel.
    Superblocks,
    /// Runs of 32 values share an f16 scale: all others.
    Blocks,
}

impl Rounding {
    fn on_this_processor(outputs: usize) -> Self {
        if has_vnni_kernel() && outputs.is_multiple_of(TILE) { Self::Superblocks } else { Self::Blocks }
    }

    /// Values that share a scale.
    fn run(self) -> usize {
        match self {
            Self::Superblocks => SUPERBLOCK,
            Self::Blocks => BLOCK,
        }
    }

    /// The scale as the kernel will store it.
    fn stored(self, scale: f32) -> f32 {
        match self {
            Self::Superblocks => scale,
            Self::Blocks => to_f16_precision(scale),
        }
    }
}

/// Weight matrices `[out, in]`, stacked along `out`.
#[derive(Debug)]
pub(crate) struct ExactLinear {
    weight: QTensor,
    inputs: usize,
    outputs: usize,
    /// Columns for the sums of blocks, twice; 0 where there are no offsets.
    sums: usize,
    columns: usize,
    rounding: Rounding,
}

impl ExactLinear {
    /// The layout, if the matrices are on a CPU and their formats allow it.
    pub(super) fn new(parts: &[QTensor]) -> Result<Option<Self>> {
        let shapes = parts.iter().map(|part| part.shape().dims2()).collect::<Result<Vec<_>>>()?;
        let Some(inputs) = shapes.first().map(|(_, inputs)| *inputs) else {
            return Ok(None);
        };
        let outputs = shapes.iter().map(|(outputs, _)| outputs).sum::<usize>();
        let fits = inputs.is_multiple_of(BLOCK)
            && shapes.iter().all(|(_, other)| *other == inputs)
            && parts.iter().all(|part| part.device().is_cpu() && is_handled(part.dtype()));
        if !fits {
            return Ok(None);
        }

        let has_offsets = parts.iter().any(|part| part.dtype() == GgmlDType::Q4_1);
        let sums = if has_offsets { (inputs / BLOCK).next_multiple_of(BLOCK) } else { 0 };
        let rounding = Rounding::on_this_processor(outputs);
        let columns = (inputs + 2 * sums).next_multiple_of(rounding.run());
        let mut bytes = Vec::with_capacity(outputs * columns / BLOCK * Q8_0_BYTES);
        for part in parts {
            append(&mut bytes, part, sums, columns)?;
        }
        let storage = QStorage::from_data(bytes.into(), &candle_core::Device::Cpu, GgmlDType::Q8_0)?;
        let weight = QTensor::new(storage, (outputs, columns))?;
        Ok(Some(Self { weight, inputs, outputs, sums, columns, rounding }))
    }

    /// Writes one row of activations, followed by its sums, as the part that survives the kernel's rounding and the rest.
    fn split(&self, x: &[f32], kept: &mut [f32], rest: &mut [f32]) {
        let (values, sums) = rest.split_at_mut(self.inputs);
        values.copy_from_slice(x);
        if self.sums > 0 {
            for copy in sums.chunks_mut(self.sums).take(2) {
                for (sum, block) in copy.iter_mut().zip(x.chunks_exact(BLOCK)) {
                    *sum = block.iter().sum();
                }
            }
        }
        let run = self.rounding.run();
        for (kept, rest) in kept.chunks_exact_mut(run).zip(rest.chunks_exact_mut(run)) {
            let largest = rest.iter().fold(0.0, |largest: f32, x| largest.max(x.abs()));
            if largest == 0.0 {
                continue;
            }
            let steps = LARGEST / largest;
            let step = self.rounding.stored(largest / LARGEST);
            for (kept, rest) in kept.iter_mut().zip(rest) {
                *kept = (*rest * steps).round() * step;
                *rest -= *kept;
            }
        }
    }
}

impl CustomOp1 for ExactLinear {
    fn name(&self) -> &'static str {
        "exact-linear"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (rows, inputs) = layout.shape().dims2()?;
        let Some((start, end)) = layout.contiguous_offsets().filter(|_| inputs == self.inputs) else {
            bail!("expected contiguous activations [rows, {}], got {layout:?}", self.inputs)
        };
        let x = storage.as_slice::<f32>()?.get(start..end).unwrap_or_default();

        let mut split = vec![0.0; 2 * rows * self.columns];
        let (kept, rest) = split.split_at_mut(rows * self.columns);
        for ((x, kept), rest) in
            x.chunks_exact(inputs).zip(kept.chunks_exact_mut(self.columns)).zip(rest.chunks_exact_mut(self.columns))
        {
            self.split(x, kept, rest);
        }
        let two_rows_each = Layout::contiguous((2 * rows, self.columns));
        let (product, _) = self.weight.cpu_fwd(&CpuStorage::F32(split), &two_rows_each)?;

        let CpuStorage::F32(mut product) = product else { bail!("the kernel answered f32 activations in another type") };
        let (kept, rest) = product.split_at_mut(rows * self.outputs);
        for (sum, rest) in kept.iter_mut().zip(rest) {
            *sum += *rest;
        }
        product.truncate(rows * self.outputs);
        Ok((CpuStorage::F32(product), Shape::from((rows, self.outputs))))
    }
}

fn is_handled(format: GgmlDType) -> bool {
    matches!(format, GgmlDType::Q4_0 | GgmlDType::Q4_1 | GgmlDType::Q8_0)
}

/// The nearest number that an f16 holds. Below the normal range of an f16 it keeps too many digits, and the kernel's
/// rounding of so small a run is then left uncorrected.
fn to_f16_precision(x: f32) -> f32 {
    let dropped = f32::MANTISSA_DIGITS - 11;
    let bits = x.to_bits();
    let half_less_one = (1 << (dropped - 1)) - 1;
    let to_even = (bits >> dropped) & 1;
    f32::from_bits((bits + half_less_one + to_even) >> dropped << dropped)
}

/// Whether candle has its VNNI kernel on this processor.
#[cfg(target_arch = "x86_64")]
fn has_vnni_kernel() -> bool {
    (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni"))
        || (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni"))
}

#[cfg(not(target_arch = "x86_64"))]
fn has_vnni_kernel() -> bool {
    false
}

/// Appends the rows of one matrix.
fn append(bytes: &mut Vec<u8>, part: &QTensor, sums: usize, columns: usize) -> Result<()> {
    let device = part.device();
    let (outputs, inputs) = part.shape().dims2()?;
    let blocks = inputs / BLOCK;
    let integers = integers(part)?;

    // The offsets, computed rather than read: what the integers alone do not explain.
    let storage = QStorage::from_data(integers.as_slice().into(), &device, GgmlDType::Q8_0)?;
    let explained = QTensor::new(storage, (outputs, inputs))?.dequantize(&device)?;
    let offsets = (part.dequantize(&device)? - explained)?.reshape((outputs, blocks, BLOCK))?.mean(2)?;
    let (rounded, lost) = if sums > 0 {
        let offsets = offsets.pad_with_zeros(1, 0, sums - blocks)?;
        let rounded = QTensor::quantize(&offsets, GgmlDType::Q8_0)?;
        let lost = QTensor::quantize(&(offsets - rounded.dequantize(&device)?)?, GgmlDType::Q8_0)?;
        (rounded.data()?.into_owned(), lost.data()?.into_owned())
    } else {
        (Vec::new(), Vec::new())
    };

    let bytes_of = |columns: usize| columns / BLOCK * Q8_0_BYTES;
    for row in 0..outputs {
        let end = bytes.len() + bytes_of(columns);
        for (source, width) in [(&integers, bytes_of(inputs)), (&rounded, bytes_of(sums)), (&lost, bytes_of(sums))] {
            bytes.extend_from_slice(source.get(row * width..(row + 1) * width).unwrap_or_default());
        }
        bytes.resize(end, 0);
    }
    Ok(())
}

/// The matrix's integers and scales as `Q8_0` blocks, without its offsets.
fn integers(part: &QTensor) -> Result<Vec<u8>> {
    let stored = part.data()?;
    let (block_bytes, header_bytes) = match part.dtype() {
        GgmlDType::Q8_0 => return Ok(stored.into_owned()),
        GgmlDType::Q4_0 => (SCALE + BLOCK / 2, SCALE),
        GgmlDType::Q4_1 => (2 * SCALE + BLOCK / 2, 2 * SCALE),
        other => bail!("{other:?} has no exact layout"),
    };
    let mut bytes = Vec::with_capacity(stored.len() / block_bytes * Q8_0_BYTES);
    for block in stored.chunks_exact(block_bytes) {
        let (header, nibbles) = block.split_at(header_bytes);
        bytes.extend_from_slice(header.get(..SCALE).unwrap_or_default());
        // A block's first half is in the low nibbles, its second in the high ones.
        let centred = |nibble: u8| nibble.wrapping_sub(8);
        bytes.extend(nibbles.iter().map(|byte| centred(byte & 0x0f)));
        bytes.extend(nibbles.iter().map(|byte| centred(byte >> 4)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};

    use super::*;

    /// Values without a pattern that quantisation could like, with an outlier.
    fn values(rows: usize, columns: usize) -> Tensor {
        let values = (0u16..).map(|i| (f32::from(i) * 0.731).sin() + if i % 97 == 5 { 9.0 } else { 0.3 });
        let values: Vec<f32> = values.take(rows * columns).collect();
        Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap()
    }

    fn largest(x: &Tensor) -> f32 {
        x.abs().unwrap().max_all().unwrap().to_scalar().unwrap()
    }

    #[test]
    fn products_equal_those_of_the_unpacked_weights_by_every_kernel() {
        for format in [GgmlDType::Q4_0, GgmlDType::Q4_1, GgmlDType::Q8_0] {
            // The VNNI kernel takes 32 outputs and not 30.
            for outputs in [16, 15] {
                for inputs in [64, 256, 576] {
                    let stored = || QTensor::quantize(&values(outputs, inputs), format).unwrap();
                    let exact = ExactLinear::new(&[stored(), stored()]).unwrap().unwrap();
                    let x = values(3, inputs);
                    let dense = stored().dequantize(&Device::Cpu).unwrap();
                    let expected = x.matmul(&Tensor::cat(&[&dense, &dense], 0).unwrap().t().unwrap()).unwrap();
                    let error = largest(&(x.apply_op1_no_bwd(&exact).unwrap() - &expected).unwrap());
                    let limit = 2e-4 * largest(&expected);
                    assert!(error < limit, "{format:?} [{outputs}, {inputs}] is off by {error}, more than {limit}");
                }
            }
        }
    }

    #[test]
    fn f16_precision_is_eleven_digits_to_the_nearest_even() {
        for (x, expected) in [(1.0, 1.0), (2049.0, 2048.0), (2051.0, 2052.0), (-0.1, -0.099_975_586), (65504.0, 65504.0)] {
            assert_eq!(to_f16_precision(x), expected);
        }
    }

    #[test]
    fn formats_that_do_not_fit_are_left_alone() {
        let fits = |tensor: &Tensor, format| ExactLinear::new(&[QTensor::quantize(tensor, format).unwrap()]).unwrap().is_some();
        assert!(!fits(&values(16, 256), GgmlDType::Q6K));
        assert!(ExactLinear::new(&[]).unwrap().is_none());
    }
}
