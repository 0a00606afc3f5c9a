//! A JWKS: the usable keys of one issuer at one time.

use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::jwk::{Key, Raw, Unusable};
use crate::auth::AuthError;
use crate::auth::jws::Jws;

/// No issuer needs more, and each token without a cached verdict searches them.
const MAX_KEYS: usize = 100;

/// The usable keys.
pub(in crate::auth) struct KeySet {
    keys: Vec<Key>,
}

/// A JWKS cannot be used at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::auth) enum SetError {
    /// No JSON object with an array `keys`.
    #[error("it is no JWKS: {0}")]
    NotAJwks(String),
    /// Two keys have the same name, so which one a token means is anybody's guess.
    #[error("two of its keys have the kid {0:?}")]
    DuplicateKid(String),
    /// Far more keys than an issuer needs.
    #[error("it has {0} keys, more than {MAX_KEYS}")]
    TooMany(usize),
}

#[derive(Deserialize)]
struct RawSet<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl KeySet {
    /// Reads a JWKS. Keys that cannot verify tokens are left out and logged; real sets mix purposes.
    pub(in crate::auth) fn parse(json: &[u8]) -> Result<Self, SetError> {
        let set: RawSet<'_> = serde_json::from_slice(json).map_err(|error| SetError::NotAJwks(error.to_string()))?;
        if set.keys.len() > MAX_KEYS {
            return Err(SetError::TooMany(set.keys.len()));
        }
        let (mut kids, mut keys) = (HashSet::new(), Vec::new());
        for raw in set.keys {
            let parsed: Result<Raw, _> = serde_json::from_str(raw.get());
            let kid = parsed.as_ref().ok().and_then(|raw| raw.kid.clone());
            if let Some(kid) = &kid
                && !kids.insert(kid.clone())
            {
                return Err(SetError::DuplicateKid(kid.clone()));
            }
            match parsed.map_err(|_| Unusable::Malformed("no JWK")).and_then(Key::new) {
                Ok(key) => keys.push(key),
                Err(Unusable::OtherUse) => {}
                Err(reason) => tracing::warn!(?kid, %reason, "a key of a JWKS is not used"),
            }
        }
        Ok(Self { keys })
    }

    /// Whether no token can be verified.
    pub(in crate::auth) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether there is a key of that name; a token that names none means the only one.
    pub(in crate::auth) fn has(&self, kid: Option<&str>) -> bool {
        self.find(kid).is_some()
    }

    /// Checks the token's signature by the key that it names.
    ///
    /// # Errors
    /// `UnknownKey`, `WrongAlgorithm` or `BadSignature`.
    pub(in crate::auth) fn verify(&self, jws: &Jws<'_>) -> Result<(), AuthError> {
        self.find(jws.header.kid.as_deref()).ok_or(AuthError::UnknownKey)?.verify(jws)
    }

    fn find(&self, kid: Option<&str>) -> Option<&Key> {
        match (kid, self.keys.as_slice()) {
            (Some(_), keys) => keys.iter().find(|key| key.kid.as_deref() == kid),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

impl PartialEq for KeySet {
    /// Whether the same keys are in both, in any order.
    fn eq(&self, other: &Self) -> bool {
        let prints = |set: &Self| set.keys.iter().map(|key| key.fingerprint).collect::<HashSet<_>>();
        prints(self) == prints(other)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.kid)).finish()
    }
}
