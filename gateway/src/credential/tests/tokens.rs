//! IBM, OAuth and Snowflake.

use std::sync::OnceLock;

use aws_lc_rs::digest;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData};
use serde_json::Value;
use tradewind_policies::spec::{IbmCredential, OAuthCredential, SecretRef, SnowflakeKeyPair};

use super::{
    super::{Source, ibm::ApiKey, oauth::ClientCredentials, snowflake},
    support::{Endpoint, NOW, surroundings, token},
};

/// An RSA key, made once for all tests.
pub(super) fn rsa_key() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap())
}

/// The claims of a JWT whose signature by [`rsa_key`] another library accepts.
pub(super) fn claims(token: &str, audience: Option<&str>) -> Value {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    match audience {
        Some(audience) => validation.set_audience(&[audience]),
        None => validation.validate_aud = false,
    }
    let key = DecodingKey::from_rsa_der(rsa_key().public_key_raw());
    jsonwebtoken::decode::<Value>(token, &key, &validation).unwrap().claims
}

#[tokio::test]
async fn ibm_exchanges_an_api_key() {
    let iam = Endpoint::always(token("ibm-token")).await;
    let credential =
        IbmCredential { api_key: SecretRef::Env("IBM_KEY".to_owned()), iam_url: Some(iam.url().parse().unwrap()) };
    let source = ApiKey::new(&credential, &surroundings([("IBM_KEY", "k/1+".to_owned())])).unwrap();
    assert_eq!(source.obtain().await.unwrap().value.expose(), "ibm-token");
    let asked = iam.only();
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/identity/token"));
    assert_eq!(asked.form()["grant_type"], "urn:ibm:params:oauth:grant-type:apikey");
    assert_eq!(asked.form()["apikey"], "k/1+");
}

#[tokio::test]
async fn oauth_sends_the_client_by_http_basic() {
    let endpoint = Endpoint::always(token("m2m")).await;
    let credential = OAuthCredential {
        token_url: format!("{}/oidc/v1/token", endpoint.url()).parse().unwrap(),
        client_id: "client id".to_owned(),
        client_secret: SecretRef::Env("SECRET".to_owned()),
        scope: Some("all-apis".to_owned()),
    };
    let source = ClientCredentials::new(&credential, &surroundings([("SECRET", "p:w".to_owned())]));
    assert_eq!(source.obtain().await.unwrap().value.expose(), "m2m");
    let asked = endpoint.only();
    assert_eq!(asked.target, "/oidc/v1/token");
    assert_eq!(asked.header("authorization"), format!("Basic {}", BASE64_STANDARD.encode("client+id:p%3Aw")));
    assert_eq!(asked.form().into_iter().collect::<Vec<_>>(), [
        ("grant_type".to_owned(), "client_credentials".to_owned()),
        ("scope".to_owned(), "all-apis".to_owned())
    ]);
}

#[tokio::test]
async fn snowflake_gets_a_jwt_of_the_users_key_pair() {
    let credential = SnowflakeKeyPair {
        account: "xy12345.eu-central-1".to_owned(),
        user: "gateway".to_owned(),
        private_key: SecretRef::Env("KEY".to_owned()),
    };
    let source = snowflake::KeyPair::new(&credential, &surroundings([("KEY", rsa_key().serialize_pem())]));
    let claims = claims(source.obtain().await.unwrap().value.expose(), None);
    let fingerprint = digest::digest(&digest::SHA256, &rsa_key().subject_public_key_info());
    assert_eq!(claims["iss"], format!("XY12345.GATEWAY.SHA256:{}", BASE64_STANDARD.encode(fingerprint)));
    assert_eq!(claims["sub"], "XY12345.GATEWAY");
    assert_eq!(claims["iat"], NOW);
    assert_eq!(claims["exp"], NOW + 3540);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_without_being_shown() {
    let credential = SnowflakeKeyPair {
        account: "a".to_owned(),
        user: "u".to_owned(),
        private_key: SecretRef::Env("KEY".to_owned()),
    };
    let source = snowflake::KeyPair::new(&credential, &surroundings([("KEY", "hunter2hunter2".to_owned())]));
    let error = source.obtain().await.unwrap_err();
    assert!(error.to_string().starts_with("env:KEY is no usable RSA private key") && !format!("{error:?}").contains("hunter2"));
}
