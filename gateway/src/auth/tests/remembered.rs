//! The cache of verified tokens: it saves work and never changes a verdict.

use std::sync::Arc;

use serde_json::json;

use super::support::{FakeIssuer, Gate, JWKS, NOW, Signer, jwks};
use crate::auth::AuthError;

#[tokio::test]
async fn a_verified_token_is_remembered() {
    let signer = Signer::new("k");
    let gate = Gate::fixed(&[&signer]);
    let token = signer.token(json!({}));
    let (first, second) = (gate.ask(&token).await.unwrap(), gate.ask(&token).await.unwrap());
    assert!(Arc::ptr_eq(&first, &second));
}

#[tokio::test]
async fn a_remembered_token_expires_on_time() {
    let signer = Signer::new("k");
    let gate = Gate::fixed(&[&signer]);
    let token = signer.token(json!({"exp": NOW + 10}));
    for (now, expected) in
        [(NOW, Ok(())), (NOW + 9, Ok(())), (NOW + 10, Err(AuthError::Expired)), (NOW + 11, Err(AuthError::Expired))]
    {
        gate.clock.set(now);
        assert_eq!(gate.ask(&token).await.map(drop), expected, "{}", now - NOW);
    }
}

#[tokio::test]
async fn another_signature_is_another_token() {
    let signer = Signer::new("k");
    let gate = Gate::fixed(&[&signer]);
    let token = signer.token(json!({}));
    gate.ask(&token).await.unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_eq!(gate.code(&format!("{signed}.{}", "A".repeat(86))).await, "bad_signature");
    assert_eq!(gate.code(&format!("{signed}.")).await, "bad_signature");
}

#[tokio::test(start_paused = true)]
async fn a_revoked_key_ends_the_tokens_that_it_verified() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let issuer = FakeIssuer::new(&[&old]);
    let gate = Gate::discovering(&issuer);
    let token = old.token(json!({}));
    gate.ask(&token).await.unwrap();
    issuer.put(JWKS, &jwks(&[&new]));
    assert_eq!(gate.code(&token).await, "ok", "nobody has told us yet");
    gate.ask(&new.token(json!({}))).await.unwrap();
    assert_eq!(gate.code(&token).await, "unknown_key");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_keeps_its_name_but_changes_is_a_change() {
    let (old, new, third) = (Signer::new("k"), Signer::new("k"), Signer::new("third"));
    let issuer = FakeIssuer::new(&[&old]);
    let gate = Gate::discovering(&issuer);
    let token = old.token(json!({}));
    gate.ask(&token).await.unwrap();
    issuer.put(JWKS, &jwks(&[&new, &third]));
    gate.ask(&third.token(json!({}))).await.unwrap();
    assert_eq!(gate.code(&token).await, "bad_signature");
}
