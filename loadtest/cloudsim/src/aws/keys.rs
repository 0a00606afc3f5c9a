//! The access keys that the simulated account knows: those it starts with, and those it hands out.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// An access key.
#[derive(Clone)]
pub struct AccessKey {
    /// What it is known by.
    pub id: String,
    /// What is signed with.
    pub secret: String,
    /// What a temporary key must come with.
    pub session_token: Option<String>,
    /// When a temporary key ends.
    pub expires: Option<SystemTime>,
}

/// All keys of the account. Clones are the same register, so that a key which one simulator issues is good at another.
#[derive(Clone, Debug, Default)]
pub struct AccessKeys(Arc<Mutex<HashMap<String, AccessKey>>>);

/// How long an expired key is still told from an unknown one.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

impl AccessKeys {
    /// The register with these keys.
    pub fn new(keys: impl IntoIterator<Item = AccessKey>) -> Self {
        Self(Arc::new(Mutex::new(keys.into_iter().map(|key| (key.id.clone(), key)).collect())))
    }

    /// Adds a key.
    pub fn add(&self, key: AccessKey) {
        // Inserting cannot leave a map half-done, so a panic elsewhere has not spoilt it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.id.clone(), key);
    }

    /// The key of that id, expired or not.
    pub(crate) fn find(&self, id: &str, now: SystemTime) -> Option<AccessKey> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|_, key| key.expires.is_none_or(|expires| now < expires + REMEMBERED));
        keys.get(id).cloned()
    }

    /// Ends a temporary key's life at once; of no effect on one that lasts, or is unknown.
    pub fn expire(&self, id: &str, now: SystemTime) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get_mut(id).filter(|key| key.expires.is_some()) {
            key.expires = Some(now);
        }
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessKey").field("id", &self.id).field("expires", &self.expires).finish_non_exhaustive()
    }
}
