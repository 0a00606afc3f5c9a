//! Databricks.

use http::StatusCode;
use serde_json::json;
use tradewind_cloudsim::CloudKind;

use crate::support::{post, post_form, post_with, start};

#[tokio::test]
async fn takes_tokens_of_its_workspace_and_an_endpoints_own_address() {
    let sim = start(CloudKind::Databricks).await;
    let basic = ("authorization", "Basic c2ltLWNsaWVudDpzaW0tc2VjcmV0");
    let form = "grant_type=client_credentials&scope=all-apis";
    let issued = post_form(&sim, "/oidc/v1/token", &[basic], form).await.json();
    let token = format!("Bearer {}", issued["access_token"].as_str().unwrap());
    let body = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
    let path = "/serving-endpoints/sim-chat/invocations";
    let seen = post_with(&sim, path, &[("authorization", &token)], body.clone()).await;
    assert_eq!(seen.json()["choices"][0]["message"]["content"], "The wind blows from the east.");
    assert_eq!(post_with(&sim, path, &[("authorization", "Bearer x")], body).await.status, StatusCode::FORBIDDEN);
    let embedded = post(&sim, "/serving-endpoints/sim-embed/invocations", json!({ "input": "a" })).await;
    assert_eq!(embedded.json()["data"][0]["object"], "embedding");
    assert_eq!(
        post_form(&sim, "/oidc/v1/token", &[basic], "grant_type=client_credentials").await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(post_form(&sim, "/oidc/v1/token", &[], form).await.status, StatusCode::UNAUTHORIZED);
}
