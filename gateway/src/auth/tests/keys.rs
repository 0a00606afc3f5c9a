//! Where keys come from: rotation, floods of unknown keys, issuers that are down, and issuers that lie.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tokio::time::advance;

use super::support::{DISCOVERY, FakeIssuer, Gate, ISSUER, JWKS, Signer, jwks, settings};
use crate::auth::{AuthError, KeySource, SettingsError};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn a_rotation_is_followed_at_the_first_token_of_the_new_key() {
    let (a, b, c) = (Signer::new("a"), Signer::new("b"), Signer::new("c"));
    let issuer = FakeIssuer::new(&[&a]);
    let gate = Gate::discovering(&issuer);
    gate.ask(&a.token(json!({}))).await.unwrap();
    assert_eq!(issuer.take_fetches(), 2, "the discovery document and the JWKS");
    for next in [&b, &c] {
        issuer.put(JWKS, &jwks(&[&a, next]));
        gate.ask(&next.token(json!({}))).await.unwrap();
        assert_eq!(issuer.take_fetches(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_unknown_keys_cause_two_fetches_a_window() {
    let (signer, attacker, rotated) = (Signer::new("k"), Signer::new("x"), Signer::new("rotated"));
    let issuer = FakeIssuer::new(&[&signer]);
    let gate = Gate::discovering(&issuer);
    gate.ask(&signer.token(json!({}))).await.unwrap();
    issuer.take_fetches();
    let flood = async || {
        let tokens = (0..10_000).map(|n| attacker.sign(json!({"alg": "ES256", "kid": n.to_string()}), json!({})));
        let tokens: Vec<_> = tokens.collect();
        let answers = join_all(tokens.iter().map(|token| gate.code(token))).await;
        assert!(answers.iter().all(|code| *code == "unknown_key"));
    };
    flood().await;
    assert_eq!(issuer.take_fetches(), 2);
    assert_eq!(gate.code(&signer.token(json!({"jti": "new"}))).await, "ok", "known keys are not held up");

    issuer.put(JWKS, &jwks(&[&rotated]));
    assert_eq!(gate.code(&rotated.token(json!({}))).await, "unknown_key", "the flood has used up the window");
    advance(Duration::from_secs(30)).await;
    assert_eq!(gate.code(&rotated.token(json!({}))).await, "ok");
    assert_eq!(issuer.take_fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn all_who_need_the_same_new_key_share_one_fetch() {
    let signer = Signer::new("k");
    let issuer = FakeIssuer::new(&[&signer]);
    let gate = Gate::discovering(&issuer);
    let tokens: Vec<_> = (0..100).map(|n| signer.token(json!({"jti": n.to_string()}))).collect();
    let answers = join_all(tokens.iter().map(|token| gate.code(token))).await;
    assert!(answers.iter().all(|code| *code == "ok"));
    assert_eq!(issuer.take_fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_does_not_stop_the_fetch() {
    let signer = Signer::new("k");
    let issuer = FakeIssuer::new(&[&signer]);
    let gate = Gate::discovering(&issuer);
    let token = signer.token(json!({}));
    {
        let mut impatient = std::pin::pin!(gate.ask(&token));
        assert!(futures_util::poll!(&mut impatient).is_pending());
    }
    gate.ask(&token).await.unwrap();
    assert_eq!(issuer.take_fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_issuer_that_is_down_at_start_means_503_until_it_is_back() {
    let signer = Signer::new("k");
    let issuer = FakeIssuer::new(&[&signer]);
    issuer.go_down();
    let gate = Gate::discovering(&issuer);
    let token = signer.token(json!({}));
    let error = gate.ask(&token).await.unwrap_err();
    assert!(matches!(error, AuthError::Unavailable { .. }), "{error}");
    assert_eq!(error.status(), 503);
    let fetches = issuer.take_fetches();
    assert_eq!(gate.code(&token).await, "authentication_unavailable");
    assert_eq!(issuer.take_fetches(), 0, "after {fetches} fetches the next waits for its time");

    issuer.put(DISCOVERY, &json!({"issuer": ISSUER, "jwks_uri": JWKS}).to_string());
    issuer.put(JWKS, &jwks(&[&signer]));
    advance(error.retry_after().unwrap()).await;
    assert_eq!(gate.code(&token).await, "ok");
}

#[tokio::test(start_paused = true)]
async fn old_keys_serve_for_a_day_while_the_issuer_is_down() {
    let signer = Signer::new("k");
    let issuer = FakeIssuer::new(&[&signer]);
    let gate = Gate::discovering(&issuer);
    let token = signer.token(json!({}));
    gate.ask(&token).await.unwrap();
    issuer.go_down();
    advance(24 * HOUR - Duration::from_secs(1)).await;
    assert_eq!(gate.code(&token).await, "ok", "remembered");
    assert_eq!(gate.code(&signer.token(json!({"jti": "new"}))).await, "ok", "verified anew");
    let stranger = Signer::new("new").token(json!({}));
    assert_eq!(gate.code(&stranger).await, "authentication_unavailable", "it may be a new key");
    advance(Duration::from_secs(1)).await;
    assert_eq!(gate.code(&token).await, "authentication_unavailable");
}

#[tokio::test(start_paused = true)]
async fn the_background_task_renews_and_retries() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let issuer = FakeIssuer::new(&[&old]);
    let gate = Gate::discovering(&issuer);
    let auth = Arc::clone(&gate.auth);
    let task = tokio::spawn(async move { auth.keep_keys_fresh().await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(issuer.take_fetches(), 2, "at once");
    issuer.put(JWKS, &jwks(&[&new]));
    tokio::time::sleep(Duration::from_secs(661)).await;
    assert_eq!(issuer.take_fetches(), 2, "and again after ten minutes");
    assert_eq!(gate.code(&old.token(json!({}))).await, "unknown_key", "a withdrawn key stops working");
    issuer.go_down();
    issuer.take_fetches();
    tokio::time::sleep(2 * HOUR).await;
    let fetches = issuer.take_fetches();
    assert!((200..=300).contains(&fetches), "two documents tried once a minute or so: {fetches}");
    task.abort();
}

#[tokio::test(start_paused = true)]
async fn a_document_of_another_issuer_is_not_believed() {
    let signer = Signer::new("k");
    for document in [
        json!({"issuer": "https://evil.example", "jwks_uri": JWKS}),
        json!({"issuer": format!("{ISSUER}/"), "jwks_uri": JWKS}),
        json!({"issuer": ISSUER, "jwks_uri": "http://id.example/keys"}),
        json!({"issuer": ISSUER, "jwks_uri": "file:///etc/keys"}),
        json!({"issuer": ISSUER}),
    ] {
        let issuer = FakeIssuer::new(&[&signer]);
        issuer.put("http://id.example/keys", &jwks(&[&signer]));
        issuer.put(DISCOVERY, &document.to_string());
        let code = Gate::discovering(&issuer).code(&signer.token(json!({}))).await;
        assert_eq!(code, "authentication_unavailable", "{document}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_place_of_rfc_8414_is_the_second_guess() {
    let signer = Signer::new("k");
    let issuer = FakeIssuer::new(&[&signer]);
    issuer.go_down();
    let document = json!({"issuer": ISSUER, "jwks_uri": JWKS}).to_string();
    issuer.put("https://id.example/.well-known/oauth-authorization-server", &document);
    issuer.put(JWKS, &jwks(&[&signer]));
    assert_eq!(Gate::discovering(&issuer).code(&signer.token(json!({}))).await, "ok");
}

#[tokio::test(start_paused = true)]
async fn a_set_with_a_kid_twice_does_not_replace_a_good_one() {
    let (a, b) = (Signer::new("a"), Signer::new("b"));
    let issuer = FakeIssuer::new(&[&a]);
    let gate = Gate::discovering(&issuer);
    gate.ask(&a.token(json!({}))).await.unwrap();
    issuer.put(JWKS, &jwks(&[&a, &b, &b]));
    assert_eq!(gate.code(&b.token(json!({}))).await, "authentication_unavailable");
    assert_eq!(gate.code(&a.token(json!({"jti": "2"}))).await, "ok");
}

#[tokio::test]
async fn a_key_file_is_read_again_for_an_unknown_key() {
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), jwks(&[&old])).unwrap();
    let gate = Gate::with(settings(KeySource::File(file.path().into())), Arc::default()).unwrap();
    gate.ask(&old.token(json!({}))).await.unwrap();
    std::fs::write(file.path(), jwks(&[&new])).unwrap();
    gate.ask(&new.token(json!({}))).await.unwrap();
}

#[tokio::test]
async fn a_token_without_a_kid_means_the_only_key() {
    let (a, b) = (Signer::new("a"), Signer::new("b"));
    let token = a.sign(json!({"alg": "ES256"}), json!({}));
    assert_eq!(Gate::fixed(&[&a]).code(&token).await, "ok");
    assert_eq!(Gate::fixed(&[&a, &b]).code(&token).await, "unknown_key");
}

#[test]
fn unusable_settings_are_named() {
    let with = |change: fn(&mut crate::auth::IssuerSettings)| {
        let mut settings = settings(KeySource::Inline(jwks(&[&Signer::new("k")]).into()));
        change(&mut settings);
        Gate::with(settings, Arc::default()).map(drop).unwrap_err()
    };
    assert!(matches!(with(|s| s.audiences.clear()), SettingsError::NoAudience(_)));
    let error = with(|s| s.keys = KeySource::File("/nonexistent/jwks.json".into())).to_string();
    assert!(error.contains("/nonexistent/jwks.json"), "{error}");
    let error = with(|s| s.keys = KeySource::Inline(r#"{"keys":[{"kty":"oct","k":"AAAA"}]}"#.into())).to_string();
    assert!(error.contains("none of its keys can verify tokens"), "{error}");
    let error = with(|s| (s.issuer, s.keys) = ("http://id.example".into(), KeySource::Discovery)).to_string();
    assert!(error.contains("only https is safe"), "{error}");
}
