//! Sets of what a request can ask a model to do.

use std::fmt;

use tradewind_protocol::Operation;

/// The place of an operation in a set.
const fn bit(operation: Operation) -> u8 {
    match operation {
        Operation::Chat => 1,
        Operation::Completions => 2,
        Operation::Embeddings => 4,
        Operation::Rerank => 8,
        Operation::Infer => 16,
    }
}

/// A set of operations.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Operations(u8);

impl Operations {
    /// What a model that generates text is usually asked for.
    pub const TEXT: Self = Self(bit(Operation::Chat) | bit(Operation::Completions));

    /// Whether `operation` is in the set.
    pub fn contains(self, operation: Operation) -> bool {
        self.0 & bit(operation) != 0
    }

    /// The members, in the order of [`Operation::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Operation> {
        Operation::ALL.into_iter().filter(move |operation| self.contains(*operation))
    }

    /// What is in either set.
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Operation> for Operations {
    fn from_iter<I: IntoIterator<Item = Operation>>(operations: I) -> Self {
        Self(operations.into_iter().fold(0, |bits, operation| bits | bit(operation)))
    }
}

impl From<Operation> for Operations {
    fn from(operation: Operation) -> Self {
        Self(bit(operation))
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
