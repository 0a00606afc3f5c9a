//! Least squares over what was observed, with forgetting, and no coefficient below zero.

/// What observations say of `N` coefficients: the sums that a least-squares fit is made from. They are of *relative* errors, since a step that
/// takes a millisecond and one that takes a second are to be predicted equally well.
#[derive(Debug, Clone, Copy)]
pub(super) struct Evidence<const N: usize> {
    products: [[f64; N]; N],
    targets: [f64; N],
}

/// Rounds of coordinate descent in one fit. A fit starts from the last one, so that what these leave undone, the next do.
const ROUNDS: usize = 16;

/// A pull towards zero, as a share of the evidence: two units that have always come together share what they cost.
const RIDGE: f64 = 1e-4;

impl<const N: usize> Evidence<N> {
    pub(super) const NONE: Self = Self { products: [[0.0; N]; N], targets: [0.0; N] };

    /// Adds that `units` came to `value`, where about `scale` was expected: the error counts as a share of that. Weighing by
    /// the value itself would prefer the small ones of a noisy lot.
    pub(super) fn add(&mut self, units: [f64; N], value: f64, scale: f64) {
        let weight = (scale * scale).recip();
        for ((row, target), unit) in self.products.iter_mut().zip(&mut self.targets).zip(units) {
            *target += weight * unit * value;
            for (product, other) in row.iter_mut().zip(units) {
                *product += weight * unit * other;
            }
        }
    }

    /// Forgets all but this share.
    pub(super) fn keep(&mut self, share: f64) {
        self.products.iter_mut().flatten().chain(&mut self.targets).for_each(|sum| *sum *= share);
    }

    /// Both together.
    pub(super) fn and(mut self, other: &Self) -> Self {
        let sums = self.products.iter_mut().flatten().chain(&mut self.targets);
        sums.zip(other.products.iter().flatten().chain(&other.targets)).for_each(|(sum, more)| *sum += more);
        self
    }

    /// Moves `coefficients` to where the squares of the errors are least, none of them below zero.
    pub(super) fn fit(&self, coefficients: &mut [f64; N]) {
        for _ in 0..ROUNDS {
            for (place, (row, target)) in self.products.iter().zip(self.targets).enumerate() {
                let explained: f64 = row.iter().zip(&*coefficients).map(|(product, coefficient)| product * coefficient).sum();
                let (Some(own), Some(coefficient)) = (row.get(place), coefficients.get_mut(place)) else { continue };
                // A unit that never came up has cost nothing.
                let rest = target - (explained - own * *coefficient);
                *coefficient = if *own > 0.0 { (rest / (own * (1.0 + RIDGE))).max(0.0) } else { 0.0 };
            }
        }
    }
}

/// What `units` come to.
pub(super) fn predict<const N: usize>(coefficients: &[f64; N], units: [f64; N]) -> f64 {
    coefficients.iter().zip(units).map(|(coefficient, unit)| coefficient * unit).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(observations: &[([f64; 2], f64)]) -> [f64; 2] {
        let mut evidence = Evidence::NONE;
        for (units, value) in observations {
            evidence.add(*units, *value, *value);
        }
        let mut coefficients = [0.0; 2];
        for _ in 0..100 {
            evidence.fit(&mut coefficients);
        }
        coefficients
    }

    #[test]
    fn coefficients_are_found_from_what_they_came_to() {
        let [base, slope] = fitted(&[([1.0, 1.0], 5.0), ([1.0, 10.0], 23.0), ([1.0, 100.0], 203.0)]);
        assert!((base - 3.0).abs() < 0.02 && (slope - 2.0).abs() < 0.02, "{base} + {slope} x");
    }

    #[test]
    fn none_is_below_zero_and_one_without_evidence_is_zero() {
        let [base, slope] = fitted(&[([1.0, 1.0], 10.0), ([1.0, 2.0], 8.0)]);
        assert!(slope == 0.0 && (8.0..10.0).contains(&base), "{base} + {slope} x");
        assert_eq!(fitted(&[([1.0, 0.0], 10.0)])[1], 0.0);
    }

    #[test]
    fn what_is_forgotten_no_longer_decides() {
        let mut evidence = Evidence::NONE;
        evidence.add([1.0], 10.0, 10.0);
        evidence.keep(0.001);
        evidence.add([1.0], 20.0, 20.0);
        let mut coefficient = [0.0];
        evidence.fit(&mut coefficient);
        assert!((coefficient[0] - 20.0).abs() < 0.1, "{coefficient:?}");
    }
}
