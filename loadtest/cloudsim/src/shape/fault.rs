//! What is wrong with a value, and where.

use super::Alphabet;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    /// The way to it from the top of the body.
    pub(crate) at: Vec<Step>,
    pub(crate) wrong: Wrong,
}

/// One step down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Member(String),
    Element(usize),
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wrong {
    /// A member that the structure does not have.
    Unknown(String),
    /// A member that is missing.
    Missing(&'static str),
    /// A value of another type; the type that it should have.
    Type(&'static str),
    /// A text that is none of these.
    NotOneOf(&'static [&'static str]),
    /// A number outside of these bounds.
    Range(f64, f64),
    /// A text or list outside of these lengths.
    Length(usize, usize),
    /// A text with other characters.
    Pattern(&'static str),
    /// A union with none of its members, or with several.
    Members(usize),
}

impl Wrong {
    pub(super) fn alphabet(alphabet: Alphabet) -> Self {
        Self::Pattern(alphabet.pattern())
    }
}

impl Fault {
    /// The way to it, each step written by the cloud's own rule.
    pub(crate) fn path(&self, member: impl Fn(&str) -> String, element: impl Fn(usize) -> String) -> String {
        let step = |step: &Step| match step {
            Step::Member(name) => member(name),
            Step::Element(index) => element(*index),
        };
        self.at.iter().map(step).collect()
    }
}
