//! A signer of arbitrary tokens, an issuer that can be down, and a clock that stands still.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode, Uri};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use serde_json::{Value, json};

use crate::auth::{AuthError, Authenticator, Clock, Fetch, FetchError, Identity, IssuerSettings, KeySource, SettingsError};

pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const ISSUER: &str = "https://id.example";
pub(super) const JWKS: &str = "https://id.example/keys";
pub(super) const DISCOVERY: &str = "https://id.example/.well-known/openid-configuration";

/// A clock that tests set.
pub(super) struct FakeClock(AtomicU64);

impl FakeClock {
    pub(super) fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn unix_seconds(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Signs whatever it is given.
pub(super) struct Signer {
    pub(super) kid: String,
    pub(super) jwk: Value,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    pub(super) fn new(kid: &str) -> Self {
        Self::with(kid, Algorithm::ES256)
    }

    pub(super) fn with(kid: &str, algorithm: Algorithm) -> Self {
        let kind = match algorithm {
            Algorithm::ES384 => &PKCS_ECDSA_P384_SHA384,
            Algorithm::EdDSA => &PKCS_ED25519,
            _ => &PKCS_ECDSA_P256_SHA256,
        };
        let pair = KeyPair::generate_for(kind).unwrap();
        let (key, mut jwk) = match algorithm {
            // The crate reads the public half out of 48-byte keys only; take it from the pair instead.
            Algorithm::EdDSA => {
                let x = URL_SAFE_NO_PAD.encode(pair.public_key_raw());
                (EncodingKey::from_ed_der(pair.serialized_der()), json!({"kty": "OKP", "crv": "Ed25519", "x": x}))
            }
            _ => {
                let key = EncodingKey::from_ec_der(pair.serialized_der());
                let jwk = serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap();
                (key, jwk)
            }
        };
        jwk["kid"] = kid.into();
        Self { kid: kid.into(), jwk, algorithm, key }
    }

    /// An ordinary token with these claims over the ordinary ones; `null` removes one.
    pub(super) fn token(&self, claims: Value) -> String {
        let alg = format!("{:?}", self.algorithm);
        self.sign(json!({"alg": alg, "kid": self.kid, "typ": "at+jwt"}), claims)
    }

    pub(super) fn sign(&self, header: Value, claims: Value) -> String {
        let mut all = json!({
            "iss": ISSUER, "aud": "gateway", "sub": "alice", "tenant": "acme",
            "exp": NOW + 3600, "iat": NOW, "nbf": NOW,
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        self.sign_text(&header.to_string(), &all.to_string())
    }

    pub(super) fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &self.key, self.algorithm).unwrap();
        format!("{signed}.{signature}")
    }
}

pub(super) fn jwks(signers: &[&Signer]) -> String {
    json!({"keys": signers.iter().map(|signer| &signer.jwk).collect::<Vec<_>>()}).to_string()
}

/// An issuer's web server.
#[derive(Default)]
pub(super) struct FakeIssuer {
    pages: Mutex<HashMap<String, String>>,
    pub(super) fetches: AtomicUsize,
}

impl FakeIssuer {
    /// Publishes a discovery document and these keys.
    pub(super) fn new(signers: &[&Signer]) -> Arc<Self> {
        let issuer = Arc::new(Self::default());
        issuer.put(DISCOVERY, &json!({"issuer": ISSUER, "jwks_uri": JWKS}).to_string());
        issuer.put(JWKS, &jwks(signers));
        issuer
    }

    pub(super) fn put(&self, uri: &str, body: &str) {
        self.pages.lock().unwrap().insert(uri.into(), body.into());
    }

    /// Every page is gone: 404 for all.
    pub(super) fn go_down(&self) {
        self.pages.lock().unwrap().clear();
    }

    pub(super) fn take_fetches(&self) -> usize {
        self.fetches.swap(0, Ordering::Relaxed)
    }
}

impl Fetch for FakeIssuer {
    fn get<'a>(&'a self, uri: &'a Uri, _: usize) -> BoxFuture<'a, Result<Bytes, FetchError>> {
        self.fetches.fetch_add(1, Ordering::Relaxed);
        let page = self.pages.lock().unwrap().get(&uri.to_string()).cloned();
        async move {
            // A real fetch takes a while, in which others come to wait for it.
            tokio::task::yield_now().await;
            page.map(Bytes::from).ok_or(FetchError::Status(StatusCode::NOT_FOUND))
        }
        .boxed()
    }
}

/// An authenticator with one issuer.
pub(super) struct Gate {
    pub(super) auth: Arc<Authenticator>,
    pub(super) clock: Arc<FakeClock>,
}

impl Gate {
    pub(super) fn fixed(signers: &[&Signer]) -> Self {
        Self::with(settings(KeySource::Inline(jwks(signers).into())), Arc::new(FakeIssuer::default())).unwrap()
    }

    pub(super) fn discovering(issuer: &Arc<FakeIssuer>) -> Self {
        Self::with(settings(KeySource::Discovery), Arc::clone(issuer)).unwrap()
    }

    pub(super) fn with(settings: IssuerSettings, fetch: Arc<FakeIssuer>) -> Result<Self, SettingsError> {
        let clock = Arc::new(FakeClock(AtomicU64::new(NOW)));
        let auth = Authenticator::new(vec![settings], fetch, Arc::clone(&clock) as _)?;
        Ok(Self { auth: Arc::new(auth), clock })
    }

    pub(super) async fn ask(&self, token: &str) -> Result<Arc<Identity>, AuthError> {
        self.auth.authenticate(&bearer(token)).await
    }

    /// The audit code of a refusal, `ok` where there is none.
    pub(super) async fn code(&self, token: &str) -> &'static str {
        self.ask(token).await.map_or_else(|error| error.code(), |_| "ok")
    }
}

pub(super) fn settings(keys: KeySource) -> IssuerSettings {
    IssuerSettings {
        issuer: ISSUER.into(),
        audiences: vec!["gateway".into(), "gateway-2".into()],
        keys,
        tenant_claim: "tenant".into(),
        models_claim: "models".into(),
    }
}

pub(super) fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    headers
}
