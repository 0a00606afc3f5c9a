//! Signatures of thoughts: clouds sign what a model thought, and refuse to have it played back altered.
//!
//! No secret is needed: the point is to notice a gateway that loses or mixes up signatures, not one that forges them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::embedding::hash;

/// The signature of a thought, base64 as everywhere.
pub(crate) fn seal(thought: &str) -> String {
    STANDARD.encode([b"sim".as_slice(), &hash(thought).to_be_bytes()].concat())
}

/// Whether this is the signature of that thought.
pub(crate) fn sealed(thought: &str, signature: &str) -> bool {
    seal(thought) == signature
}
