//! Who is calling: a bearer JWT becomes an [`Identity`] and, by what the policy says of its claims, a [`Principal`]; or the request ends here.
//!
//! # The rules, and why
//!
//! **The key decides the algorithm.** A token's header says which algorithm *it* wants; believing it is how `none`
//! and RS-to-HS confusion work (RFC 8725, 3.1). A key of a JWKS admits exactly one algorithm, by its `alg`, its
//! curve, or, for an RSA key that names none, RS256 (which OpenID Connect Core 15.1 makes mandatory). Only
//! asymmetric algorithms exist here.
//!
//! **`iss`, `aud` and `exp` are required.** `iss` must be a configured issuer, byte for byte; one of `aud` must be
//! one of that issuer's audiences; `exp` is strict. `nbf` and `iat` forgive 60 s of clock skew, because an issuer's
//! clock that runs ahead makes a fresh token come from the future; an early expiry costs a client one renewal only.
//!
//! **Nothing in the token leads anywhere.** `jku`, `x5u`, `jwk` and `x5c` are ignored, `crit` is refused, `kid` is
//! only compared.
//!
//! **An ID token is no access token.** `typ` is `at+jwt` (RFC 9068), `JWT` or absent. Without `at+jwt`, a token that
//! carries `nonce`, `at_hash`, `c_hash` or `s_hash` is taken for an OpenID Connect ID token and refused, and so is one
//! whose own `typ` claim says `ID` or `Refresh` (as Keycloak writes). A token bound to a client's key (`cnf`) is
//! refused too, since a plain bearer presentation proves nothing about that key.
//!
//! **Keys are a snapshot.** Each issuer's keys sit behind an `ArcSwap`; requests read, one task writes. A new key is
//! followed at the first token that names it, but unknown key ids cause at most two fetches in 30 s. While an issuer is
//! down its last keys serve for a day; without any, its tokens are answered 503, not 401: they may be perfectly good.
//!
//! **Verified tokens are remembered** by SHA-256 of the whole token, until `exp` or until the issuer's keys change.
//!
//! **What the caller is told.** Before the signature verifies there is one answer for every fault. After it, the holder
//! has a genuine token and may be told what it lacks. The audit log always gets the precise [`AuthError::code`].

mod authenticator;
mod authorize;
mod bearer;
mod claims;
mod clock;
mod dev;
mod digest;
mod error;
mod fetch;
mod fetcher;
mod jws;
mod keys;
mod layer;
mod object;
mod principal;
mod settings;
mod verified;

pub use authenticator::Authenticator;
pub use authorize::{Authorize, AuthorizeLayer};
pub use clock::{Clock, SystemClock};
pub use dev::{DEV_AUDIENCE, DEV_ISSUER, DEV_MAX_LIFETIME, DevClaims, DevIssuer, MintError};
pub use error::AuthError;
pub use fetch::{Fetch, FetchError};
pub use fetcher::HttpFetch;
pub use layer::{Authenticate, AuthenticateLayer};
pub use principal::{Identity, Principal};
pub use settings::{IssuerSettings, KeySource, SettingsError};

#[cfg(test)]
mod tests;
