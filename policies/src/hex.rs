//! Fingerprints as text: written and read whole, or abbreviated by whoever types them.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::Context;

/// How many digits a whole fingerprint has.
const WHOLE: usize = 64;
/// As few digits as tell some twenty policies apart for sure.
const FEWEST: usize = 6;

/// Not the text of a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a hash: write 64 hexadecimal digits")]
pub struct InvalidHash(String);

/// Not the beginning of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the beginning of a hash: write 6 to 64 hexadecimal digits")]
pub struct InvalidPrefix(String);

/// The first digits of a fingerprint, or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashPrefix(String);

impl HashPrefix {
    /// Whether `hash` begins so.
    pub fn begins(&self, hash: impl fmt::Display) -> bool {
        hash.to_string().starts_with(&self.0)
    }
}

impl FromStr for HashPrefix {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        let is_prefix = (FEWEST..=WHOLE).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_prefix { Ok(Self(text.to_ascii_lowercase())) } else { Err(InvalidPrefix(text.to_owned())) }
    }
}

impl fmt::Display for HashPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn digest(context: Context) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(byte, digest)| *byte = *digest);
    bytes
}

pub(crate) fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8; 32]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

pub(crate) fn read(text: &str) -> Result<[u8; 32], InvalidHash> {
    let invalid = || InvalidHash(text.to_owned());
    if text.len() != WHOLE || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(invalid());
    }
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        let digits = text.get(2 * place..2 * place + 2).ok_or_else(invalid)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| invalid())?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_of_some_length_and_of_digits() {
        for bad in ["", "abcde", "abcdeg", "-abcdef", &"a".repeat(65), "abcdé0"] {
            assert_eq!(bad.parse::<HashPrefix>(), Err(InvalidPrefix(bad.to_owned())));
        }
        let prefix: HashPrefix = "ABCdef".parse().unwrap();
        assert!(prefix.begins("abcdef0") && !prefix.begins("abcde"));
    }

    #[test]
    fn a_whole_hash_is_read_as_it_is_written() {
        let text = "00ff".repeat(16);
        assert_eq!(read(&text).unwrap()[..2], [0, 255]);
        for bad in ["", "00ff", &"0g".repeat(32), &"é".repeat(32)] {
            assert_eq!(read(bad), Err(InvalidHash(bad.to_owned())));
        }
    }
}
