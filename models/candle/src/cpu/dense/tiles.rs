//! Rows by weights on AMX, whose one instruction adds 8192 products of bfloat16.
//!
//! A number of 32 bits is the sum of two of 16, its halves, but for about a 2^17th of it. So a product is those of upper by upper, lower by
//! upper and upper by lower half; lower by lower is as small as what the halves leave out
//! (Henry, Tang, Heinecke: Leveraging the bfloat16 AI Datatype for Higher-Precision Computations, <https://arxiv.org/abs/1904.06376>).
//! The sums are of 32 bits. What a row becomes does not depend on the rows beside it.

use std::arch::asm;

use super::super::isa::{Isa, Level, for_each_isa};
use super::kernel::{Panel, WIDTH};

/// Rows of a tile.
const HEIGHT: usize = 16;
/// Inputs of a tile.
const DEPTH: usize = 32;
/// Tiles of a [`Step`], each of so many lines.
const TILES: usize = 4;

/// Exists only on processors that have the instructions, in a process that may use them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amx(());

impl Amx {
    pub(super) fn on(isa: Isa) -> Option<Self> {
        (isa.level() == Level::Amx).then_some(Self(()))
    }
}

/// A line of a tile: bfloat16, by their bits.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line([u16; DEPTH]);

impl Line {
    pub(super) const ZERO: Self = Self([0; DEPTH]);
}

/// The weights of a panel for [`DEPTH`] inputs: the upper halves of the first sixteen outputs, those of the others, then the lower halves
/// likewise. A line has two inputs of each output, one beside the other.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Step([Line; TILES * HEIGHT]);

/// Weights in the order in which the instructions take them.
#[derive(Debug)]
pub(super) struct Tiles {
    amx: Amx,
    /// `[panels, steps of a panel]`.
    steps: Vec<Step>,
    /// How many steps the inputs are.
    depth: usize,
}

impl Tiles {
    /// Of `rows` `[outputs, inputs]`.
    pub(super) fn new(amx: Amx, rows: &[&[f32]], inputs: usize) -> Self {
        let depth = inputs.div_ceil(DEPTH);
        let steps = rows.chunks(WIDTH).flat_map(|outputs| (0..depth).map(|step| Step::of(outputs, step * DEPTH)));
        Self { amx, steps: steps.collect(), depth }
    }

    /// Multiplies rows `x` of `inputs` numbers by the weights, and hands out the sums, beginning with those of `bias`, of each row and panel.
    pub(super) fn product(
        &self,
        isa: Isa,
        (x, inputs): (&[f32], usize),
        bias: &[Panel],
        lines: &mut Vec<Line>,
        mut hand_out: impl FnMut(usize, usize, &Panel),
    ) {
        let rows = x.len().checked_div(inputs).unwrap_or(0);
        let group = 2 * HEIGHT * self.depth;
        // Rows that the last group lacks are whatever was there: nobody looks at their sums.
        lines.resize(rows.div_ceil(HEIGHT) * group, Line::ZERO);
        halve(isa, x, inputs, lines);
        let mut sums = [Panel::default(); 2 * HEIGHT];
        for (number, steps) in self.steps.chunks_exact(self.depth.max(1)).enumerate() {
            let bias = bias.get(number).copied().unwrap_or_default();
            for (pair, lines) in lines.chunks(2 * group.max(1)).enumerate() {
                match lines.split_at_checked(group) {
                    Some((first, second)) if !second.is_empty() => thirty_two_rows(self.amx, first, second, steps, &mut sums),
                    _ => sixteen_rows(self.amx, lines, steps, &mut sums),
                }
                for (row, sums) in (pair * sums.len()..rows).zip(&mut sums) {
                    sums.0.iter_mut().zip(&bias.0).for_each(|(sum, bias)| *sum += bias);
                    hand_out(row, number, sums);
                }
            }
        }
    }
}

impl Step {
    /// Of some outputs' weights from input `first` on, with zeros where there are no more.
    fn of(outputs: &[&[f32]], first: usize) -> Self {
        let mut step = Self([Line::ZERO; TILES * HEIGHT]);
        let (upper, lower) = step.0.split_at_mut(TILES / 2 * HEIGHT);
        for (output, weights) in outputs.iter().enumerate() {
            let tile = output / HEIGHT * HEIGHT;
            for (input, weight) in weights.iter().skip(first).take(DEPTH).enumerate() {
                let (line, place) = (tile + input / 2, output % HEIGHT * 2 + input % 2);
                let halves = halves(*weight);
                for (tiles, half) in [(&mut *upper, halves.0), (&mut *lower, halves.1)] {
                    if let Some(number) = tiles.get_mut(line).and_then(|line| line.0.get_mut(place)) {
                        *number = half;
                    }
                }
            }
        }
        step
    }
}

/// The nearest bfloat16, and the one nearest to what is left.
#[inline(always)]
fn halves(x: f32) -> (u16, u16) {
    let upper = nearest(x);
    (upper, nearest(x - f32::from_bits(u32::from(upper) << 16)))
}

/// The bits of the nearest bfloat16, of two the even one.
#[inline(always)]
fn nearest(x: f32) -> u16 {
    let bits = x.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1));
    (rounded >> 16) as u16
}

for_each_isa! {
    /// Puts rows of `width` numbers into groups of [`HEIGHT`]: their upper halves, row by row, then their lower ones.
    fn halve(rows: &[f32], width: usize, groups: &mut [Line]) = halve_on
}

#[inline(always)]
fn halve_on<const FMA: bool>(rows: &[f32], width: usize, groups: &mut [Line]) {
    let depth = width.div_ceil(DEPTH).max(1);
    let groups = groups.chunks_exact_mut(2 * HEIGHT * depth);
    for (rows, group) in rows.chunks(HEIGHT * width.max(1)).zip(groups) {
        let (upper, lower) = group.split_at_mut(HEIGHT * depth);
        let lines = upper.chunks_exact_mut(depth).zip(lower.chunks_exact_mut(depth));
        for (row, (upper, lower)) in rows.chunks_exact(width.max(1)).zip(lines) {
            for ((part, upper), lower) in row.chunks(DEPTH).zip(upper).zip(lower) {
                let mut padded = [0.0; DEPTH];
                padded.iter_mut().zip(part).for_each(|(place, x)| *place = *x);
                for ((x, upper), lower) in padded.iter().zip(&mut upper.0).zip(&mut lower.0) {
                    (*upper, *lower) = halves(*x);
                }
            }
        }
    }
}

/// What the eight tile registers hold: sixteen lines of 64 bytes each. Palette 1 of Intel's manual, volume 1, chapter 18.
#[repr(C, align(64))]
struct Shapes {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_of_line: [u16; 16],
    lines: [u8; 16],
}

static SHAPES: Shapes = Shapes {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    bytes_of_line: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    lines: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// From one line of a row's tile to the next, in bytes.
fn stride(group: &[Line]) -> usize {
    group.len() / (2 * HEIGHT) * size_of::<Line>()
}

/// The sums of two groups of rows; as many steps as there are of all.
fn thirty_two_rows(_amx: Amx, first: &[Line], second: &[Line], steps: &[Step], sums: &mut [Panel; 2 * HEIGHT]) {
    let count = steps.len().min(first.len().min(second.len()) / (2 * HEIGHT));
    if count == 0 {
        sums.fill(Panel::default());
        return;
    }
    #[expect(unsafe_code, reason = "instructions that the compiler does not know")]
    // SAFETY: an `Amx` exists only where the processor has the instructions and the process may use them. Each step reads one line of each of
    // the sixteen rows of either half of both groups, and one `Step`; `count` is no more than there is of any. What is written is `sums`. The
    // tile registers are the compiler's to lose, and released.
    unsafe {
        asm!(
            "ldtilecfg [{shapes}]",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            // Upper by upper.
            "tileloadd tmm4, [{first} + {stride}*1]",
            "tileloadd tmm6, [{step} + {line}*1]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{step} + {line}*1 + 1024]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{second} + {stride}*1]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            // Lower by upper.
            "add {first}, {lower}",
            "add {second}, {lower}",
            "tileloadd tmm4, [{first} + {stride}*1]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm4, [{second} + {stride}*1]",
            "tdpbf16ps tmm2, tmm4, tmm6",
            "tdpbf16ps tmm3, tmm4, tmm7",
            "sub {first}, {lower}",
            "sub {second}, {lower}",
            // Upper by lower.
            "tileloadd tmm6, [{step} + {line}*1 + 2048]",
            "tileloadd tmm7, [{step} + {line}*1 + 3072]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "tileloadd tmm4, [{first} + {stride}*1]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "add {first}, 64",
            "add {second}, 64",
            "add {step}, 4096",
            "dec {count}",
            "jnz 2b",
            "tilestored [{sums} + {sums_stride}*1], tmm0",
            "tilestored [{sums} + {sums_stride}*1 + 64], tmm1",
            "tilestored [{sums} + {sums_stride}*1 + 2048], tmm2",
            "tilestored [{sums} + {sums_stride}*1 + 2112], tmm3",
            "tilerelease",
            shapes = in(reg) &raw const SHAPES,
            first = inout(reg) first.as_ptr() => _,
            second = inout(reg) second.as_ptr() => _,
            stride = in(reg) stride(first),
            lower = in(reg) HEIGHT * stride(first),
            step = inout(reg) steps.as_ptr() => _,
            line = in(reg) size_of::<Line>(),
            count = inout(reg) count => _,
            sums = in(reg) sums.as_mut_ptr(),
            sums_stride = in(reg) size_of::<Panel>(),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// The sums of one group of rows; as many steps as there are of all. The other sums are left as they were.
fn sixteen_rows(_amx: Amx, rows: &[Line], steps: &[Step], sums: &mut [Panel; 2 * HEIGHT]) {
    let count = steps.len().min(rows.len() / (2 * HEIGHT));
    if count == 0 {
        sums.fill(Panel::default());
        return;
    }
    #[expect(unsafe_code, reason = "instructions that the compiler does not know")]
    // SAFETY: as for `thirty_two_rows`, of one group.
    unsafe {
        asm!(
            "ldtilecfg [{shapes}]",
            "tilezero tmm0",
            "tilezero tmm1",
            "2:",
            "tileloadd tmm4, [{rows} + {stride}*1]",
            "tileloadd tmm6, [{step} + {line}*1]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{step} + {line}*1 + 1024]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "add {rows}, {lower}",
            "tileloadd tmm5, [{rows} + {stride}*1]",
            "tdpbf16ps tmm0, tmm5, tmm6",
            "tdpbf16ps tmm1, tmm5, tmm7",
            "sub {rows}, {lower}",
            "tileloadd tmm6, [{step} + {line}*1 + 2048]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{step} + {line}*1 + 3072]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "add {rows}, 64",
            "add {step}, 4096",
            "dec {count}",
            "jnz 2b",
            "tilestored [{sums} + {sums_stride}*1], tmm0",
            "tilestored [{sums} + {sums_stride}*1 + 64], tmm1",
            "tilerelease",
            shapes = in(reg) &raw const SHAPES,
            rows = inout(reg) rows.as_ptr() => _,
            stride = in(reg) stride(rows),
            lower = in(reg) HEIGHT * stride(rows),
            step = inout(reg) steps.as_ptr() => _,
            line = in(reg) size_of::<Line>(),
            count = inout(reg) count => _,
            sums = in(reg) sums.as_mut_ptr(),
            sums_stride = in(reg) size_of::<Panel>(),
            out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halves_of_a_number_lack_a_2_17th_of_it_at_most() {
        let number = |half: u16| f32::from_bits(u32::from(half) << 16);
        for x in [0.0_f32, 1.0, -1.0, 1.003_906_3, 3.333_333_3, -2.777_777_7e-9, 6.022_140_8e23, 255.499_98] {
            let (upper, lower) = halves(x);
            let left = f64::from(x) - f64::from(number(upper)) - f64::from(number(lower));
            assert!(left.abs() <= f64::from(x).abs() * 2.0_f64.powi(-17), "{x}: {left}");
        }
    }
}
