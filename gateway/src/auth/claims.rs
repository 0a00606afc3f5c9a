//! What a signed token has to say to be an access token for us, and what is kept of it.

use std::sync::Arc;

use serde_json::Value;
use tradewind_policies::{Attributes, Grants, TenantId};

use super::object::Object;
use super::{AuthError, Identity};

/// How far an issuer's clock may run ahead of ours, in seconds.
const SKEW: u64 = 60;
/// RFC 7519 sets no limit on `sub` and `jti`; OpenID Connect sets 255 on `sub`.
const MAX_NAME: usize = 255;
/// Claims that OpenID Connect puts into ID tokens and RFC 9068 not into access tokens.
const ID_TOKEN_CLAIMS: [&str; 4] = ["nonce", "at_hash", "c_hash", "s_hash"];

/// What one issuer's tokens are held against.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) issuer: Arc<str>,
    pub(super) audiences: Vec<String>,
    pub(super) tenant_claim: String,
    pub(super) models_claim: String,
}

/// What the header's `typ` declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type {
    /// `at+jwt`: an access token by RFC 9068.
    AccessToken,
    /// `JWT` or nothing: it may be any kind of token.
    Unsaid,
}

impl Type {
    /// Reads `typ`, a media type with `application/` optional and in any case.
    pub(super) fn of(typ: Option<&str>) -> Result<Self, AuthError> {
        let is = |names: &[&str], typ: &str| names.iter().any(|name| name.eq_ignore_ascii_case(typ));
        match typ {
            None => Ok(Self::Unsaid),
            Some(typ) if is(&["jwt"], typ) => Ok(Self::Unsaid),
            Some(typ) if is(&["at+jwt", "application/at+jwt"], typ) => Ok(Self::AccessToken),
            Some(_) => Err(AuthError::WrongType),
        }
    }
}

/// Judges the claims of a token whose signature and issuer are proved, at `now` in unix seconds.
pub(super) fn judge(claims: &Object, typ: Type, expected: &Expected, now: u64) -> Result<Identity, AuthError> {
    refuse_other_tokens(claims, typ)?;
    let expires = times(claims, now)?;
    audience(claims, &expected.audiences)?;
    Ok(Identity {
        subject: name(claims, "sub")?.ok_or(AuthError::BadClaim("sub"))?,
        named: tenant(claims, &expected.tenant_claim)?,
        issuer: Arc::clone(&expected.issuer),
        models: models(claims, &expected.models_claim)?,
        expires,
        token_id: name(claims, "jti")?,
        claims: attributes(claims),
    })
}

/// The tenant that the token names. One that names none may still be known by its other claims.
fn tenant(claims: &Object, claim: &str) -> Result<Option<TenantId>, AuthError> {
    if claims.get(claim).is_none_or(Value::is_null) {
        return Ok(None);
    }
    let named = claims.string(claim).ok().flatten().and_then(|tenant| tenant.parse().ok());
    named.map(Some).ok_or_else(|| AuthError::NoTenant { claim: claim.into() })
}

/// What a policy may look at. Below the top level, nothing is used.
fn attributes(claims: &Object) -> Attributes {
    let values = claims.iter().flat_map(|(name, value)| {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            one => std::slice::from_ref(one),
        };
        values.iter().filter_map(text).map(move |value| (name, value))
    });
    values.collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn refuse_other_tokens(claims: &Object, typ: Type) -> Result<(), AuthError> {
    if claims.contains("cnf") {
        return Err(AuthError::SenderConstrained);
    }
    let said_otherwise = matches!(claims.string("typ"), Ok(Some("ID" | "Refresh")));
    let looks_otherwise = typ == Type::Unsaid && ID_TOKEN_CLAIMS.iter().any(|claim| claims.contains(claim));
    if said_otherwise || looks_otherwise { Err(AuthError::NotAnAccessToken) } else { Ok(()) }
}

fn times(claims: &Object, now: u64) -> Result<u64, AuthError> {
    // Fractions are cut off `exp` and rounded up in the others: the token never lives longer than it says.
    let expires = date(claims, "exp", f64::floor)?.ok_or(AuthError::BadClaim("exp"))?;
    if now >= expires {
        return Err(AuthError::Expired);
    }
    for claim in ["nbf", "iat"] {
        if date(claims, claim, f64::ceil)?.is_some_and(|from| from > now.saturating_add(SKEW)) {
            return Err(AuthError::NotYetValid);
        }
    }
    Ok(expires)
}

/// A NumericDate (RFC 7519, 2): seconds since 1970, possibly with a fraction.
fn date(claims: &Object, claim: &'static str, round: fn(f64) -> f64) -> Result<Option<u64>, AuthError> {
    let Some(value) = claims.get(claim) else {
        return Ok(None);
    };
    let seconds = value.as_u64().or_else(|| {
        let seconds = round(value.as_f64()?);
        // Below 2^53 the conversion is exact; no date of ours comes near.
        (0.0..9e15).contains(&seconds).then_some(seconds as u64)
    });
    seconds.map(Some).ok_or(AuthError::BadClaim(claim))
}

fn audience(claims: &Object, accepted: &[String]) -> Result<(), AuthError> {
    let is_ours = |value: &Value| value.as_str().is_some_and(|text| accepted.iter().any(|ours| ours == text));
    let found = match claims.get("aud") {
        Some(value @ Value::String(_)) => is_ours(value),
        Some(Value::Array(values)) if values.iter().all(Value::is_string) => values.iter().any(is_ours),
        _ => return Err(AuthError::BadClaim("aud")),
    };
    if found { Ok(()) } else { Err(AuthError::WrongAudience) }
}

fn name(claims: &Object, claim: &'static str) -> Result<Option<Arc<str>>, AuthError> {
    match claims.string(claim) {
        Ok(None) => Ok(None),
        Ok(Some(text)) if (1..=MAX_NAME).contains(&text.len()) && !text.contains(char::is_control) => Ok(Some(text.into())),
        _ => Err(AuthError::BadClaim(claim)),
    }
}

fn models(claims: &Object, claim: &str) -> Result<Option<Arc<Grants>>, AuthError> {
    let bad = || AuthError::BadClaim("models");
    let grants = match claims.get(claim) {
        None => return Ok(None),
        Some(Value::String(text)) => Grants::parse(text.split_ascii_whitespace()),
        Some(Value::Array(values)) => {
            let patterns: Option<Vec<&str>> = values.iter().map(Value::as_str).collect();
            Grants::parse(patterns.ok_or_else(bad)?)
        }
        Some(_) => return Err(bad()),
    };
    grants.map(|grants| Some(Arc::new(grants))).map_err(|_| bad())
}
