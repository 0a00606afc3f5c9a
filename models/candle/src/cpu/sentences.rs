//! An encoder's operations beside its multiplications: attention in which a token sees what is before and behind it, norms, rotation, and gelu.

use std::ops::Range;

use super::dense::{Panel, Rows, Scratch, WIDTH, product};
use super::elementwise::exp;
use super::isa::{Isa, for_each_isa, multiply_add};

/// Sums that are kept side by side, as many as a register holds.
const LANES: usize = 16;

/// With fewer queries at a time, too many keys would be arranged again and again.
const LEAST_QUERIES: usize = 64;

/// Where attention keeps what it needs for one head of one sequence.
#[derive(Debug, Default)]
pub(crate) struct Attention {
    keys: Vec<Panel>,
    values: Vec<Panel>,
    scores: Vec<f32>,
    scratch: Scratch,
}

impl Attention {
    /// Mixes the values of one sequence: from queries, keys and values side by side in `qkv` `[length, 3 width]` to `mixed`
    /// `[length, width]`. The queries are divided by the root of the head's size already. Each token sees so many others on either side
    /// as `reach` says, or all of them.
    pub(crate) fn mix(&mut self, isa: Isa, qkv: &[f32], mixed: &mut [f32], width: usize, head: usize, reach: Option<usize>) {
        let stride = 3 * width;
        let length = qkv.len().checked_div(stride).unwrap_or(0);
        for Window { queries, keys } in windows(length, reach) {
            let padded = keys.len().next_multiple_of(WIDTH);
            for start in (0..width).step_by(head.max(1)) {
                let part = |first: usize, rows: &Range<usize>| Rows {
                    values: qkv.get(rows.start * stride + first + start..rows.end * stride).unwrap_or_default(),
                    stride,
                    width: head,
                };
                self.score(isa, part(0, &queries), part(width, &keys), head);
                let rows = queries.clone().zip(self.scores.chunks_exact_mut(padded.max(1)));
                for (query, row) in rows {
                    hide(row, &keys, query, reach);
                    softmax(isa, row);
                }
                self.weigh(isa, part(2 * width, &keys), padded, |row, column, sums| {
                    let place = (queries.start + row) * width + start + column;
                    let count = WIDTH.min(head - column);
                    if let Some((place, sums)) = mixed.get_mut(place..place + count).zip(sums.0.get(..count)) {
                        place.copy_from_slice(sums);
                    }
                });
            }
        }
    }

    /// Scores `[queries, keys]`, each row padded to whole panels with what no softmax sees.
    fn score(&mut self, isa: Isa, queries: Rows<'_>, keys: Rows<'_>, head: usize) {
        let keys: Vec<&[f32]> = keys.each().collect();
        self.keys.clear();
        for keys in keys.chunks(WIDTH) {
            self.keys.extend((0..head).map(|place| Panel::of(keys.iter().filter_map(|key| key.get(place).copied()))));
        }
        let (length, padded) = (keys.len(), keys.len().next_multiple_of(WIDTH));
        self.scores.clear();
        self.scores.resize(queries.each().count() * padded, f32::NEG_INFINITY);
        let scores = &mut self.scores;
        product(isa, queries, &self.keys, &[], &mut self.scratch, |row, number, sums| {
            let start = row * padded + number * WIDTH;
            let end = (start + WIDTH).min(row * padded + length);
            let scores = scores.get_mut(start..end).unwrap_or_default();
            scores.iter_mut().zip(&sums.0).for_each(|(score, sum)| *score = *sum);
        });
    }

    /// Sums of values, weighed by the scores.
    fn weigh(&mut self, isa: Isa, values: Rows<'_>, padded: usize, mut hand_out: impl FnMut(usize, usize, &Panel)) {
        self.values.clear();
        for column in (0..values.width).step_by(WIDTH) {
            let part = |row: &[f32]| Panel::of(row.iter().skip(column).take(WIDTH).copied());
            self.values.extend(values.each().map(part));
        }
        let length = values.each().count();
        let weights = Rows { values: &self.scores, stride: padded, width: length };
        product(isa, weights, &self.values, &[], &mut self.scratch, |row, number, sums| hand_out(row, number * WIDTH, sums));
    }
}

/// Tokens whose queries are computed together, and the tokens that they see.
struct Window {
    queries: Range<usize>,
    keys: Range<usize>,
}

/// All tokens at once, or, where each sees few of many, some after the other.
fn windows(length: usize, reach: Option<usize>) -> Vec<Window> {
    let Some(reach) = reach.filter(|reach| reach + 1 < length) else {
        return vec![Window { queries: 0..length, keys: 0..length }];
    };
    let step = reach.max(LEAST_QUERIES);
    let window = |start: usize| {
        let end = (start + step).min(length);
        Window { queries: start..end, keys: start.saturating_sub(reach)..(end + reach).min(length) }
    };
    (0..length).step_by(step).map(window).collect()
}

/// Hides from a query the keys that are out of its reach.
fn hide(scores: &mut [f32], keys: &Range<usize>, query: usize, reach: Option<usize>) {
    let Some(reach) = reach else { return };
    let before = query.saturating_sub(reach).saturating_sub(keys.start);
    let after = (query + reach + 1).saturating_sub(keys.start);
    scores.iter_mut().take(before).for_each(|score| *score = f32::NEG_INFINITY);
    scores.iter_mut().skip(after).for_each(|score| *score = f32::NEG_INFINITY);
}

for_each_isa! {
    /// Rotates pairs, of which the one is on the left and the other in the same place on the right.
    pub(crate) fn rotate_halves(left: &mut [f32], right: &mut [f32], cos: &[f32], sin: &[f32]) = rotate_halves_on
}

#[inline(always)]
fn rotate_halves_on<const FMA: bool>(left: &mut [f32], right: &mut [f32], cos: &[f32], sin: &[f32]) {
    for (((left, right), cos), sin) in left.iter_mut().zip(right).zip(cos).zip(sin) {
        (*left, *right) = (*left * cos - *right * sin, *right * cos + *left * sin);
    }
}

for_each_isa! {
    /// Multiplies `x` by `y`.
    pub(crate) fn multiply(x: &mut [f32], y: &[f32]) = multiply_on
}

#[inline(always)]
fn multiply_on<const FMA: bool>(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x *= y;
    }
}

for_each_isa! {
    /// Makes a row of scores shares of one. Its length is a multiple of [`LANES`].
    fn softmax(row: &mut [f32]) = softmax_on
}

#[inline(always)]
fn softmax_on<const FMA: bool>(row: &mut [f32]) {
    let chunks = row.as_chunks_mut::<LANES>().0;
    let mut largest = [f32::NEG_INFINITY; LANES];
    for chunk in &*chunks {
        for (largest, x) in largest.iter_mut().zip(chunk) {
            *largest = if *x > *largest { *x } else { *largest };
        }
    }
    let largest = largest.iter().fold(f32::NEG_INFINITY, |largest, x| largest.max(*x));
    let mut sums = [0.0; LANES];
    for chunk in &mut *chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *x = exp::<FMA>(*x - largest);
            *sum += *x;
        }
    }
    let share = 1.0 / sums.iter().sum::<f32>();
    chunks.iter_mut().flatten().for_each(|x| *x *= share);
}

for_each_isa! {
    /// Adds `y` to a row, and brings it to a mean of 0 and a variance of 1, times `weight` plus `bias`: <https://arxiv.org/abs/1607.06450>.
    pub(crate) fn add_and_norm(x: &mut [f32], y: &[f32], weight: &[f32], bias: &[f32], epsilon: f32) = add_and_norm_on
}

#[inline(always)]
fn add_and_norm_on<const FMA: bool>(x: &mut [f32], y: &[f32], weight: &[f32], bias: &[f32], epsilon: f32) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
    let count = x.len().max(1) as f32;
    let mean = sum::<FMA>(x, |x| x) / count;
    let variance = sum::<FMA>(x, |x| (x - mean) * (x - mean)) / count;
    let scale = 1.0 / (variance + epsilon).sqrt();
    for ((x, weight), bias) in x.iter_mut().zip(weight).zip(bias) {
        *x = multiply_add::<FMA>((*x - mean) * scale, *weight, *bias);
    }
}

#[inline(always)]
fn sum<const FMA: bool>(x: &[f32], of: impl Fn(f32) -> f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += of(*x);
        }
    }
    sums.iter().sum::<f32>() + rest.iter().map(|x| of(*x)).sum::<f32>()
}

for_each_isa! {
    /// `x` times the share of the normal distribution that lies below `x`: <https://arxiv.org/abs/1606.08415>.
    pub(crate) fn gelu(x: &mut [f32]) = gelu_on
}

/// The error function by Abramowitz and Stegun's formula 7.1.26, which is within 1.5e-7.
#[inline(always)]
fn gelu_on<const FMA: bool>(x: &mut [f32]) {
    const P: f32 = 0.327_591_1;
    for x in x {
        let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
        let t = 1.0 / multiply_add::<FMA>(P, z, 1.0);
        let mut series = 1.061_405_4;
        for term in [-1.453_152, 1.421_413_7, -0.284_496_74, 0.254_829_6] {
            series = multiply_add::<FMA>(series, t, term);
        }
        let outside = 0.5 * series * t * exp::<FMA>(-z * z);
        *x *= if *x < 0.0 { outside } else { 1.0 - outside };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gelu_is_that_of_the_error_function() {
        // By Python's `x * (1 + math.erf(x / math.sqrt(2))) / 2`.
        let known = [
            (-6.0, -5.919_526e-9),
            (-3.0, -0.004_049_694),
            (-1.0, -0.158_655_25),
            (-0.1, -0.046_017_216),
            (0.0, 0.0),
            (0.3, 0.185_373_37),
            (1.0, 0.841_344_8),
            (2.5, 2.484_475_7),
            (9.0, 9.0),
        ];
        for isa in Isa::available() {
            for (x, expected) in known {
                let mut y = [x];
                gelu(isa, &mut y);
                assert!((y[0] - expected).abs() < 1e-6, "{isa:?} {x}: {} {expected}", y[0]);
            }
        }
    }

    #[test]
    fn a_normed_row_has_mean_and_variance_as_told() {
        for isa in Isa::available() {
            let mut x: Vec<f32> = (0_u8..40).map(|place| f32::from(place).sin() * 3.0).collect();
            add_and_norm(isa, &mut x, &[1.0; 40], &[2.0; 40], &[5.0; 40], 0.0);
            let mean = x.iter().sum::<f32>() / 40.0;
            let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / 40.0;
            assert!((mean - 5.0).abs() < 1e-4 && (variance - 4.0).abs() < 1e-3, "{isa:?}: {mean} {variance}");
        }
    }
}
