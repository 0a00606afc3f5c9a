//! How much there is to compute for a request, before and after its texts have become tokens.

use super::Input;
use crate::load::{Estimates, Texts, Work};

/// The inputs of a request that waits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Size {
    /// The inputs that came as tokens: how many tokens, and the sum of the squares.
    tokens: f64,
    squares: f64,
    /// Those that came as text.
    texts: Texts,
}

impl Size {
    pub(super) fn of(inputs: &[Input]) -> Self {
        let mut size = Self::default();
        for input in inputs {
            match input {
                Input::Tokens(tokens) => {
                    size.tokens += tokens.len() as f64;
                    size.squares += (tokens.len() as f64).powi(2);
                }
                Input::Text(text) => size.texts.add(text.len()),
            }
        }
        size
    }

    /// What there is to compute, by an engine of this shape.
    pub(super) fn work(&self, shape: Shape, estimates: &Estimates) -> Work {
        let (tokens, squares) = estimates.prompt.expected_of(&self.texts);
        shape.work(self.tokens + tokens, self.squares + squares)
    }
}

/// How an engine divides its work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Tokens of one forward pass.
    pub(super) batch_tokens: usize,
    /// Tokens of the longest input.
    pub(super) longest: usize,
}

impl Shape {
    /// Inputs of which only the tokens of all together are known: as few of them as can be.
    pub(super) fn inputs(self, tokens: usize) -> Work {
        let whole = tokens / self.longest.max(1);
        let rest = tokens % self.longest.max(1);
        let squares = (whole as f64) * (self.longest as f64).powi(2) + (rest as f64).powi(2);
        self.work(tokens as f64, squares)
    }

    fn work(self, tokens: f64, squares: f64) -> Work {
        Work::encode((tokens / self.batch_tokens as f64).ceil(), tokens, squares)
    }
}

/// What there is to compute in one forward pass.
pub(super) fn work_of(batch: &[Vec<u32>]) -> Work {
    let lengths = || batch.iter().map(|sequence| sequence.len() as f64);
    Work::encode(1.0, lengths().sum(), lengths().map(|tokens| tokens * tokens).sum())
}
