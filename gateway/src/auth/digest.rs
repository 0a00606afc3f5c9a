//! SHA-256 as an array.

use aws_lc_rs::digest::{SHA256, digest};

/// The SHA-256 of `bytes`.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    for (to, from) in array.iter_mut().zip(digest(&SHA256, bytes).as_ref()) {
        *to = *from;
    }
    array
}
