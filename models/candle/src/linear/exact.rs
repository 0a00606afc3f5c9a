//! Quantised weights without loss, times activations in 16 bits, by a kernel made for 8.
//!
//! candle's fast CPU kernel (VNNI; `Q8_0` weights whose rows are a multiple of 256) rounds activations to 8 bits with one
//! scale for 256 values. In a small model, whose activations have outliers, that moves a logit by 0.32 (root mean square
//! over SmolLM2-135M's answers), enough to change every tenth answer's wording. llama.cpp's own arithmetic for the same
//! file moves it by 0.13. This layout moves it by less than a thousandth, at nearly the kernel's speed:
//!
//! * **Weights.** A stored block of 32 weights is `d q + m` with 4-bit `q` (`Q4_1`), `d (q - 8)` (`Q4_0`) or `d q` with
//!   8-bit `q` (`Q8_0`). As a `Q8_0` block with the *same* `d`, its integers are exact; requantising them would not be.
//! * **Offsets.** What is left of `Q4_1` is a constant a block, `c = m + 8 d`, and adds `c` times the sum of the block's
//!   activations. Rows must be padded to a multiple of 256 anyway, so these sums become further activations, and the
//!   constants further weights: once rounded to 8 bits, and once what that rounding lost.
//! * **Activations.** A row is split into the part that the kernel's rounding keeps and the rest, and both go through
//!   the kernel as two rows. It reads the weights once for both, and reading is what takes the time.

use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, bail};

/// Weights that share a scale in the formats handled here.
const BLOCK: usize = 32;
/// Activations that share a scale in the kernel.
const SUPERBLOCK: usize = 256;
/// Output columns that the kernel computes together.
const TILE: usize = 16;
/// Bytes of a scale, an f16.
const SCALE: usize = 2;
/// Bytes of a `Q8_0` block: a scale and 32 integers.
const Q8_0_BYTES: usize = SCALE + BLOCK;
/// The largest integer to which the kernel rounds activations.
const LARGEST: f32 = 127.0;

/// Weight matrices `[out, in]`, stacked along `out`.
#[derive(Debug)]
pub(crate) struct ExactLinear {
    weight: QTensor,
    inputs: usize,
    outputs: usize,
    /// Columns for the sums of blocks, twice; 0 where there are no offsets.
    sums: usize,
    columns: usize,
}

impl ExactLinear {
    /// The layout, if this processor's kernel and all the matrices' formats allow it.
    pub(super) fn new(parts: &[QTensor]) -> Result<Option<Self>> {
        let shapes = parts
            .iter()
            .map(|part| part.shape().dims2())
            .collect::<Result<Vec<_>>>()?;
        let Some(inputs) = shapes.first().map(|(_, inputs)| *inputs) else {
            return Ok(None);
        };
        let outputs = shapes.iter().map(|(outputs, _)| outputs).sum::<usize>();
        let fits = has_kernel()
            && inputs.is_multiple_of(BLOCK)
            && outputs.is_multiple_of(TILE)
            && shapes.iter().all(|(_, other)| *other == inputs)
            && parts
                .iter()
                .all(|part| part.device().is_cpu() && is_handled(part.dtype()));
        if !fits {
            return Ok(None);
        }

        let has_offsets = parts.iter().any(|part| part.dtype() == GgmlDType::Q4_1);
        let sums = if has_offsets {
            (inputs / BLOCK).next_multiple_of(BLOCK)
        } else {
            0
        };
        let columns = (inputs + 2 * sums).next_multiple_of(SUPERBLOCK);
        let mut bytes = Vec::with_capacity(outputs * columns / BLOCK * Q8_0_BYTES);
        for part in parts {
            append(&mut bytes, part, sums, columns)?;
        }
        let storage = QStorage::from_data(bytes.into(), &candle_core::Device::Cpu, GgmlDType::Q8_0)?;
        let weight = QTensor::new(storage, (outputs, columns))?;
        Ok(Some(Self {
            weight,
            inputs,
            outputs,
            sums,
            columns,
        }))
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
        for (kept, rest) in kept
            .chunks_exact_mut(SUPERBLOCK)
            .zip(rest.chunks_exact_mut(SUPERBLOCK))
        {
            let largest = rest.iter().fold(0.0, |largest: f32, x| largest.max(x.abs()));
            if largest == 0.0 {
                continue;
            }
            let (steps, step) = (LARGEST / largest, largest / LARGEST);
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
            bail!(
                "expected contiguous activations [rows, {}], got {layout:?}",
                self.inputs
            )
        };
        let x = storage.as_slice::<f32>()?.get(start..end).unwrap_or_default();

        let mut split = vec![0.0; 2 * rows * self.columns];
        let (kept, rest) = split.split_at_mut(rows * self.columns);
        for ((x, kept), rest) in x
            .chunks_exact(inputs)
            .zip(kept.chunks_exact_mut(self.columns))
            .zip(rest.chunks_exact_mut(self.columns))
        {
            self.split(x, kept, rest);
        }
        let two_rows_each = Layout::contiguous((2 * rows, self.columns));
        let (product, _) = self.weight.cpu_fwd(&CpuStorage::F32(split), &two_rows_each)?;

        let CpuStorage::F32(mut product) = product else {
            bail!("the kernel answered f32 activations in another type")
        };
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

/// Whether candle picks the kernel described above on this processor.
#[cfg(target_arch = "x86_64")]
fn has_kernel() -> bool {
    (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni"))
        || (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni"))
}

#[cfg(not(target_arch = "x86_64"))]
fn has_kernel() -> bool {
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
    let offsets = (part.dequantize(&device)? - explained)?
        .reshape((outputs, blocks, BLOCK))?
        .mean(2)?;
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
        for (source, width) in [
            (&integers, bytes_of(inputs)),
            (&rounded, bytes_of(sums)),
            (&lost, bytes_of(sums)),
        ] {
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
    fn products_equal_those_of_the_unpacked_weights() {
        for format in [GgmlDType::Q4_0, GgmlDType::Q4_1, GgmlDType::Q8_0] {
            for inputs in [64, 256, 576] {
                let stored = || QTensor::quantize(&values(16, inputs), format).unwrap();
                let Some(exact) = ExactLinear::new(&[stored(), stored()]).unwrap() else {
                    assert!(!has_kernel());
                    return;
                };
                let x = values(3, inputs);
                let dense = stored().dequantize(&Device::Cpu).unwrap();
                let expected = x
                    .matmul(&Tensor::cat(&[&dense, &dense], 0).unwrap().t().unwrap())
                    .unwrap();
                let error = largest(&(x.apply_op1_no_bwd(&exact).unwrap() - &expected).unwrap());
                assert!(
                    error < 2e-4 * largest(&expected),
                    "{format:?} of {inputs}: off by {error}"
                );
            }
        }
    }

    #[test]
    fn formats_and_shapes_that_do_not_fit_are_left_alone() {
        let fits = |tensor: &Tensor, format| {
            ExactLinear::new(&[QTensor::quantize(tensor, format).unwrap()])
                .unwrap()
                .is_some()
        };
        assert!(!fits(&values(16, 256), GgmlDType::Q6K));
        assert!(!fits(&values(15, 256), GgmlDType::Q8_0));
        assert!(ExactLinear::new(&[]).unwrap().is_none());
    }
}
