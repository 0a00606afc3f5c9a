//! What a conversion left out.

use std::fmt;

/// The names of request fields that a target cannot honour and that were left out; told to the caller in a response header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dropped(Vec<&'static str>);

impl Dropped {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Notes a field by the caller's name for it; once is enough.
    pub fn note(&mut self, param: &'static str) {
        if !self.0.contains(&param) {
            self.0.push(param);
        }
    }

    /// Notes a field if the caller set it.
    pub fn note_if<T>(&mut self, value: &Option<T>, param: &'static str) {
        if value.is_some() {
            self.note(param);
        }
    }

    /// Whether nothing was left out.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names.
    #[must_use]
    pub fn params(&self) -> &[&'static str] {
        &self.0
    }
}

impl fmt::Display for Dropped {
    /// Separated by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}
