//! What is to be computed, in the units that its time depends on.

use std::iter::Sum;
use std::ops::Add;

/// An amount of computation: of one step, of a request, of all that wait. It is an expectation, so there are fractions of a token.
///
/// The units are those of the cost model of batched inference: a step has a price of its own (weights are read once for all that is
/// in it), every token has one, and so has every pair of a token and one that it attends to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Work {
    /// Forward passes.
    steps: f64,
    /// Tokens that are read.
    read: f64,
    /// Tokens that are generated.
    generated: f64,
    /// Over all tokens, those that each attends to.
    attended: f64,
}

impl Work {
    /// How many kinds of units there are.
    pub(crate) const UNITS: usize = 4;

    /// Reads `tokens` of a prompt behind the `position` that are read already, in steps of at most `chunk`.
    pub(crate) fn prefill(position: usize, tokens: usize, chunk: usize) -> Self {
        let (before, read) = (position as f64, tokens as f64);
        let steps = tokens.div_ceil(chunk.max(1)) as f64;
        Self { steps, read, generated: 0.0, attended: read * (before + read / 2.0) }
    }

    /// Generates `tokens`, one a step, in a sequence of which `position` are there already.
    pub(crate) fn decode(position: usize, tokens: f64) -> Self {
        let attended = tokens * (position as f64 + tokens / 2.0);
        Self { steps: tokens, read: 0.0, generated: tokens, attended }
    }

    /// Reads sequences in which every token attends to every other, in so many steps: their `tokens` together, and the sum of the squares
    /// of their lengths.
    pub(crate) const fn encode(steps: f64, tokens: f64, squares: f64) -> Self {
        Self { steps, read: tokens, generated: 0.0, attended: squares }
    }

    /// Tokens that are read.
    pub(crate) const fn tokens_read(&self) -> f64 {
        self.read
    }

    /// The amount of each kind.
    pub(crate) const fn units(&self) -> [f64; Self::UNITS] {
        [self.steps, self.read, self.generated, self.attended]
    }
}

impl Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            steps: self.steps + other.steps,
            read: self.read + other.read,
            generated: self.generated + other.generated,
            attended: self.attended + other.attended,
        }
    }
}

impl Sum for Work {
    fn sum<I: Iterator<Item = Self>>(works: I) -> Self {
        works.fold(Self::default(), Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_read_in_two_goes_is_as_much_as_in_one() {
        let whole = Work::prefill(0, 128, 64);
        assert_eq!(whole, Work::prefill(0, 64, 64) + Work::prefill(64, 64, 64));
        assert_eq!(whole.units(), [2.0, 128.0, 0.0, 8192.0]);
    }

    #[test]
    fn every_token_of_an_answer_is_a_step_that_attends_to_all_before_it() {
        let answer: Work = [Work::decode(10, 1.0), Work::decode(11, 1.0)].into_iter().sum();
        assert_eq!(answer, Work::decode(10, 2.0));
        assert_eq!(answer.units(), [2.0, 0.0, 2.0, 22.0]);
    }
}
