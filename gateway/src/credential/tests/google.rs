//! Google: files of every type, and the metadata server.

use std::{path::PathBuf, time::Duration};

use serde_json::json;
use tempfile::TempDir;
use tradewind_policies::spec::{GoogleSource, SecretRef};

use super::{
    super::{CredentialError, Fresh, Life, Secret, Surroundings, google::source},
    support::{Endpoint, NOW, surroundings, token},
    tokens::{claims, rsa_key},
};

const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// A folder with a credentials file.
fn file(document: &serde_json::Value) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.json");
    std::fs::write(&path, document.to_string()).unwrap();
    (folder, path)
}

async fn obtain(document: &serde_json::Value, surroundings: &Surroundings) -> Result<Fresh<Secret>, CredentialError> {
    let (_folder, path) = file(document);
    source(&GoogleSource::File(path), surroundings).obtain().await
}

#[tokio::test]
async fn a_service_account_signs_an_assertion() {
    let endpoint = Endpoint::always(token("sa")).await;
    let token_uri = format!("{}/token", endpoint.url());
    let document = json!({"type": "service_account", "client_email": "gateway@p.iam.gserviceaccount.com", "private_key_id": "kid1",
        "private_key": rsa_key().serialize_pem(), "token_uri": token_uri, "project_id": "p"});
    let surroundings = surroundings([("GOOGLE", document.to_string())]);
    let place = SecretRef::Env("GOOGLE".to_owned());
    let fresh = source(&GoogleSource::Json(place), &surroundings).obtain().await.unwrap();
    assert_eq!((fresh.value.expose(), fresh.life), ("sa", Life::token(Duration::from_secs(3600))));
    let form = endpoint.only().form();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let claims = claims(&form["assertion"], Some(&token_uri));
    assert_eq!(claims, json!({"iss": "gateway@p.iam.gserviceaccount.com", "scope": SCOPE, "aud": token_uri, "iat": NOW, "exp": NOW + 3600}));
    assert_eq!(jsonwebtoken::decode_header(&form["assertion"]).unwrap().kid.as_deref(), Some("kid1"));
}

#[tokio::test]
async fn a_user_shows_the_refresh_token() {
    let endpoint = Endpoint::always(token("user")).await;
    let document = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "token_uri": endpoint.url()});
    assert_eq!(obtain(&document, &surroundings([])).await.unwrap().value.expose(), "user");
    let form = endpoint.only().form();
    assert_eq!(form.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>(), [
        "client_id=c",
        "client_secret=s",
        "grant_type=refresh_token",
        "refresh_token=r"
    ]);
}

#[tokio::test]
async fn the_metadata_server_is_asked_where_there_is_no_file() {
    let metadata = Endpoint::always(token("gce")).await;
    let home = tempfile::tempdir().unwrap();
    let surroundings =
        surroundings([("GCE_METADATA_HOST", metadata.authority()), ("HOME", home.path().display().to_string())]);
    assert_eq!(source(&GoogleSource::Default, &surroundings).obtain().await.unwrap().value.expose(), "gce");
    let asked = metadata.only();
    assert_eq!(asked.header("metadata-flavor"), "Google");
    assert_eq!(
        asked.target,
        "/computeMetadata/v1/instance/service-accounts/default/token?scopes=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform"
    );
}

#[tokio::test]
async fn the_file_that_gcloud_leaves_is_found() {
    let endpoint = Endpoint::always(token("user")).await;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/gcloud");
    std::fs::create_dir_all(&folder).unwrap();
    let document = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "token_uri": endpoint.url()});
    std::fs::write(folder.join("application_default_credentials.json"), document.to_string()).unwrap();
    let surroundings = surroundings([("HOME", home.path().display().to_string())]);
    assert_eq!(source(&GoogleSource::Default, &surroundings).obtain().await.unwrap().value.expose(), "user");
}

fn external(sts: &Endpoint, source: serde_json::Value, impersonation: Option<String>) -> serde_json::Value {
    json!({"type": "external_account", "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/P/providers/X",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "token_url": format!("{}/v1/token", sts.url()),
        "credential_source": source, "service_account_impersonation_url": impersonation,
        "service_account_impersonation": {"token_lifetime_seconds": 1800}})
}

#[tokio::test]
async fn another_clouds_token_is_exchanged() {
    let sts = Endpoint::always(token("federated")).await;
    let (_folder, path) = file(&json!({"id_token": "k8s"}));
    let document = external(
        &sts,
        json!({"file": path, "format": {"type": "json", "subject_token_field_name": "id_token"}}),
        None,
    );
    assert_eq!(obtain(&document, &surroundings([])).await.unwrap().value.expose(), "federated");
    let form = sts.only().form();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:token-exchange");
    assert_eq!(form["requested_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!([&form["subject_token"], &form["subject_token_type"], &form["scope"]], [
        "k8s",
        "urn:ietf:params:oauth:token-type:jwt",
        SCOPE
    ]);
    assert!(form["audience"].ends_with("/workloadIdentityPools/P/providers/X"));
}

#[tokio::test]
async fn and_then_for_one_of_a_service_account() {
    let sts = Endpoint::always(token("federated")).await;
    let iam = Endpoint::always(r#"{"accessToken":"impersonated","expireTime":"2026-01-02T03:34:05Z"}"#).await;
    let github = Endpoint::always("subject").await;
    let url = format!("{}/v1/projects/-/serviceAccounts/sa:generateAccessToken", iam.url());
    let document = external(&sts, json!({"url": github.url(), "headers": {"authorization": "bearer gh"}}), Some(url));
    let fresh = obtain(&document, &surroundings([])).await.unwrap();
    assert_eq!((fresh.value.expose(), fresh.life), ("impersonated", Life::token(Duration::from_secs(1800))));
    assert_eq!(github.only().header("authorization"), "bearer gh");
    assert_eq!(sts.only().form()["subject_token"], "subject");
    let asked = iam.only();
    assert_eq!(asked.header("authorization"), "Bearer federated");
    assert_eq!(asked.text(), format!(r#"{{"scope":["{SCOPE}"],"lifetime":"1800s"}}"#));
}

#[tokio::test]
async fn a_user_may_act_as_a_service_account() {
    let tokens = Endpoint::always(token("user")).await;
    let iam = Endpoint::always(r#"{"accessToken":"impersonated","expireTime":"2026-01-02T04:04:05Z"}"#).await;
    let document = json!({"type": "impersonated_service_account", "delegates": ["d"], "service_account_impersonation_url": iam.url(),
        "source_credentials": {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "token_uri": tokens.url()}});
    assert_eq!(obtain(&document, &surroundings([])).await.unwrap().value.expose(), "impersonated");
    assert_eq!(iam.only().text(), format!(r#"{{"scope":["{SCOPE}"],"lifetime":"3600s","delegates":["d"]}}"#));
}

#[tokio::test]
async fn sources_that_are_not_supported_say_what_is() {
    let sts = Endpoint::always(token("t")).await;
    for unsupported in [json!({"environment_id": "aws1"}), json!({"executable": {"command": "x"}})] {
        let error = obtain(&external(&sts, unsupported, None), &surroundings([])).await.unwrap_err();
        assert!(error.to_string().contains("accepted: exactly one of `file` and `url`"), "{error}");
    }
    let error = obtain(&json!({"type": "gdch_service_account"}), &surroundings([])).await.unwrap_err();
    assert!(error.to_string().contains("accepted: service_account"), "{error}");
    let error = obtain(&json!({"type": "service_account", "client_email": 7, "private_key": "hunter2"}), &surroundings([])).await;
    assert!(!format!("{error:?}").contains("hunter2"));
}
