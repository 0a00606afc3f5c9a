//! How much there is to compute, before and after texts have become tokens.

use std::ops::{Add, AddAssign, SubAssign};

use super::Input;
use super::waiting::Sequence;
use crate::load::{Estimates, Texts, Work};

/// Some sequences: their tokens together, and the sum of the squares of their lengths, since every token attends to every other.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Size {
    pub(super) tokens: f64,
    pub(super) squares: f64,
}

impl Size {
    /// One sequence.
    pub(super) fn of(tokens: usize) -> Self {
        let tokens = tokens as f64;
        Self { tokens, squares: tokens * tokens }
    }

    /// What there is to compute in so many passes.
    pub(super) fn work(&self, passes: f64) -> Work {
        Work::encode(passes, self.tokens, self.squares)
    }

    /// One forward pass.
    pub(super) fn pass(batch: &[Sequence]) -> Work {
        batch.iter().map(|sequence| Self::of(sequence.tokens.len())).fold(Self::default(), Add::add).work(1.0)
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { tokens: self.tokens + other.tokens, squares: self.squares + other.squares }
    }
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl SubAssign for Size {
    fn sub_assign(&mut self, other: Self) {
        self.tokens -= other.tokens;
        self.squares -= other.squares;
    }
}

/// Inputs that have not been made tokens yet.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unread {
    tokens: Size,
    texts: Texts,
}

impl Unread {
    pub(super) fn of<'i>(inputs: impl IntoIterator<Item = &'i Input>) -> Self {
        let mut unread = Self::default();
        for input in inputs {
            match input {
                Input::Tokens(tokens) => unread.tokens += Size::of(tokens.len()),
                Input::Text(_) | Input::Pair { .. } => unread.texts.add(input.bytes()),
            }
        }
        unread
    }

    /// What they will come to.
    pub(super) fn expected(&self, estimates: &Estimates) -> Size {
        let (tokens, squares) = estimates.prompt.expected_of(&self.texts);
        self.tokens + Size { tokens, squares }
    }
}
