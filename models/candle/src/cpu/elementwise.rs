//! What happens to each row of activations by itself.

use super::isa::{for_each_isa, multiply_add};

/// Sums that are kept side by side, as many as a register holds.
const LANES: usize = 16;

for_each_isa! {
    /// Divides a row by the root of its mean square and multiplies it by `weight`: <https://arxiv.org/abs/1910.07467>.
    pub(super) fn rms_norm(x: &[f32], weight: &[f32], epsilon: f32, normed: &mut [f32]) = rms_norm_on
}

#[inline(always)]
fn rms_norm_on<const FMA: bool>(x: &[f32], weight: &[f32], epsilon: f32, normed: &mut [f32]) {
    let mut squares = [0.0; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, x) in squares.iter_mut().zip(chunk) {
            *sum = multiply_add::<FMA>(*x, *x, *sum);
        }
    }
    let rest: f32 = rest.iter().map(|x| x * x).sum();
    let mean = (squares.iter().sum::<f32>() + rest) / x.len().max(1) as f32;
    let scale = 1.0 / (mean + epsilon).sqrt();
    for ((normed, x), weight) in normed.iter_mut().zip(x).zip(weight) {
        *normed = x * scale * weight;
    }
}

for_each_isa! {
    /// Multiplies `up` by `x / (1 + e^-x)` of the gate's `x`: <https://arxiv.org/abs/2002.05202>.
    pub(super) fn gated_by_silu(gate: &[f32], up: &[f32], product: &mut [f32]) = gated_by_silu_on
}

#[inline(always)]
fn gated_by_silu_on<const FMA: bool>(gate: &[f32], up: &[f32], product: &mut [f32]) {
    for ((product, gate), up) in product.iter_mut().zip(gate).zip(up) {
        *product = gate / (1.0 + exp::<FMA>(-gate)) * up;
    }
}

for_each_isa! {
    /// Multiplies `up` by the gate's `x Φ(x)`, as <https://arxiv.org/abs/1606.08415> approximates it with a hyperbolic tangent.
    pub(super) fn gated_by_gelu(gate: &[f32], up: &[f32], product: &mut [f32]) = gated_by_gelu_on
}

#[inline(always)]
fn gated_by_gelu_on<const FMA: bool>(gate: &[f32], up: &[f32], product: &mut [f32]) {
    /// `sqrt(2 / pi)`.
    const SLOPE: f32 = 0.797_884_6;
    for ((product, x), up) in product.iter_mut().zip(gate).zip(up) {
        let inner = SLOPE * multiply_add::<FMA>(0.044_715 * x * x, *x, *x);
        *product = 0.5 * x * (1.0 + tanh::<FMA>(inner)) * up;
    }
}

for_each_isa! {
    /// `cap tanh(x / cap)`.
    pub(super) fn soft_cap(x: &mut [f32], cap: f32) = soft_cap_on
}

#[inline(always)]
pub(super) fn soft_cap_on<const FMA: bool>(x: &mut [f32], cap: f32) {
    for x in x {
        *x = cap * tanh::<FMA>(*x / cap);
    }
}

for_each_isa! {
    /// Adds `y` to `x`.
    pub(crate) fn add(x: &mut [f32], y: &[f32]) = add_on
}

#[inline(always)]
fn add_on<const FMA: bool>(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

for_each_isa! {
    /// Rotates pairs of neighbours by the angles of these cosines and sines.
    pub(super) fn rotate(x: &mut [f32], cos: &[f32], sin: &[f32]) = rotate_on
}

#[inline(always)]
fn rotate_on<const FMA: bool>(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    for ((pair, cos), sin) in x.as_chunks_mut::<2>().0.iter_mut().zip(cos).zip(sin) {
        let [a, b] = *pair;
        *pair = [a * cos - b * sin, a * sin + b * cos];
    }
}

for_each_isa! {
    /// Rotates pairs of one number from the first half and one from the second, `cos.len()` further on.
    pub(super) fn rotate_halves(x: &mut [f32], cos: &[f32], sin: &[f32]) = rotate_halves_on
}

#[inline(always)]
fn rotate_halves_on<const FMA: bool>(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (first, second) = x.split_at_mut(cos.len().min(x.len()));
    for (((a, b), cos), sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
        (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
    }
}

/// The hyperbolic tangent, to within 2e-7.
#[inline(always)]
fn tanh<const FMA: bool>(x: f32) -> f32 {
    1.0 - 2.0 / (exp::<FMA>(2.0 * x) + 1.0)
}

/// `e^x` to within three units of the last place, for `x` up to 88; what is below -87 counts as -87.
///
/// Cody and Waite's reduction to a power of two and a remainder, and a polynomial for the remainder, so that a loop over it is
/// vectorised. The coefficients are those of the series, of which the first seven are enough on so short an interval.
#[inline(always)]
pub(super) fn exp<const FMA: bool>(x: f32) -> f32 {
    /// Adding and subtracting it rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    /// The upper digits of the logarithm of 2, few enough that their product with an exponent is exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = multiply_add::<FMA>(x, std::f32::consts::LOG2_E, ROUND);
    let power = shifted - ROUND;
    let rest = multiply_add::<FMA>(power, -LN_2_HIGH, x);
    let rest = multiply_add::<FMA>(power, -LN_2_LOW, rest);
    let mut value = 1.0 / 5040.0;
    for term in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        value = multiply_add::<FMA>(value, rest, term);
    }
    // The integer is in the lowest bits of the shifted number; moved to the exponent, it scales by that power of two.
    f32::from_bits(value.to_bits().wrapping_add(shifted.to_bits() << 23))
}

#[cfg(test)]
mod tests {
    use super::super::isa::Isa;
    use super::*;

    fn close(a: f32, b: f64, tolerance: f64) -> bool {
        (f64::from(a) - b).abs() <= tolerance
    }

    #[test]
    fn the_exponential_is_right_from_end_to_end() {
        for step in -870..880 {
            let x = step as f32 / 10.0 + 0.003;
            let ratio = f64::from(exp::<true>(x)) / f64::from(x).exp();
            assert!((ratio - 1.0).abs() < 4e-7, "{x}: {ratio}");
            let ratio = f64::from(exp::<false>(x)) / f64::from(x).exp();
            assert!((ratio - 1.0).abs() < 4e-7, "{x}: {ratio}");
        }
        assert!(exp::<true>(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn gates_are_those_of_the_formula() {
        let gate: Vec<f32> = (-40_i8..40).map(|x| f32::from(x) / 4.0).collect();
        let up = vec![1.5; gate.len()];
        for isa in Isa::available() {
            let mut product = vec![0.0; gate.len()];
            gated_by_silu(isa, &gate, &up, &mut product);
            for (x, product) in gate.iter().map(|x| f64::from(*x)).zip(&product) {
                assert!(close(*product, 1.5 * x / (1.0 + (-x).exp()), 1e-5), "{x}");
            }
            gated_by_gelu(isa, &gate, &up, &mut product);
            for (x, product) in gate.iter().map(|x| f64::from(*x)).zip(&product) {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
                assert!(close(*product, 1.5 * 0.5 * x * (1.0 + inner.tanh()), 1e-5), "{x}");
            }
            let mut capped = gate.clone();
            soft_cap(isa, &mut capped, 5.0);
            for (x, capped) in gate.iter().map(|x| f64::from(*x)).zip(capped) {
                assert!(close(capped, 5.0 * (x / 5.0).tanh(), 5e-6), "{x}");
            }
        }
    }

    #[test]
    fn a_norm_has_a_mean_square_of_one_and_a_rotation_turns_neighbours() {
        let x: Vec<f32> = (0_u8..40).map(|i| f32::from(i).sin() * 3.0).collect();
        for isa in Isa::available() {
            let mut normed = vec![0.0; 40];
            rms_norm(isa, &x, &[1.0; 40], 0.0, &mut normed);
            assert!(close(normed.iter().map(|x| x * x).sum::<f32>(), 40.0, 1e-3));

            let (cos, sin): (Vec<f32>, Vec<f32>) = (0_u8..20).map(|i| (f32::from(i).cos(), f32::from(i).sin())).unzip();
            let mut rotated = x.clone();
            rotate(isa, &mut rotated, &cos, &sin);
            for pair in 0..20 {
                let (a, b) = (x[2 * pair], x[2 * pair + 1]);
                let (turned_a, turned_b) = (a * cos[pair] - b * sin[pair], a * sin[pair] + b * cos[pair]);
                assert!((rotated[2 * pair] - turned_a).abs() + (rotated[2 * pair + 1] - turned_b).abs() < 1e-5);
            }

            // Sixteen pairs of forty numbers: the last eight do not turn.
            let mut rotated = x.clone();
            rotate_halves(isa, &mut rotated, &cos[..16], &sin[..16]);
            for pair in 0..16 {
                let (a, b) = (x[pair], x[pair + 16]);
                let (turned_a, turned_b) = (a * cos[pair] - b * sin[pair], a * sin[pair] + b * cos[pair]);
                assert!((rotated[pair] - turned_a).abs() + (rotated[pair + 16] - turned_b).abs() < 1e-5);
            }
            assert_eq!(rotated[32..], x[32..]);
        }
    }
}
