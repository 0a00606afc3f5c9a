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

    /// One step in which some sequences, of which so many tokens are there already, get so many more: one, where an answer is generated, or
    /// several, where a prompt is read.
    pub(crate) fn step(rows: impl Iterator<Item = (usize, usize)>) -> Self {
        let mut work = Self { steps: 1.0, ..Self::default() };
        for (position, tokens) in rows {
            let (before, new) = (position as f64, tokens as f64);
            *(if tokens == 1 { &mut work.generated } else { &mut work.read }) += new;
            work.attended += new * (before + new / 2.0);
        }
        work
    }

    /// Reads sequences in which every token attends to every other, in so many steps: their `tokens` together, and the sum of the squares
    /// of their lengths.
    pub(crate) const fn encode(steps: f64, tokens: f64, squares: f64) -> Self {
        Self { steps, read: tokens, generated: 0.0, attended: squares }
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
    fn a_step_reads_and_generates_at_once() {
        let step = Work::step([(100, 1), (64, 32), (10, 1)].into_iter());
        assert_eq!(step.units(), [1.0, 32.0, 2.0, 100.5 + 32.0 * 80.0 + 10.5]);
    }

    #[test]
    fn a_prompt_read_in_two_steps_is_as_much_as_in_one_but_for_the_step() {
        let halves: Work = [(0, 64), (64, 64)].map(|piece| Work::step([piece].into_iter())).into_iter().sum();
        assert_eq!(halves.units(), [2.0, 128.0, 0.0, 8192.0]);
        assert_eq!(Work::step([(0, 128)].into_iter()).units(), [1.0, 128.0, 0.0, 8192.0]);
    }
}
