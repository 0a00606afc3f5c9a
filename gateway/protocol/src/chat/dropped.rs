//! What a conversion left out.

use std::{borrow::Cow, fmt};

/// The longest name of a field that is told; a longer one is no field that anybody knows.
const LONGEST_NAME: usize = 64;

/// The names of request fields that a target cannot honour and that were left out; told to the caller in a response header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dropped(Vec<Cow<'static, str>>);

impl Dropped {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Notes a field by the caller's name for it; once is enough.
    pub fn note(&mut self, param: &'static str) {
        if !self.0.iter().any(|known| known == param) {
            self.0.push(Cow::Borrowed(param));
        }
    }

    /// Notes an extension by the name that the caller gave it. A name that could not stand in a header as it is, is told as
    /// `extensions`.
    pub fn note_extension(&mut self, name: &str) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_plain) {
            self.note("extensions");
        } else if !self.0.iter().any(|known| known == name) {
            self.0.push(Cow::Owned(name.to_owned()));
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
    pub fn params(&self) -> &[Cow<'static, str>] {
        &self.0
    }
}

impl fmt::Display for Dropped {
    /// Separated by commas.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_told_once_and_only_if_it_can_stand_in_a_header() {
        let mut dropped = Dropped::new();
        for name in ["store", "store", "a,b", "\r\nx: y", ""] {
            dropped.note_extension(name);
        }
        dropped.note("store");
        assert_eq!(dropped.to_string(), "store,extensions");
    }
}
