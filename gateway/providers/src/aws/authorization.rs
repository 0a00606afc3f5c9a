//! From the canonical request to the signature.

use aws_lc_rs::digest;

use super::{SigningKey, canonical::Canonical};

/// The name of the algorithm.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The signature of a request made at `timestamp`, in hexadecimal.
pub(super) fn signature(key: &SigningKey, timestamp: &str, canonical: &Canonical<'_>) -> String {
    let hash = sha256(canonical.text().as_bytes());
    let scope = key.scope();
    let text = [ALGORITHM, "\n", timestamp, "\n", scope, "\n", hash.as_str()].concat();
    key.sign(&text)
}

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
