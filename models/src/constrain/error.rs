//! What can be wrong with a grammar.

use std::fmt;

/// A grammar that is not taken: whoever wrote it can mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct GrammarError {
    /// Where in a schema the fault lies, as a path from its root such as `properties.age.not`. Empty if that is not known.
    pub place: String,
    /// What is wrong, or not supported.
    pub reason: String,
}

impl GrammarError {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { place: String::new(), reason: reason.into() }
    }

    /// The same, at this place.
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        Self { place: place.into(), ..self }
    }
}

/// An answer that cannot be continued within its grammar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer cannot be held to its grammar: {0}")]
pub struct ConstraintError(String);

impl ConstraintError {
    pub(super) fn of(error: impl fmt::Display) -> Self {
        Self(first_line(&error.to_string()))
    }
}

/// A tokenizer for which grammars cannot be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("grammars cannot be used with this tokenizer: {0}")]
pub struct VocabularyError(pub(super) String);

/// The library tells its state and backtraces behind the first line.
pub(super) fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim().to_owned()
}
