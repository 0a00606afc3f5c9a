//! Weights of four bits each, in blocks that share a scale: the operator `MatMulNBits` of ONNX Runtime.
//!
//! <https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MatMulNBits>

use candle_core::{Device, Result, Tensor, bail};

use super::proto::{Node, TensorData};

/// The zero of a block that has none of its own.
const MIDDLE: u8 = 8;

/// The weight `[outputs, inputs]` of a node, whose inputs are found by their place.
pub(super) fn unpacked<'g>(node: &Node, input: impl Fn(usize) -> Result<Option<&'g TensorData>>) -> Result<Tensor> {
    let number = |name: &str| match node.number(name) {
        Some(number) if number > 0 => Ok(number),
        _ => bail!("{}: there is no attribute {name}", node.name),
    };
    let (inputs, outputs, bits, size) = (number("K")?, number("N")?, number("bits")?, number("block_size")?);
    if bits != 4 {
        bail!("{}: weights of {bits} bits are not read: only of 4", node.name)
    }
    if input(4)?.is_some() {
        bail!("{}: weights in an order of their own (g_idx) are not read", node.name)
    }
    let (Some(packed), Some(scales)) = (input(1)?, input(2)?) else { bail!("{}: weights and scales are missing", node.name) };
    let (packed, scales) = (packed.bytes()?, scales.floats()?);
    let blocks = inputs.div_ceil(size);
    let (bytes, row_of_zeros) = (size.div_ceil(2), blocks.div_ceil(2));
    if packed.len() != outputs * blocks * bytes || scales.len() != outputs * blocks {
        let (weights, scales) = (packed.len(), scales.len());
        bail!("{}: {weights} bytes of weights and {scales} scales for {outputs} outputs of {blocks} blocks", node.name)
    }
    let zeros = input(3)?.map(TensorData::bytes).transpose()?;
    if zeros.as_ref().is_some_and(|zeros| zeros.len() != outputs * row_of_zeros) {
        bail!("{}: there are not as many zeros as blocks", node.name)
    }
    let mut numbers = Vec::with_capacity(outputs * inputs);
    for (place, (block, scale)) in packed.chunks_exact(bytes).zip(&scales).enumerate() {
        let (output, block_of_row) = (place / blocks, place % blocks);
        let zeros = zeros.as_ref().and_then(|zeros| zeros.get(output * row_of_zeros..));
        let zero = zeros.map_or(MIDDLE, |zeros| nibble(zeros, block_of_row));
        // The last block of a row may be filled up.
        let count = size.min(inputs - block_of_row * size);
        numbers.extend((0..count).map(|place| (f32::from(nibble(block, place)) - f32::from(zero)) * scale));
    }
    Tensor::from_vec(numbers, (outputs, inputs), &Device::Cpu)
}

/// The half byte at a place; the lower half of each byte comes first.
fn nibble(bytes: &[u8], place: usize) -> u8 {
    let byte = bytes.get(place / 2).copied().unwrap_or_default();
    if place.is_multiple_of(2) { byte & 0x0F } else { byte >> 4 }
}
