//! The access keys that the simulated account knows: those it starts with, and those it hands out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// An access key.
#[derive(Clone, Debug)]
pub(crate) struct AccessKey {
    pub(crate) id: String,
    pub(crate) secret: String,
    /// What a temporary key must come with.
    pub(crate) session_token: Option<String>,
    pub(crate) expires: Option<SystemTime>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Keys(Mutex<HashMap<String, AccessKey>>);

/// How long an expired key is still told from an unknown one.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

impl Keys {
    pub(crate) fn new(keys: impl IntoIterator<Item = AccessKey>) -> Self {
        Self(Mutex::new(keys.into_iter().map(|key| (key.id.clone(), key)).collect()))
    }

    /// Adds a key.
    pub(crate) fn add(&self, key: AccessKey) {
        // Inserting cannot leave a map half-done, so a panic elsewhere has not spoilt it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.id.clone(), key);
    }

    /// The key of that id, expired or not.
    pub(crate) fn find(&self, id: &str, now: SystemTime) -> Option<AccessKey> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|_, key| key.expires.is_none_or(|expires| now < expires + REMEMBERED));
        keys.get(id).cloned()
    }

    /// Lets every temporary key expire at once.
    pub(crate) fn expire(&self, now: SystemTime) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys.values_mut().filter(|key| key.expires.is_some()) {
            key.expires = Some(now);
        }
    }
}
