//! The files of a model.

use std::fmt;

use serde::Deserialize;

use super::Fault;

/// One file of a model.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Its name in the cache.
    pub name: FileName,
    /// What its bytes must hash to, wherever they come from. Only files of this machine can do without.
    #[serde(default)]
    pub sha256: Option<Sha256>,
    /// Its bytes.
    #[serde(default)]
    pub size: Option<u64>,
}

/// A file's name in the cache: `NAME`, or `FOLDER/NAME`, with no part that begins with a dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct FileName(String);

impl FileName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for FileName {
    type Error = Fault;

    fn try_from(name: String) -> Result<Self, Fault> {
        let is_plain = |part: &str| !part.is_empty() && !part.starts_with('.');
        if name.contains(['\\', ':']) || !name.split('/').all(is_plain) {
            return Err(Fault::FileName(name));
        }
        Ok(Self(name))
    }
}

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// Wraps 32 bytes of digest.
    pub fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Sha256 {
    type Error = Fault;

    fn try_from(hex: String) -> Result<Self, Fault> {
        let mut digest = [0; 32];
        if hex.len() != 64 || !hex.is_ascii() {
            return Err(Fault::Sha256(hex));
        }
        for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let pair = str::from_utf8(pair).map_err(|_| Fault::Sha256(hex.clone()))?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| Fault::Sha256(hex.clone()))?;
        }
        Ok(Self(digest))
    }
}
