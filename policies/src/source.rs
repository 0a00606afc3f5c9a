//! The text of policy files, and the fingerprint by which logs and audit records name it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256};

use crate::hex::{self, InvalidHash};

/// One policy file, read by the caller.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its name, as error messages should show it.
    pub name: String,
    /// Its whole text.
    pub text: String,
}

impl SourceFile {
    /// A file of that name with that text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// A fingerprint of the texts of a policy: equal texts in the same order have the same one, wherever they lie.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicyHash([u8; 32]);

impl PolicyHash {
    pub(crate) fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut context = Context::new(&SHA256);
        for text in texts {
            // The length keeps two files apart from one file with both texts.
            context.update(&(text.len() as u64).to_be_bytes());
            context.update(text.as_bytes());
        }
        Self(hex::digest(context))
    }

    /// That of the policy which these files are, or would be if they had no faults.
    pub fn of_files(files: &[SourceFile]) -> Self {
        Self::of(files.iter().map(|file| file.text.as_str()))
    }

    /// The first 12 digits: enough to tell the policies of one operator apart, and short enough for a label.
    pub fn short(&self) -> String {
        self.0.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for PolicyHash {
    type Err = InvalidHash;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        hex::read(text).map(Self)
    }
}

impl fmt::Display for PolicyHash {
    /// SHA-256 in 64 lower-case hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(f, &self.0)
    }
}

impl fmt::Debug for PolicyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_sha_256_over_length_prefixed_texts() {
        // printf '\0\0\0\0\0\0\0\3abc' | sha256sum
        assert_eq!(PolicyHash::of(["abc"]).to_string(), "c3494ca1a2cf8eeb8a11ded316fb55b83c3bbbedb6313cd50415251e5d09e12f");
    }

    #[test]
    fn the_hash_is_read_as_it_is_written() {
        let hash = PolicyHash::of(["abc"]);
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(hash.short(), "c3494ca1a2cf");
    }

    #[test]
    fn the_hash_tells_one_file_from_two() {
        assert_ne!(PolicyHash::of(["ab"]), PolicyHash::of(["a", "b"]));
        assert_ne!(PolicyHash::of(["a", "b"]), PolicyHash::of(["b", "a"]));
    }
}
