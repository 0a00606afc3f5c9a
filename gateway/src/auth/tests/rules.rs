//! Which tokens are access tokens for us, one rule a test.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};

use super::support::{Gate, ISSUER, NOW, Signer, settings};
use crate::auth::{AuthError, Identity, KeySource};

async fn each(cases: &[(&str, Value)]) {
    let signer = Signer::new("k");
    let gate = Gate::fixed(&[&signer]);
    for (expected, claims) in cases {
        assert_eq!(gate.code(&signer.token(claims.clone())).await, *expected, "{claims}");
    }
}

/// Whether the token grants `chat`, `embed` and `other`; `None` where it does not say.
fn granted(principal: &Identity) -> Option<[bool; 3]> {
    principal.models.as_deref().map(|grants| ["chat", "embed", "other"].map(|name| grants.allow(name)))
}

#[tokio::test]
async fn a_good_token_becomes_its_principal() {
    let signer = Signer::new("k");
    let token = signer.token(json!({"models": ["chat", "embed"], "jti": "t1"}));
    let principal = Gate::fixed(&[&signer]).ask(&token).await.unwrap();
    assert_eq!(&*principal.subject, "alice");
    assert_eq!(principal.named.as_ref().unwrap().as_str(), "acme");
    assert_eq!(&*principal.issuer, ISSUER);
    assert_eq!(granted(&principal), Some([true, true, false]));
    assert_eq!(principal.expires, NOW + 3600);
    assert_eq!(principal.token_id.as_deref(), Some("t1"));
}

#[tokio::test]
async fn models_may_be_one_string_or_absent() {
    let signer = Signer::new("k");
    let gate = Gate::fixed(&[&signer]);
    let models = async |claims| granted(&gate.ask(&signer.token(claims)).await.unwrap());
    assert_eq!(models(json!({"models": "chat  embed"})).await, Some([true, true, false]));
    assert_eq!(models(json!({"models": "*"})).await, Some([true; 3]));
    assert_eq!(models(json!({})).await, None, "no claim, no narrowing");
    assert_eq!(models(json!({"models": []})).await, Some([false; 3]), "an empty list allows nothing");
    assert_eq!(gate.code(&signer.token(json!({"models": 7}))).await, "bad_claim");
    assert_eq!(gate.code(&signer.token(json!({"models": ["chat", 7]}))).await, "bad_claim");
}

#[tokio::test]
async fn every_supported_kind_of_key_verifies() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA] {
        let signer = Signer::with("k", algorithm);
        assert_eq!(Gate::fixed(&[&signer]).code(&signer.token(json!({}))).await, "ok", "{algorithm:?}");
    }
}

#[tokio::test]
async fn expiry_is_required_and_strict() {
    each(&[
        ("ok", json!({"exp": NOW + 1})),
        ("ok", json!({"exp": (NOW + 1) as f64 + 0.5})),
        ("token_expired", json!({"exp": NOW})),
        ("token_expired", json!({"exp": NOW as f64 + 0.9})),
        ("token_expired", json!({"exp": 0})),
        ("bad_claim", json!({"exp": null})),
        ("bad_claim", json!({"exp": "1900000000"})),
        ("bad_claim", json!({"exp": -1})),
        ("bad_claim", json!({"exp": 1e300})),
    ])
    .await;
}

#[tokio::test]
async fn the_future_is_forgiven_for_a_minute() {
    for claim in ["nbf", "iat"] {
        each(&[
            ("ok", json!({claim: NOW + 60})),
            ("ok", json!({claim: null})),
            ("token_not_yet_valid", json!({claim: NOW + 61})),
            ("token_not_yet_valid", json!({claim: NOW as f64 + 60.1})),
            ("bad_claim", json!({claim: "soon"})),
        ])
        .await;
    }
}

#[tokio::test]
async fn the_audience_is_required_and_ours() {
    each(&[
        ("ok", json!({"aud": "gateway-2"})),
        ("ok", json!({"aud": ["other", "gateway"]})),
        ("wrong_audience", json!({"aud": "other"})),
        ("wrong_audience", json!({"aud": "gateway "})),
        ("wrong_audience", json!({"aud": []})),
        ("bad_claim", json!({"aud": null})),
        ("bad_claim", json!({"aud": ["gateway", 1]})),
    ])
    .await;
}

#[tokio::test]
async fn the_issuer_is_compared_byte_for_byte() {
    each(&[
        ("unknown_issuer", json!({"iss": null})),
        ("unknown_issuer", json!({"iss": format!("{ISSUER}/")})),
        ("unknown_issuer", json!({"iss": "HTTPS://id.example"})),
        ("unknown_issuer", json!({"iss": [ISSUER]})),
    ])
    .await;
}

#[tokio::test]
async fn subject_and_tenant_are_required_and_plain() {
    each(&[
        ("bad_claim", json!({"sub": null})),
        ("bad_claim", json!({"sub": ""})),
        ("bad_claim", json!({"sub": "a\nb"})),
        ("bad_claim", json!({"sub": "a".repeat(256)})),
        ("no_tenant", json!({"tenant": ["acme"]})),
        ("no_tenant", json!({"tenant": "../etc"})),
        ("no_tenant", json!({"tenant": "a".repeat(65)})),
    ])
    .await;
}

#[tokio::test]
async fn the_tenant_claim_can_have_another_name() {
    let signer = Signer::new("k");
    let mut settings = settings(KeySource::Inline(super::support::jwks(&[&signer]).into()));
    settings.tenant_claim = "https://acme.example/org".into();
    let gate = Gate::with(settings, Default::default()).unwrap();
    let token = signer.token(json!({"https://acme.example/org": "blue"}));
    assert_eq!(gate.ask(&token).await.unwrap().named.as_ref().unwrap().as_str(), "blue");
    let unnamed = gate.ask(&signer.token(json!({}))).await.unwrap();
    assert!(unnamed.named.is_none(), "the usual claim names nobody then: {unnamed:?}");
}

#[tokio::test]
async fn id_and_refresh_tokens_are_refused() {
    let signer = Signer::new("k");
    let gate = Gate::fixed(&[&signer]);
    let plain = json!({"alg": "ES256", "kid": "k", "typ": "JWT"});
    for claim in ["nonce", "at_hash", "c_hash", "s_hash"] {
        let token = signer.sign(plain.clone(), json!({claim: "x"}));
        assert_eq!(gate.code(&token).await, "not_an_access_token", "{claim}");
    }
    for typ in ["ID", "Refresh"] {
        assert_eq!(gate.code(&signer.token(json!({"typ": typ}))).await, "not_an_access_token");
    }
    assert_eq!(gate.code(&signer.token(json!({"typ": "Bearer"}))).await, "ok");
}

#[tokio::test]
async fn a_token_bound_to_a_client_key_is_no_bearer_token() {
    each(&[("sender_constrained", json!({"cnf": {"jkt": "x"}}))]).await;
}

#[tokio::test]
async fn only_types_of_access_tokens_are_taken() {
    let signer = Signer::new("k");
    let gate = Gate::fixed(&[&signer]);
    for typ in ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"] {
        assert_eq!(gate.code(&signer.sign(json!({"alg": "ES256", "kid": "k", "typ": typ}), json!({}))).await, "ok", "{typ}");
    }
    assert_eq!(gate.code(&signer.sign(json!({"alg": "ES256", "kid": "k"}), json!({}))).await, "ok");
    for typ in ["dpop+jwt", "logout+jwt", "secevent+jwt", "JOSE", ""] {
        let token = signer.sign(json!({"alg": "ES256", "kid": "k", "typ": typ}), json!({}));
        assert_eq!(gate.code(&token).await, "wrong_token_type", "{typ}");
    }
}

#[tokio::test]
async fn the_header_does_not_choose_the_algorithm() {
    let signer = Signer::new("k");
    let gate = Gate::fixed(&[&signer]);
    for alg in ["none", "None", "HS256", "ES384", "RS256", "EdDSA", "es256", ""] {
        let token = signer.sign(json!({"alg": alg, "kid": "k"}), json!({}));
        assert_eq!(gate.code(&token).await, "wrong_algorithm", "{alg}");
    }
    // The classic: the public key, which everybody has, as an HMAC secret.
    let secret = jsonwebtoken::EncodingKey::from_secret(signer.jwk["x"].as_str().unwrap().as_bytes());
    let header = jsonwebtoken::Header { kid: Some("k".into()), ..Default::default() };
    let claims = json!({"iss": ISSUER, "aud": "gateway", "sub": "a", "tenant": "acme", "exp": NOW + 60});
    let token = jsonwebtoken::encode(&header, &claims, &secret).unwrap();
    assert_eq!(gate.code(&token).await, "wrong_algorithm");
}

#[tokio::test]
async fn keys_that_the_token_brings_along_are_ignored() {
    let (signer, attacker) = (Signer::new("k"), Signer::new("k"));
    let header = json!({
        "alg": "ES256", "kid": "k", "jwk": attacker.jwk, "jku": "https://evil.example/keys",
        "x5u": "https://evil.example/cert", "x5c": ["AAAA"],
    });
    let gate = Gate::fixed(&[&signer]);
    assert_eq!(gate.code(&attacker.sign(header.clone(), json!({}))).await, "bad_signature");
    assert_eq!(gate.code(&signer.sign(header, json!({}))).await, "ok");
}

#[tokio::test]
async fn critical_extensions_are_refused() {
    let signer = Signer::new("k");
    for crit in [json!(["b64"]), json!(["exp"]), json!([]), json!(null)] {
        let token = signer.sign(json!({"alg": "ES256", "kid": "k", "crit": crit, "b64": true}), json!({}));
        assert_eq!(Gate::fixed(&[&signer]).code(&token).await, "malformed_token", "{crit}");
    }
}

#[tokio::test]
async fn names_that_occur_twice_are_refused() {
    let signer = Signer::new("k");
    let gate = Gate::fixed(&[&signer]);
    let claims = format!(r#"{{"iss":"{ISSUER}","aud":"gateway","sub":"a","tenant":"acme","exp":{}"#, NOW + 60);
    let header = r#"{"alg":"ES256","kid":"k""#;
    let ask = async |header: String, claims: String| gate.code(&signer.sign_text(&header, &claims)).await;
    assert_eq!(ask(format!("{header}}}"), format!("{claims}}}")).await, "ok");
    assert_eq!(ask(format!("{header}}}"), format!(r#"{claims},"tenant":"other"}}"#)).await, "malformed_token");
    assert_eq!(ask(format!(r#"{header},"alg":"none"}}"#), format!("{claims}}}")).await, "malformed_token");
}

#[tokio::test]
async fn only_compact_strict_base64url_is_taken() {
    let signer = Signer::new("k");
    let gate = Gate::fixed(&[&signer]);
    let good = signer.token(json!({}));
    let bad = [
        String::new(),
        ".".into(),
        "..".into(),
        format!("{good}="),
        format!("{good}.{good}"),
        format!(" {good} "),
        good.replacen('.', "=.", 1),
        good.replacen('.', "..", 1),
        good.trim_end_matches(|c| c != '.').to_owned(),
        "{\"payload\":\"\"}".into(),
        format!("{}.{}", good, "A".repeat(17_000)),
        "A".repeat(1 << 20),
    ];
    for token in bad {
        let code = gate.code(&token).await;
        assert!(["malformed_token", "bad_signature"].contains(&code), "{code} {:.80}", token);
    }
}

#[tokio::test]
async fn the_caller_learns_nothing_before_the_signature_verifies() {
    let (signer, attacker) = (Signer::new("k"), Signer::new("k"));
    let gate = Gate::fixed(&[&signer]);
    let header = |alg: &str, kid: &str| json!({"alg": alg, "kid": kid});
    let mut answers = Vec::new();
    for token in [
        attacker.token(json!({})),
        attacker.token(json!({"exp": 1})),
        attacker.token(json!({"aud": "other"})),
        attacker.token(json!({"iss": "https://other.example"})),
        attacker.sign(header("none", "k"), json!({})),
        attacker.sign(header("ES256", "unknown"), json!({})),
        "a.b".into(),
    ] {
        let error = gate.ask(&token).await.unwrap_err();
        answers.push((error.status(), error.www_authenticate(), error.description()));
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
}

#[tokio::test]
async fn challenges_are_those_of_rfc_6750() {
    let challenge = |error: AuthError| error.www_authenticate().map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(challenge(AuthError::Missing).unwrap(), r#"Bearer realm="tradewind""#);
    assert_eq!(
        challenge(AuthError::Expired).unwrap(),
        r#"Bearer realm="tradewind", error="invalid_token", error_description="the access token expired""#
    );
    assert!(challenge(AuthError::SeveralCredentials).unwrap().contains(r#"error="invalid_request""#));
    assert_eq!(challenge(AuthError::Unavailable { issuer: ISSUER.into(), retry_after: Default::default() }), None);
}

#[tokio::test]
async fn development_tokens_are_accepted_by_the_same_state_directory_only() {
    use crate::auth::{Authenticator, DevClaims, DevIssuer, SystemClock};
    use crate::home::Home;

    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) = (Home::open(ours.path()).unwrap(), Home::open(theirs.path()).unwrap());
    let claims = DevClaims {
        tenant: "acme".parse().unwrap(),
        models: vec!["*".into()],
        subject: "me".into(),
        lifetime: std::time::Duration::from_secs(60),
    };
    let token = DevIssuer::open(&ours).unwrap().mint(&claims, &SystemClock).unwrap();
    let gate = |home| {
        let clock = std::sync::Arc::new(SystemClock);
        Authenticator::new(vec![DevIssuer::settings(home)], std::sync::Arc::<super::support::FakeIssuer>::default(), clock)
    };
    let principal = gate(&ours).unwrap().authenticate(&super::support::bearer(&token)).await.unwrap();
    assert_eq!(granted(&principal), Some([true; 3]));
    let error = gate(&theirs).unwrap().authenticate(&super::support::bearer(&token)).await.unwrap_err();
    assert_eq!(error, AuthError::UnknownKey);
}
