//! The innermost loop: some rows by one panel, all their sums in registers.

use super::super::isa::{Isa, Level, for_each_isa, multiply_add};

/// Outputs of a panel: two of the widest registers.
pub(in crate::cpu) const WIDTH: usize = 32;
/// Rows of the tallest block: with [`WIDTH`], 24 of the 32 registers of AVX-512.
pub(super) const TALLEST: usize = 12;

/// Weights of one input, or anything else that there is one of for each output of a panel. Two cache lines, which a load never straddles.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
pub(in crate::cpu) struct Panel(pub(in crate::cpu) [f32; WIDTH]);

impl Panel {
    /// Numbers side by side, zeros after them.
    pub(in crate::cpu) fn of(numbers: impl Iterator<Item = f32>) -> Self {
        let mut panel = Self::default();
        panel.0.iter_mut().zip(numbers).for_each(|(place, number)| *place = number);
        panel
    }
}

/// Rows of a block, and of a lower one for what is left.
pub(super) fn heights(isa: Isa) -> (usize, usize) {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Amx => (TALLEST, 4),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => (3, 1),
        Level::Baseline => (3, 1),
    }
}

/// Adds to `sums` those over columns, of `height` rows that lie by column, times a panel. Other heights than [`heights`] has are none.
pub(super) fn multiply(isa: Isa, height: usize, rows: &[f32], panel: &[Panel], sums: &mut [Panel; TALLEST]) {
    match height {
        TALLEST => twelve(isa, rows, panel, sums),
        4 => four(isa, rows, panel, sums),
        3 => three(isa, rows, panel, sums),
        _ => one(isa, rows, panel, sums),
    }
}

for_each_isa! { fn twelve(rows: &[f32], panel: &[Panel], sums: &mut [Panel; TALLEST]) = twelve_on }
for_each_isa! { fn four(rows: &[f32], panel: &[Panel], sums: &mut [Panel; TALLEST]) = four_on }
for_each_isa! { fn three(rows: &[f32], panel: &[Panel], sums: &mut [Panel; TALLEST]) = three_on }
for_each_isa! { fn one(rows: &[f32], panel: &[Panel], sums: &mut [Panel; TALLEST]) = one_on }

#[inline(always)]
fn twelve_on<const FMA: bool>(rows: &[f32], panel: &[Panel], sums: &mut [Panel; TALLEST]) {
    block::<FMA, TALLEST>(rows, panel, sums);
}

#[inline(always)]
fn four_on<const FMA: bool>(rows: &[f32], panel: &[Panel], sums: &mut [Panel; TALLEST]) {
    block::<FMA, 4>(rows, panel, sums);
}

#[inline(always)]
fn three_on<const FMA: bool>(rows: &[f32], panel: &[Panel], sums: &mut [Panel; TALLEST]) {
    block::<FMA, 3>(rows, panel, sums);
}

#[inline(always)]
fn one_on<const FMA: bool>(rows: &[f32], panel: &[Panel], sums: &mut [Panel; TALLEST]) {
    block::<FMA, 1>(rows, panel, sums);
}

#[inline(always)]
fn block<const FMA: bool, const HEIGHT: usize>(rows: &[f32], panel: &[Panel], sums: &mut [Panel; TALLEST]) {
    let mut own = [[0.0; WIDTH]; HEIGHT];
    for (own, sums) in own.iter_mut().zip(&*sums) {
        *own = sums.0;
    }
    for (column, weights) in rows.as_chunks::<HEIGHT>().0.iter().zip(panel) {
        for (own, x) in own.iter_mut().zip(column) {
            for (sum, weight) in own.iter_mut().zip(&weights.0) {
                *sum = multiply_add::<FMA>(*x, *weight, *sum);
            }
        }
    }
    for (sums, own) in sums.iter_mut().zip(own) {
        sums.0 = own;
    }
}
