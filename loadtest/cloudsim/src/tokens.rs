//! The access tokens that the simulated identity services have issued. Clouds accept these, while they last, and no others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::time::Instant;

/// The tokens that were issued. Clones are the same register, so that one simulator can issue what another accepts.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Arc<Mutex<HashMap<String, Instant>>>);

/// What is known of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was never issued.
    Unknown,
    /// It was good once.
    Expired,
    /// It is good.
    Valid,
}

impl Tokens {
    /// Issues a new one, which nobody can guess.
    pub fn issue(&self, lifetime: Duration) -> String {
        let token = format!("sim.{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>()));
        self.with(|tokens| tokens.insert(token.clone(), Instant::now() + lifetime));
        token
    }

    /// Ends a token's life at once; of no effect on one that was never issued.
    pub fn revoke(&self, token: &str) {
        self.with(|tokens| {
            if let Some(expiry) = tokens.get_mut(token) {
                *expiry = Instant::now();
            }
        });
    }

    pub(crate) fn standing(&self, token: &str) -> Standing {
        match self.with(|tokens| tokens.get(token).copied()) {
            None => Standing::Unknown,
            Some(expiry) if expiry <= Instant::now() => Standing::Expired,
            Some(_) => Standing::Valid,
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<String, Instant>) -> T) -> T {
        // No work on the map can stop half-way, so a panic elsewhere has not spoilt it.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
