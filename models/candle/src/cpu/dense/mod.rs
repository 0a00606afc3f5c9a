//! Multiplication of many rows by f32 weights that stay the same.
//!
//! A general matrix multiplication arranges both its operands anew in every call; here the weights are arranged once, when they are loaded,
//! in panels of [`WIDTH`] outputs. A piece of a panel stays in the nearest cache while all rows of a stripe go past it.

mod kernel;
#[cfg(target_arch = "x86_64")]
mod tiles;

use self::kernel::multiply;
pub(super) use self::kernel::{Panel, WIDTH};
#[cfg(target_arch = "x86_64")]
use self::tiles::{Amx, Line, Tiles};
use super::isa::Isa;

/// Rows that share a panel while it is near. More of them would push the panel, or each other, out of the second cache.
const STRIPE: usize = 192;

/// Inputs of such a piece: with the weights of a panel for them, and as many numbers of a block of rows, some 32 KiB.
const DEPTH: usize = 192;

/// Where a multiplication keeps what it needs.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// How many rows are computed together, until there are no more.
    blocks: Vec<usize>,
    /// The rows in the order in which the kernel reads them.
    arranged: Vec<f32>,
    /// Of each block, by row.
    sums: Vec<[Panel; kernel::TALLEST]>,
    /// The rows in the order in which tiles are read.
    #[cfg(target_arch = "x86_64")]
    lines: Vec<Line>,
}

/// `y = x W^T + b`.
#[derive(Debug)]
pub(crate) struct Dense {
    isa: Isa,
    weights: Weights,
    /// `[panels]`.
    bias: Vec<Panel>,
    inputs: usize,
    outputs: usize,
}

/// Weights as the instructions want them that read them.
#[derive(Debug)]
enum Weights {
    /// `[panels, inputs]`.
    Panels(Vec<Panel>),
    #[cfg(target_arch = "x86_64")]
    Tiles(Tiles),
}

impl Weights {
    fn arrange(isa: Isa, rows: &[&[f32]], inputs: usize) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(amx) = Amx::on(isa) {
            return Self::Tiles(Tiles::new(amx, rows, inputs));
        }
        let panel = |rows: &[&[f32]], input: usize| Panel::of(rows.iter().filter_map(|row| row.get(input).copied()));
        let mut panels = Vec::with_capacity(rows.len().div_ceil(WIDTH) * inputs);
        for rows in rows.chunks(WIDTH) {
            panels.extend((0..inputs).map(|input| panel(rows, input)));
        }
        Self::Panels(panels)
    }
}

impl Dense {
    /// Arranges `weight`, `[outputs, inputs]`, of which there are as many outputs as `bias` has numbers, for the instructions at hand.
    pub(crate) fn new(isa: Isa, weight: &[f32], bias: &[f32]) -> Self {
        let outputs = bias.len();
        let inputs = weight.len().checked_div(outputs).unwrap_or(0);
        let rows: Vec<&[f32]> = weight.chunks_exact(inputs.max(1)).collect();
        let weights = Weights::arrange(isa, &rows, inputs);
        let bias = bias.chunks(WIDTH).map(|part| Panel::of(part.iter().copied())).collect();
        Self { isa, weights, bias, inputs, outputs }
    }

    /// How many numbers a product has.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs
    }

    /// Replaces `y` by the product with rows `x`.
    pub(crate) fn forward(&self, x: &[f32], y: &mut Vec<f32>, scratch: &mut Scratch) {
        let rows = x.len().checked_div(self.inputs).unwrap_or(0);
        // Whatever is there already is overwritten.
        y.resize(rows * self.outputs, 0.0);
        for (x, y) in x.chunks(STRIPE * self.inputs.max(1)).zip(y.chunks_mut(STRIPE * self.outputs.max(1))) {
            let put = |row: usize, number: usize, sums: &Panel| {
                let start = row * self.outputs + number * WIDTH;
                let count = WIDTH.min(self.outputs - number * WIDTH);
                if let Some((y, sums)) = y.get_mut(start..start + count).zip(sums.0.get(..count)) {
                    y.copy_from_slice(sums);
                }
            };
            match &self.weights {
                Weights::Panels(panels) => {
                    let x = Rows { values: x, stride: self.inputs, width: self.inputs };
                    product(self.isa, x, panels, &self.bias, scratch, put);
                }
                #[cfg(target_arch = "x86_64")]
                Weights::Tiles(tiles) => tiles.product(self.isa, (x, self.inputs), &self.bias, &mut scratch.lines, put),
            }
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

/// Multiplies rows `x` by panels `[panels, width]`, and hands out the sums of each row and panel; they begin with those of `bias`, or with
/// zeros.
pub(super) fn product(
    isa: Isa,
    x: Rows<'_>,
    panels: &[Panel],
    bias: &[Panel],
    scratch: &mut Scratch,
    mut hand_out: impl FnMut(usize, usize, &Panel),
) {
    let rows = x.each().count();
    scratch.arrange(isa, rows, x);
    for (number, panel) in panels.chunks_exact(x.width.max(1)).enumerate() {
        scratch.sums.fill([bias.get(number).copied().unwrap_or_default(); kernel::TALLEST]);
        for (piece, weights) in panel.chunks(DEPTH).enumerate() {
            let mut rest = scratch.arranged.as_slice();
            for (height, sums) in scratch.blocks.iter().zip(&mut scratch.sums) {
                let (block, after) = rest.split_at(rest.len().min(height * x.width));
                rest = after;
                multiply(isa, *height, block.get(piece * DEPTH * height..).unwrap_or_default(), weights, sums);
            }
        }
        let sums = scratch.blocks.iter().zip(&scratch.sums).flat_map(|(height, sums)| sums.iter().take(*height));
        for (row, sums) in (0..rows).zip(sums) {
            hand_out(row, number, sums);
        }
    }
}

impl Scratch {
    fn arrange(&mut self, isa: Isa, rows: usize, x: Rows<'_>) {
        self.divide(isa, rows);
        // Rows that a block lacks are whatever was there: nobody looks at their sums.
        self.arranged.resize(self.blocks.iter().sum::<usize>() * x.width, 0.0);
        let (mut rest, mut rows) = (self.arranged.as_mut_slice(), x.each());
        for height in &self.blocks {
            let (block, after) = rest.split_at_mut(rest.len().min(height * x.width));
            rest = after;
            for (place, row) in rows.by_ref().take(*height).enumerate() {
                for (arranged, x) in block.iter_mut().skip(place).step_by(*height).zip(row) {
                    *arranged = *x;
                }
            }
        }
    }

    /// Blocks as tall as the registers allow, and lower ones for what is left.
    fn divide(&mut self, isa: Isa, rows: usize) {
        let (tall, low) = kernel::heights(isa);
        self.blocks.clear();
        self.blocks.resize(rows / tall, tall);
        let rest = rows % tall;
        if rest > tall - low {
            self.blocks.push(tall);
        } else {
            self.blocks.extend(std::iter::repeat_n(low, rest.div_ceil(low)));
        }
        self.sums.resize(self.blocks.len(), [Panel::default(); kernel::TALLEST]);
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
        for (inputs, outputs) in [(1, 1), (7, 33), (64, 96), (DEPTH + 3, 40)] {
            let (weight, bias) = (numbers(inputs * outputs), numbers(outputs));
            for rows in [0, 1, 3, 4, 5, 8, 9, 12, 13, 25, 32, 41, STRIPE + 7] {
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
                    Dense::new(isa, &weight, &bias).forward(&x, &mut y, &mut Scratch::default());
                    assert_eq!(y.len(), expected.len());
                    for (y, expected) in y.iter().zip(&expected) {
                        assert!((f64::from(*y) - expected).abs() < 1e-3, "{isa:?} [{rows}, {inputs}, {outputs}]: {y} {expected}");
                    }
                }
            }
        }
    }
}
