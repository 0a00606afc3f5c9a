//! What the numbers of a row are scores of.

use std::sync::Arc;

/// The labels of a model, and how its numbers become scores. Clones share the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    names: Arc<[String]>,
    activation: Activation,
}

/// How the numbers of a row become scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// One of the labels holds: the scores are between 0 and 1, and together 1.
    Softmax,
    /// Each label holds or not, whatever the others do: each score is between 0 and 1.
    Sigmoid,
    /// The numbers themselves are what is asked for, as in a regression.
    Identity,
}

impl Labels {
    /// These, in the order of a row's numbers.
    pub fn new(names: impl IntoIterator<Item = String>, activation: Activation) -> Self {
        Self { names: names.into_iter().collect(), activation }
    }

    /// Their names, in the order of a row's numbers.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How the numbers become scores.
    pub fn activation(&self) -> Activation {
        self.activation
    }
}

impl Activation {
    /// Makes a row of numbers scores.
    pub(super) fn apply(self, row: &mut [f32]) {
        match self {
            Self::Softmax => {
                let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                row.iter_mut().for_each(|x| *x = (*x - largest).exp());
                let sum: f32 = row.iter().sum();
                row.iter_mut().for_each(|x| *x /= sum);
            }
            Self::Sigmoid => row.iter_mut().for_each(|x| *x = sigmoid(*x)),
            Self::Identity => {}
        }
    }
}

/// `1 / (1 + e^-x)`.
pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// The place and the score of the highest; the first of those that are as high. None of an empty row.
pub(super) fn best(scores: &[f32]) -> Option<(usize, f32)> {
    let higher = |best: Option<(usize, f32)>, (place, score): (usize, &f32)| match best {
        Some((_, highest)) if highest >= *score => best,
        _ => Some((place, *score)),
    };
    scores.iter().enumerate().fold(None, higher)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_the_formulas() {
        let applied = |activation: Activation| {
            let mut row = [1.0, -2.0, 0.0];
            activation.apply(&mut row);
            row
        };
        // By Python's `math.exp`.
        for (scores, expected) in [
            (applied(Activation::Softmax), [0.705_384_5, 0.035_119_03, 0.259_496_5]),
            (applied(Activation::Sigmoid), [0.731_058_6, 0.119_202_92, 0.5]),
            (applied(Activation::Identity), [1.0, -2.0, 0.0]),
        ] {
            assert!(scores.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{scores:?} {expected:?}");
        }
    }

    #[test]
    fn the_best_is_the_first_of_the_highest() {
        assert_eq!(best(&[0.1, 0.7, 0.7]), Some((1, 0.7)));
        assert_eq!(best(&[]), None);
    }
}
