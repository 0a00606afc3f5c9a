//! Snowflake Cortex.

use http::StatusCode;
use serde_json::json;
use tradewind_cloudsim::CloudKind;

use crate::support::{IMAGE, post, post_with, start};

const CHAT: &str = "/api/v2/cortex/v1/chat/completions";

#[tokio::test]
async fn embeddings_lie_one_list_deeper_than_elsewhere() {
    let sim = start(CloudKind::Snowflake).await;
    let embedded = post(&sim, "/api/v2/cortex/inference:embed", json!({ "text": ["a", "b"], "model": "sim-embed" })).await.json();
    assert_eq!(embedded["data"][1]["embedding"][0].as_array().unwrap().len(), 8);
}

#[tokio::test]
async fn images_come_in_the_request_alone() {
    let sim = start(CloudKind::Snowflake).await;
    let ask = |url: &str| {
        let parts = json!([{ "type": "image_url", "image_url": { "url": url } }]);
        json!({ "model": "sim-chat", "messages": [{ "role": "user", "content": parts }] })
    };
    assert_eq!(post(&sim, CHAT, ask(IMAGE)).await.status, StatusCode::OK);
    assert_eq!(post(&sim, CHAT, ask("https://example.com/x.png")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_key_pairs_token_must_claim_what_snowflake_wants() {
    // {"alg":"RS256","typ":"JWT"}, then {"iss":"ACME.LLM.SHA256:fp","sub":"ACME.LLM","iat":1000,"exp":4600}; the second lives too long.
    let header = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9";
    let good = "eyJpc3MiOiJBQ01FLkxMTS5TSEEyNTY6ZnAiLCJzdWIiOiJBQ01FLkxMTSIsImlhdCI6MTAwMCwiZXhwIjo0NjAwfQ";
    let long = "eyJpc3MiOiJBQ01FLkxMTS5TSEEyNTY6ZnAiLCJzdWIiOiJBQ01FLkxMTSIsImlhdCI6MTAwMCwiZXhwIjo5OTk5fQ";
    let sim = start(CloudKind::Snowflake).await;
    let body = json!({ "model": "sim-chat", "messages": [{ "role": "user", "content": "Hi" }] });
    for (claims, status) in [(good, StatusCode::OK), (long, StatusCode::UNAUTHORIZED)] {
        let token = format!("Bearer {header}.{claims}.c2ln");
        let headers = [("authorization", token.as_str()), ("x-snowflake-authorization-token-type", "KEYPAIR_JWT")];
        assert_eq!(post_with(&sim, CHAT, &headers, body.clone()).await.status, status);
    }
    let pat = [("authorization", "Bearer sk-sim"), ("x-snowflake-authorization-token-type", "PROGRAMMATIC_ACCESS_TOKEN")];
    assert_eq!(post_with(&sim, CHAT, &pat, body).await.status, StatusCode::OK);
}
