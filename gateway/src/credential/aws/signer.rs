//! Signs requests, with a key that is derived once a day and once a credential.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use http::Request;
use tradewind_policies::spec::AwsCredential;
use tradewind_providers::aws::{Credentials, SigningKey, sign_with};

use super::Chain;
use crate::credential::{Clock, CredentialError, Held, Refreshing, Surroundings};

/// Signs the requests of one backend.
#[derive(Debug)]
pub(in crate::credential) struct Signer {
    credentials: Refreshing<Credentials>,
    region: String,
    service: &'static str,
    key: ArcSwapOption<Derived>,
    clock: Clock,
}

/// A key, and the credentials that it is derived from.
#[derive(Debug)]
struct Derived {
    generation: u64,
    key: SigningKey,
}

impl Signer {
    pub(in crate::credential) fn new(
        owner: &str,
        credential: &AwsCredential,
        service: &'static str,
        region: &str,
        surroundings: &Surroundings,
    ) -> Result<Self, CredentialError> {
        let chain = Chain::new(credential, region, surroundings)?;
        Ok(Self {
            credentials: Refreshing::new(owner, chain),
            region: region.to_owned(),
            service,
            key: ArcSwapOption::empty(),
            clock: surroundings.clock.clone(),
        })
    }

    pub(in crate::credential) fn warm(&self) {
        self.credentials.warm();
    }

    pub(in crate::credential) async fn renew(&self, generation: u64) -> Result<bool, CredentialError> {
        self.credentials.renew(generation).await
    }

    /// Signs a request as it is now; tells the number of the credentials.
    pub(in crate::credential) async fn sign(&self, request: &mut Request<Bytes>) -> Result<u64, CredentialError> {
        let held = self.credentials.get().await?;
        let now = self.clock.now();
        let derived = match self.key.load_full() {
            Some(derived) if derived.generation == held.generation && derived.key.covers(now) => derived,
            _ => self.derive(&held, now),
        };
        let (mut parts, body) = std::mem::take(request).into_parts();
        let signed = sign_with(&derived.key, &mut parts, &body, now);
        *request = Request::from_parts(parts, body);
        signed.map_err(|error| CredentialError::Signing(error.to_string()))?;
        Ok(held.generation)
    }

    fn derive(&self, held: &Held<Credentials>, now: std::time::SystemTime) -> Arc<Derived> {
        let key = SigningKey::derive(&held.value, &self.region, self.service, now);
        let derived = Arc::new(Derived { generation: held.generation, key });
        self.key.store(Some(Arc::clone(&derived)));
        derived
    }
}
