//! Multiplication by quantised weight matrices.
//!
//! On a CPU, matrices of the simple formats are laid out anew by [`exact`], which is both the fastest and the most precise
//! way that was measured. Otherwise candle's kernel for the stored format computes.

mod exact;

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{D, Module, Result, Tensor};

use self::exact::ExactLinear;

/// `y = x W^T` for one or more weight matrices `W [out, in]` that share their input.
#[derive(Debug)]
pub(crate) enum Linear {
    /// By candle's kernel for the format, one matrix after the other.
    Stored(Vec<QMatMul>),
    /// All matrices as one, in the layout of [`exact`].
    Exact(ExactLinear),
}

impl Linear {
    /// Takes the matrices whose outputs shall come one after the other.
    pub(crate) fn new(parts: Vec<QTensor>) -> Result<Self> {
        if let Some(exact) = ExactLinear::new(&parts)? {
            return Ok(Self::Exact(exact));
        }
        let parts = parts.into_iter().map(|part| QMatMul::from_qtensor(with_fast_kernel(part)?));
        parts.collect::<Result<_>>().map(Self::Stored)
    }

    /// `[rows, in]` to `[rows, out]`.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Exact(weight) => x.apply_op1_no_bwd(weight),
            Self::Stored(parts) => {
                let outputs = parts.iter().map(|part| part.forward(x)).collect::<Result<Vec<_>>>()?;
                Tensor::cat(&outputs, D::Minus1)
            }
        }
    }
}

/// candle multiplies by these formats without SIMD on a CPU, at a third of the speed of `Q8_0`, which holds their values
/// to within a 250th of each block's largest.
fn with_fast_kernel(part: QTensor) -> Result<QTensor> {
    match part.dtype() {
        GgmlDType::Q5_0 | GgmlDType::Q5_1 if part.device().is_cpu() => {
            QTensor::quantize(&part.dequantize(&part.device())?, GgmlDType::Q8_0)
        }
        _ => Ok(part),
    }
}
