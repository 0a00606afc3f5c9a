//! What a conversion left out.

use std::{borrow::Cow, fmt};

/// The longest name that is told: it ends up in a header.
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
        if !self.0.iter().any(|noted| noted == param) {
            self.0.push(Cow::Borrowed(param));
        }
    }

    /// Notes a field that only the caller knows. A name that no header should hold is told as `...`.
    pub fn note_unknown(&mut self, param: &str) {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if param.len() > LONGEST_NAME || !param.bytes().all(is_plain) {
            self.note("...");
        } else if !self.0.iter().any(|noted| noted == param) {
            self.0.push(Cow::Owned(param.to_owned()));
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
    fn a_name_is_told_once_and_only_if_a_header_can_hold_it() {
        let mut dropped = Dropped::new();
        dropped.note("seed");
        dropped.note_unknown("seed");
        dropped.note_unknown("safetySettings");
        dropped.note_unknown("x\r\nset-cookie: a");
        dropped.note_unknown(&"long".repeat(100));
        assert_eq!(dropped.to_string(), "seed,safetySettings,...");
    }
}
