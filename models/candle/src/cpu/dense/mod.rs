//! Multiplication of many rows by f32 weights that stay the same.
//!
//! A general matrix multiplication arranges both its operands anew in every call; here the weights are arranged once, when they are loaded,
//! in panels of [`WIDTH`] outputs. A panel stays in the nearest cache while all rows of a stripe go past it.

mod kernel;

use self::kernel::multiply;
pub(super) use self::kernel::{Panel, WIDTH};
use super::isa::Isa;

/// Rows that share a panel while it is near. More of them would push the panel, or each other, out of the second cache.
const STRIPE: usize = 192;

/// `y = x W^T + b`.
#[derive(Debug)]
pub(crate) struct Dense {
    /// `[panels, inputs]`.
    weights: Vec<Panel>,
    /// `[panels]`.
    bias: Vec<Panel>,
    inputs: usize,
    outputs: usize,
}

impl Dense {
    /// Arranges `weight`, `[outputs, inputs]`, of which there are as many outputs as `bias` has numbers.
    pub(crate) fn new(weight: &[f32], bias: &[f32]) -> Self {
        let outputs = bias.len();
        let inputs = weight.len().checked_div(outputs).unwrap_or(0);
        let rows: Vec<&[f32]> = weight.chunks_exact(inputs.max(1)).collect();
        let mut weights = Vec::with_capacity(outputs.div_ceil(WIDTH) * inputs);
        for rows in rows.chunks(WIDTH) {
            for input in 0..inputs {
                weights.push(Panel::of(rows.iter().filter_map(|row| row.get(input).copied())));
            }
        }
        let bias = bias.chunks(WIDTH).map(|part| Panel::of(part.iter().copied())).collect();
        Self { weights, bias, inputs, outputs }
    }

    /// Replaces `y` by the product with rows `x`.
    pub(crate) fn forward(&self, isa: Isa, x: &[f32], y: &mut Vec<f32>, scratch: &mut Vec<f32>) {
        let rows = x.len().checked_div(self.inputs).unwrap_or(0);
        // Whatever is there already is overwritten.
        y.resize(rows * self.outputs, 0.0);
        for (x, y) in x.chunks(STRIPE * self.inputs.max(1)).zip(y.chunks_mut(STRIPE * self.outputs.max(1))) {
            let x = Rows { values: x, stride: self.inputs, width: self.inputs };
            product(isa, x, &self.weights, scratch, |row, number, sums| {
                let bias = self.bias.get(number).copied().unwrap_or_default();
                let start = row * self.outputs + number * WIDTH;
                let end = (start + WIDTH).min((row + 1) * self.outputs);
                let y = y.get_mut(start..end).unwrap_or_default();
                for ((y, sum), bias) in y.iter_mut().zip(&sums.0).zip(bias.0) {
                    *y = sum + bias;
                }
            });
        }
    }
}

/// Rows that lie `stride` apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) values: &'a [f32],
    pub(super) stride: usize,
    pub(super) width: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn each(self) -> impl Iterator<Item = &'a [f32]> {
        self.values.chunks(self.stride.max(1)).map_while(move |row| row.get(..self.width))
    }
}

/// Multiplies rows `x` by panels `[panels, width]`, and hands out the sums of each row and panel.
pub(super) fn product(
    isa: Isa,
    x: Rows<'_>,
    panels: &[Panel],
    scratch: &mut Vec<f32>,
    mut hand_out: impl FnMut(usize, usize, &Panel),
) {
    let rows = x.each().count();
    let blocks = blocks(isa, rows);
    arrange(x, &blocks, scratch);
    let mut sums = [Panel::default(); kernel::TALLEST];
    for (number, panel) in panels.chunks_exact(x.width.max(1)).enumerate() {
        let (mut first, mut rest) = (0, scratch.as_slice());
        for height in &blocks {
            let (block, after) = rest.split_at(rest.len().min(height * x.width));
            rest = after;
            multiply(isa, *height, block, panel, &mut sums);
            for (row, sums) in (first..rows).zip(sums.iter().take(*height)) {
                hand_out(row, number, sums);
            }
            first += height;
        }
    }
}

/// How many rows to compute together, until there are no more: as many as the registers hold, and then no more than are left.
fn blocks(isa: Isa, rows: usize) -> Vec<usize> {
    let (tall, low) = kernel::heights(isa);
    let mut blocks = vec![tall; rows / tall];
    let rest = rows % tall;
    if rest > tall - low {
        blocks.push(tall);
    } else {
        blocks.extend(std::iter::repeat_n(low, rest.div_ceil(low)));
    }
    blocks
}

/// Brings rows into the order in which the kernel reads them: within a block, by column.
fn arrange(x: Rows<'_>, blocks: &[usize], arranged: &mut Vec<f32>) {
    // Rows that a block lacks are whatever was there: nobody looks at their sums.
    arranged.resize(blocks.iter().sum::<usize>() * x.width, 0.0);
    let (mut rest, mut rows) = (arranged.as_mut_slice(), x.each());
    for height in blocks {
        let (block, after) = rest.split_at_mut(rest.len().min(height * x.width));
        rest = after;
        for (place, row) in rows.by_ref().take(*height).enumerate() {
            for (arranged, x) in block.iter_mut().skip(place).step_by(*height).zip(row) {
                *arranged = *x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        (0..count).map(|place| ((place * 37 % 101) as f32 - 50.0) / 25.0).collect()
    }

    #[test]
    fn products_are_those_of_the_definition_by_every_kernel_and_of_any_shape() {
        for (inputs, outputs) in [(1, 1), (7, 33), (64, 96), (130, 40)] {
            let (weight, bias) = (numbers(inputs * outputs), numbers(outputs));
            let dense = Dense::new(&weight, &bias);
            for rows in [0, 1, 3, 4, 5, 8, 9, 12, 13, 25, STRIPE + 7] {
                let x = numbers(rows * inputs);
                let mut expected = Vec::new();
                for x in x.chunks(inputs) {
                    for (weight, bias) in weight.chunks(inputs).zip(&bias) {
                        expected.push(
                            x.iter().zip(weight).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum::<f64>() + f64::from(*bias),
                        );
                    }
                }
                for isa in Isa::available() {
                    let mut y = vec![1.0];
                    dense.forward(isa, &x, &mut y, &mut Vec::new());
                    assert_eq!(y.len(), expected.len());
                    for (y, expected) in y.iter().zip(&expected) {
                        assert!((f64::from(*y) - expected).abs() < 1e-3, "{isa:?} [{rows}, {inputs}, {outputs}]: {y} {expected}");
                    }
                }
            }
        }
    }
}
