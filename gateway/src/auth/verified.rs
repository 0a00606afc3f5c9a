//! Tokens that were verified, so that a signature is checked once and not at every request.
//!
//! An entry is good while the token has not expired and the issuer's keys are those that verified it; both are checked
//! at every use, not at eviction. Only verified tokens get in: nobody without one can push others out.

use std::sync::Arc;

use quick_cache::sync::Cache;

use super::Identity;
use super::digest::sha256;

/// Some 400 bytes each, and their claims.
const CAPACITY: usize = 10_000;

/// The digest of a whole token, signature included. The token itself is kept nowhere.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenDigest([u8; 32]);

impl TokenDigest {
    pub(super) fn of(token: &str) -> Self {
        Self(sha256(token.as_bytes()))
    }
}

/// What a verified token says, and what the verdict rests on.
#[derive(Clone)]
pub(super) struct Verified {
    pub(super) identity: Arc<Identity>,
    /// The issuer's index in the configuration.
    pub(super) issuer: usize,
    /// The generation of its keys.
    pub(super) generation: u64,
}

/// Verified tokens, at most [`CAPACITY`]. A reader shares its shard's lock with other readers.
pub(super) struct VerifiedTokens(Cache<TokenDigest, Verified>);

impl VerifiedTokens {
    pub(super) fn new() -> Self {
        Self(Cache::new(CAPACITY))
    }

    pub(super) fn get(&self, token: &TokenDigest) -> Option<Verified> {
        self.0.get(token)
    }

    pub(super) fn insert(&self, token: TokenDigest, verified: Verified) {
        self.0.insert(token, verified);
    }

    pub(super) fn remove(&self, token: &TokenDigest) {
        self.0.remove(token);
    }
}
