//! What a JSON body may look like, as a table: the vendors publish their requests as service models, so the simulated
//! clouds check against tables rather than code.
//!
//! A table is a tree of [`Shape`] constants, one for each structure of the vendor's model, and [`check`] finds every
//! [`Fault`] in a value. How a fault is worded is the cloud's affair.

mod check;
mod fault;
mod look;

pub(crate) use check::check;
pub(crate) use fault::{Fault, Step, Wrong};
pub(crate) use look::Look;

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Any JSON.
    Any,
    /// Any JSON object.
    AnyObject,
    /// A boolean.
    Flag,
    /// An integer between these bounds.
    Whole(i64, i64),
    /// A number between these bounds.
    Number(f64, f64),
    /// A text.
    Text(Text),
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// Bytes in base64, standard alphabet, padded.
    Base64,
    /// A list with so many elements.
    List { of: &'static Shape, min: usize, max: usize },
    /// An object whose values have this shape.
    Map { of: &'static Shape, max: usize },
    /// An object with these members.
    Structure(&'static [Member]),
    /// An object with exactly one of these members.
    Union(&'static [Member]),
}

/// A text between these lengths in characters, of which each character is allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text {
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) of: Alphabet,
}

/// Which characters a text may have. The models' patterns reduce to these sets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alphabet {
    Any,
    /// As in names of tools: `[a-zA-Z0-9_-]`.
    Name,
    /// As in ids of tool calls: `[a-zA-Z0-9_.:-]`.
    Id,
}

impl Alphabet {
    /// As the models write it.
    pub(crate) fn pattern(self) -> &'static str {
        match self {
            Self::Any => "[\\s\\S]*",
            Self::Name => "[a-zA-Z0-9_-]+",
            Self::Id => "[a-zA-Z0-9_.:-]+",
        }
    }

    fn has(self, character: char) -> bool {
        match self {
            Self::Any => true,
            Self::Name => character.is_ascii_alphanumeric() || "_-".contains(character),
            Self::Id => character.is_ascii_alphanumeric() || "_.:-".contains(character),
        }
    }
}

/// A member of a structure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) need: Need,
    pub(crate) shape: &'static Shape,
}

/// Whether a member must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
}

/// Any text.
pub(crate) const TEXT: Shape = Shape::Text(Text { min: 0, max: usize::MAX, of: Alphabet::Any });

/// Any text but the empty one.
pub(crate) const NON_EMPTY: Shape = Shape::Text(Text { min: 1, max: usize::MAX, of: Alphabet::Any });

/// A member that must be there.
pub(crate) const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, need: Need::Required, shape }
}

/// A member that may be there.
pub(crate) const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, need: Need::Optional, shape }
}

/// A list of any length.
pub(crate) const fn list(of: &'static Shape) -> Shape {
    Shape::List { of, min: 0, max: usize::MAX }
}
