//! The services that issue tokens and keep secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tradewind_cloudsim::{Behaviour, CloudKind, Reply, Sim, Tokens};

use crate::support::{Seen, get, post_form, post_with, start};

const ENTRA: &str = "/tenant/oauth2/v2.0/token";
const SCOPE: &str = "scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default";

fn chat() -> Value {
    json!({ "model": "sim-chat", "messages": [{ "role": "user", "content": "Hi" }] })
}

async fn ask(sim: &Sim, token: &str) -> Seen {
    post_with(sim, "/openai/v1/chat/completions", &[("authorization", &format!("Bearer {token}"))], chat()).await
}

async fn entra(sim: &Sim) -> String {
    let form = format!("grant_type=client_credentials&client_id=sim-client&client_secret=sim-secret&{SCOPE}");
    post_form(sim, ENTRA, &[], &form).await.json()["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn entra_issues_what_azure_accepts() {
    let sim = start(CloudKind::Azure).await;
    let token = entra(&sim).await;
    assert_ne!(token, entra(&sim).await, "every token is another");
    assert_eq!(ask(&sim, &token).await.status, StatusCode::OK);
    assert_eq!(ask(&sim, "sim.guessed").await.status, StatusCode::UNAUTHORIZED);

    let federated = format!(
        "grant_type=client_credentials&client_id=sim-client&{SCOPE}&client_assertion=a.b.c&\
         client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
    );
    assert_eq!(post_form(&sim, ENTRA, &[], &federated).await.status, StatusCode::OK);
    for (form, status, error) in [
        ("grant_type=password".to_owned(), 400, "unsupported_grant_type"),
        ("grant_type=client_credentials&client_id=sim-client&client_secret=sim-secret".to_owned(), 400, "invalid_scope"),
        (format!("grant_type=client_credentials&client_id=x&client_secret=sim-secret&{SCOPE}"), 400, "unauthorized_client"),
        (format!("grant_type=client_credentials&client_id=sim-client&client_secret=x&{SCOPE}"), 401, "invalid_client"),
    ] {
        let refused = post_form(&sim, ENTRA, &[], &form).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["error"]), (status, &json!(error)));
    }
}

#[tokio::test]
async fn tokens_end_with_their_life_and_when_a_script_says_so() {
    let behaviour = Behaviour { token_lifetime: Duration::ZERO, ..Behaviour::default() };
    let sim = Sim::start_cloud(CloudKind::Azure, behaviour).await.unwrap();
    let stale = entra(&sim).await;
    assert_eq!(ask(&sim, &stale).await.status, StatusCode::UNAUTHORIZED);

    let sim = start(CloudKind::Azure).await;
    let token = entra(&sim).await;
    sim.script([Reply::Expired]);
    for _ in 0..2 {
        assert_eq!(ask(&sim, &token).await.status, StatusCode::UNAUTHORIZED, "an expired token does not come back to life");
    }
    assert_eq!(ask(&sim, &entra(&sim).await).await.status, StatusCode::OK);
}

#[tokio::test]
async fn clouds_that_share_a_register_accept_each_others_tokens() {
    let tokens = Tokens::default();
    let behaviour = Behaviour { tokens: tokens.clone(), ..Behaviour::default() };
    let identity = Sim::start_cloud(CloudKind::Identity, behaviour.clone()).await.unwrap();
    let azure = Sim::start_cloud(CloudKind::Azure, behaviour).await.unwrap();
    let path = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcognitiveservices.azure.com";
    let issued = get(&identity, path, &[("metadata", "true")]).await.json();
    assert_eq!(issued["expires_in"], "3600", "numbers are texts there");
    assert_eq!(ask(&azure, issued["access_token"].as_str().unwrap()).await.status, StatusCode::OK);
    assert_eq!(get(&identity, path, &[]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(get(&identity, &format!("{path}/.default"), &[("metadata", "true")]).await.status, StatusCode::BAD_REQUEST);
    let service = "/msi/token?api-version=2019-08-01&resource=https://ai.azure.com";
    assert_eq!(get(&identity, service, &[("x-identity-header", "sim-secret")]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn vaults_keep_secrets() {
    let secrets = BTreeMap::from([("llm".to_owned(), "s3cret".to_owned())]);
    let sim = Sim::start_cloud(CloudKind::Identity, Behaviour { secrets, ..Behaviour::default() }).await.unwrap();
    let kept = get(&sim, "/v1/secret/data/team/llm", &[("x-vault-token", "sim-secret")]).await.json();
    assert_eq!(kept["data"]["data"]["key"], "s3cret");
    assert_eq!(get(&sim, "/v1/secret/data/team/llm", &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(get(&sim, "/v1/secret/data/none", &[("x-vault-token", "sim-secret")]).await.status, StatusCode::NOT_FOUND);

    let bearer = format!("Bearer {}", entra(&sim).await);
    let path = "/secrets/llm/1?api-version=7.4";
    assert_eq!(get(&sim, path, &[("authorization", &bearer)]).await.json()["value"], "s3cret");
    assert_eq!(get(&sim, path, &[("authorization", "Bearer sk-sim")]).await.status, StatusCode::UNAUTHORIZED);
}
