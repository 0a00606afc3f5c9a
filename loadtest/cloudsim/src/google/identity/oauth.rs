//! The token endpoint, `POST /token`: a service account shows a JWT that it signed, a user a token that was given for good.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::CLOUD_PLATFORM;
use crate::behaviour::Behaviour;
use crate::cloud::Document;
use crate::log::Received;
use crate::shape::Look;

/// How far the clocks may be apart.
const SKEW: Duration = Duration::from_secs(5 * 60);
/// What a user has in place of the tokens that end.
const REFRESH_TOKEN: &str = "sim-refresh-token";

/// What it says to a form.
pub(in super::super) fn token(behaviour: &Behaviour, received: &Received, now: SystemTime) -> Document {
    let granted = match received.form("grant_type").as_deref() {
        Some("urn:ietf:params:oauth:grant-type:jwt-bearer") => assertion(behaviour, received, now),
        Some("refresh_token") => refresh(behaviour, received),
        _ => Err(("unsupported_grant_type", "Invalid grant_type".to_owned())),
    };
    match granted {
        Ok(()) => {
            let lifetime = behaviour.token_lifetime;
            let answer = json!({
                "access_token": behaviour.tokens.issue(lifetime),
                "expires_in": lifetime.as_secs(),
                "scope": CLOUD_PLATFORM,
                "token_type": "Bearer",
            });
            Document::json(200, &answer)
        }
        Err((error, description)) => {
            let status = if error == "invalid_client" { 401 } else { 400 };
            Document::json(status, &json!({ "error": error, "error_description": description }))
        }
    }
}

fn refresh(behaviour: &Behaviour, received: &Received) -> Result<(), (&'static str, String)> {
    let (id, secret) = &behaviour.client;
    if received.form("client_id").as_ref() != Some(id) || received.form("client_secret").as_ref() != Some(secret) {
        return Err(("invalid_client", "The OAuth client was not found.".into()));
    }
    if received.form("refresh_token").as_deref() != Some(REFRESH_TOKEN) {
        return Err(("invalid_grant", "Token has been expired or revoked.".into()));
    }
    Ok(())
}

fn assertion(behaviour: &Behaviour, received: &Received, now: SystemTime) -> Result<(), (&'static str, String)> {
    let invalid = |what: &str| ("invalid_grant", format!("Invalid JWT: {what}"));
    let assertion = received.form("assertion").ok_or_else(|| ("invalid_request", "Missing assertion".to_owned()))?;
    let parsed =
        Jwt::of(&assertion).ok_or_else(|| invalid("it must be three parts of base64url, the first two JSON objects."))?;
    let Jwt { header, claims, message, signature } = parsed;
    if header.look("alg") != "RS256" {
        return Err(invalid("alg must be RS256."));
    }
    let email = claims.look("iss").as_str().unwrap_or_default();
    let key = header.look("kid").as_str().unwrap_or_default();
    if !behaviour.service_accounts.signed(email, key, message.as_bytes(), &signature) {
        return Err(("invalid_grant", "Invalid JWT Signature.".into()));
    }
    let here = format!("http://{}/token", received.header("host").unwrap_or_default());
    if ![here.as_str(), "https://oauth2.googleapis.com/token"].contains(&claims.look("aud").as_str().unwrap_or_default()) {
        return Err(("invalid_grant", "Invalid JWT: Failed audience check. The right audience is the token URI".into()));
    }
    if !claims.look("scope").as_str().unwrap_or_default().split(' ').any(|scope| scope == CLOUD_PLATFORM) {
        return Err(("invalid_scope", "Invalid OAuth scope or ID token audience provided.".into()));
    }
    let moment = |name: &str| claims.look(name).as_u64().map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds));
    match (moment("iat"), moment("exp")) {
        (Some(issued), Some(expires))
            if issued <= now + SKEW
                && now < expires + SKEW
                && expires <= issued + Duration::from_secs(3600)
                && issued < expires =>
        {
            Ok(())
        }
        _ => Err(invalid(
            "Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.",
        )),
    }
}

/// A JWT, taken apart.
struct Jwt<'a> {
    header: Value,
    claims: Value,
    /// What was signed.
    message: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jwt<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (message, signature) = text.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let json =
            |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok().filter(Value::is_object);
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        Some(Self { header: json(header)?, claims: json(claims)?, message, signature })
    }
}
