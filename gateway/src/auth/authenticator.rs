//! The front of authentication: headers in, [`Identity`] out.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use http::HeaderMap;

use super::claims::{self, Expected, Type};
use super::jws::Jws;
use super::keys::{Discovery, KeySet, Keys, Source};
use super::object::Object;
use super::verified::{TokenDigest, Verified, VerifiedTokens};
use super::{AuthError, Clock, Fetch, Identity, IssuerSettings, KeySource, SettingsError, bearer};

/// Verifies the bearer tokens of several issuers.
pub struct Authenticator {
    issuers: Vec<Issuer>,
    verified: VerifiedTokens,
    clock: Arc<dyn Clock>,
}

struct Issuer {
    expected: Expected,
    keys: Arc<Keys>,
}

impl Authenticator {
    /// Prepares the issuers. Key files and inline key sets are read here, blocking; discovery happens at the first token
    /// or in [`Authenticator::keep_keys_fresh`], so that an issuer that is down does not keep the gateway from starting.
    ///
    /// # Errors
    /// The first issuer that cannot be used as configured.
    pub fn new(issuers: Vec<IssuerSettings>, fetch: Arc<dyn Fetch>, clock: Arc<dyn Clock>) -> Result<Self, SettingsError> {
        let mut prepared: Vec<Issuer> = Vec::with_capacity(issuers.len());
        for settings in issuers {
            if prepared.iter().any(|other| *other.expected.issuer == *settings.issuer) {
                return Err(SettingsError::DuplicateIssuer(settings.issuer));
            }
            prepared.push(Issuer::new(settings, &fetch)?);
        }
        Ok(Self { issuers: prepared, verified: VerifiedTokens::new(), clock })
    }

    /// Who sent these headers. A token that was verified before costs a hash and a lookup, and never waits; another may
    /// wait for its issuer's keys.
    ///
    /// # Errors
    /// See [`AuthError`].
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Arc<Identity>, AuthError> {
        let token = bearer::token(headers)?;
        let digest = TokenDigest::of(token);
        if let Some(identity) = self.remembered(&digest)? {
            return Ok(identity);
        }
        let verified = self.verify(token).await?;
        let identity = Arc::clone(&verified.identity);
        self.verified.insert(digest, verified);
        Ok(identity)
    }

    /// Keeps every issuer's keys fresh; never returns. Spawn it once beside the server, and abort it with the server.
    pub async fn keep_keys_fresh(&self) {
        join_all(self.issuers.iter().map(|issuer| issuer.keys.keep_fresh())).await;
    }

    fn remembered(&self, digest: &TokenDigest) -> Result<Option<Arc<Identity>>, AuthError> {
        let Some(found) = self.verified.get(digest) else {
            return Ok(None);
        };
        if self.clock.unix_seconds() >= found.identity.expires {
            self.verified.remove(digest);
            return Err(AuthError::Expired);
        }
        let still_good = self.issuers.get(found.issuer).is_some_and(|issuer| issuer.keys.still(found.generation));
        Ok(still_good.then_some(found.identity))
    }

    async fn verify(&self, token: &str) -> Result<Verified, AuthError> {
        let jws = Jws::parse(token)?;
        let typ = Type::of(jws.header.typ.as_deref())?;
        let claims = Object::parse(&jws.payload);
        let claims = claims.ok_or(AuthError::Malformed("the claims are no JSON object of unique names"))?;
        let (index, issuer) = self.issuer_of(&claims)?;
        let keys = issuer.keys.with(jws.header.kid.as_deref()).await?;
        keys.set.verify(&jws)?;
        // Time is read after the fetch: a token may expire while its key is on the way.
        let identity = claims::judge(&claims, typ, &issuer.expected, self.clock.unix_seconds())?;
        Ok(Verified { identity: Arc::new(identity), issuer: index, generation: keys.generation })
    }

    fn issuer_of(&self, claims: &Object) -> Result<(usize, &Issuer), AuthError> {
        let named = claims.string("iss").ok().flatten().ok_or(AuthError::UnknownIssuer)?;
        let mut issuers = self.issuers.iter().enumerate();
        issuers.find(|(_, issuer)| *issuer.expected.issuer == *named).ok_or(AuthError::UnknownIssuer)
    }
}

impl Issuer {
    fn new(settings: IssuerSettings, fetch: &Arc<dyn Fetch>) -> Result<Self, SettingsError> {
        if settings.audiences.is_empty() {
            return Err(SettingsError::NoAudience(settings.issuer));
        }
        let (issuer, fetch): (Arc<str>, _) = (settings.issuer.as_str().into(), Arc::clone(fetch));
        let keys = match settings.keys {
            KeySource::Inline(json) => {
                let set = usable(&json).map_err(|reason| SettingsError::BadKeys { issuer: settings.issuer, reason })?;
                Keys::fixed(Arc::clone(&issuer), set, fetch)
            }
            KeySource::File(path) => {
                let set = read(&path).map_err(|reason| SettingsError::BadKeys { issuer: settings.issuer, reason })?;
                Keys::loaded(Arc::clone(&issuer), Source::File(path), Some(set), fetch)
            }
            KeySource::Discovery => {
                let discovery = Discovery::new(&issuer)
                    .map_err(|reason| SettingsError::NotDiscoverable { issuer: settings.issuer, reason })?;
                Keys::loaded(Arc::clone(&issuer), Source::Discovery(discovery), None, fetch)
            }
        };
        let (tenant_claim, models_claim) = (settings.tenant_claim, settings.models_claim);
        let expected = Expected { issuer, audiences: settings.audiences, tenant_claim, models_claim };
        Ok(Self { expected, keys: Arc::new(keys) })
    }
}

fn read(path: &Path) -> Result<KeySet, String> {
    let in_file = |reason: String| format!("{}: {reason}", path.display());
    let json = std::fs::read(path).map_err(|error| in_file(error.to_string()))?;
    usable(&json).map_err(in_file)
}

/// Keys that an operator wrote down have to be usable at start; what an issuer publishes later may be empty.
fn usable(json: &[u8]) -> Result<KeySet, String> {
    let set = KeySet::parse(json).map_err(|error| error.to_string())?;
    if set.is_empty() { Err("none of its keys can verify tokens".into()) } else { Ok(set) }
}
