//! The front of authentication: headers in, [`Principal`] out.

use std::sync::Arc;

use http::HeaderMap;

use super::{AuthError, Clock, Fetch, IssuerSettings, Principal, SettingsError};

/// Verifies the bearer tokens of several issuers.
pub struct Authenticator {
    _clock: Arc<dyn Clock>,
}

impl Authenticator {
    /// Prepares the issuers; key files and inline key sets are read here, discovery happens on first use or in
    /// [`Authenticator::keep_keys_fresh`], so that an issuer that is down does not keep the gateway from starting.
    ///
    /// # Errors
    /// The first issuer that cannot be used as configured.
    pub fn new(
        _issuers: Vec<IssuerSettings>,
        _fetch: Arc<dyn Fetch>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SettingsError> {
        Ok(Self { _clock: clock })
    }

    /// Who sent these headers. Awaits only where a key has to be fetched first.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn authenticate(&self, _headers: &HeaderMap) -> Result<Arc<Principal>, AuthError> {
        Err(AuthError::Missing)
    }

    /// Refreshes every issuer's keys in the background; never returns. Spawn it once, drop it to stop.
    pub async fn keep_keys_fresh(&self) {
        std::future::pending().await
    }
}
