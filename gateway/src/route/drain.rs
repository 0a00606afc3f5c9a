//! Which backends an operator has taken out of service by hand.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tradewind_policies::BackendName;

/// Whether one backend is out of service. Clones are the same switch.
#[derive(Debug, Clone, Default)]
pub struct Switch(Arc<AtomicBool>);

impl Switch {
    /// Whether it takes no new request.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes it out of service. Requests under way go on.
    pub fn turn_off(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Takes it back.
    pub fn turn_on(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The switches of all backends, by name. They outlive every reload: a policy that is mended while a backend is out of service for
/// repairs does not bring it back.
#[derive(Debug, Clone, Default)]
pub struct Drains(Arc<Mutex<HashMap<BackendName, Switch>>>);

impl Drains {
    /// That of one backend: the same at every call.
    #[must_use]
    pub fn switch(&self, backend: &BackendName) -> Switch {
        // Nothing is done under the lock that could panic halfway.
        let mut switches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        switches.entry(backend.clone()).or_default().clone()
    }
}
