//! An issuer's public keys: what makes one usable, where they come from, how they stay current.

mod current;
mod discovery;
mod jwk;
mod roca;
mod set;
mod source;

pub(super) use current::Keys;
pub(super) use discovery::Discovery;
pub(super) use set::KeySet;
pub(super) use source::Source;
