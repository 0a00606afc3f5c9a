//! Google: Gemini at both addresses, and who hands out tokens. Signed assertions are google-auth's affair, in the outer tests.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use tradewind_cloudsim::{Behaviour, CloudKind, Reply, Sim};

use crate::support::{get, post, post_form, post_with, start};

const VERTEX: &str = "/v1/projects/p/locations/us-central1/publishers/google/models/sim-chat";
const STUDIO: &str = "/v1beta/models/sim-chat";
const KEY: &[(&str, &str)] = &[("x-goog-api-key", "sk-sim")];

fn hello() -> Value {
    json!({ "contents": [{ "role": "user", "parts": [{ "text": "Where does the wind blow from?" }] }] })
}

#[tokio::test]
async fn gemini_answers_whole_and_in_events() {
    let sim = start(CloudKind::Google).await;
    let whole = post(&sim, &format!("{VERTEX}:generateContent"), hello()).await.json();
    assert_eq!(whole.pointer("/candidates/0/content/parts/0/text"), Some(&json!("The wind blows from the east.")));
    let stream = post_with(&sim, &format!("{STUDIO}:streamGenerateContent?alt=sse"), KEY, hello()).await;
    assert_eq!(stream.told("/candidates/0/content/parts/0/text"), "The wind blows from the east.");
    assert_eq!(stream.events().last().unwrap().pointer("/candidates/0/finishReason"), Some(&json!("STOP")));
}

#[tokio::test]
async fn a_key_at_vertex_and_a_token_at_studio_are_refused() {
    let sim = start(CloudKind::Google).await;
    let refused = post_with(&sim, &format!("{VERTEX}:generateContent"), KEY, hello()).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let refused = post(&sim, &format!("{STUDIO}:generateContent"), hello()).await;
    assert_eq!(refused.json().pointer("/error/details/0/reason"), Some(&json!("API_KEY_INVALID")));
}

#[tokio::test]
async fn names_in_either_case_are_known_and_others_are_not() {
    let sim = start(CloudKind::Google).await;
    let mut body = hello();
    body["generation_config"] = json!({ "max_output_tokens": 2 });
    let cut = post(&sim, &format!("{VERTEX}:generateContent"), body.clone()).await.json();
    assert_eq!(cut.pointer("/candidates/0/finishReason"), Some(&json!("MAX_TOKENS")));
    body["generation_config"]["max_tokens"] = json!(2);
    let refused = post(&sim, &format!("{VERTEX}:generateContent"), body).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(
        refused.json().pointer("/error/message"),
        Some(&json!("Invalid JSON payload received. Unknown name \"max_tokens\" at 'generation_config': Cannot find field."))
    );
}

#[tokio::test]
async fn too_much_is_told_with_the_time_to_come_back() {
    let sim = start(CloudKind::Google).await;
    sim.script([Reply::rate_limited(Duration::from_secs(30)), Reply::InStreamError { events: 1 }]);
    let limited = post(&sim, &format!("{VERTEX}:generateContent"), hello()).await.json();
    assert_eq!(limited.pointer("/error/status"), Some(&json!("RESOURCE_EXHAUSTED")));
    assert_eq!(limited.pointer("/error/details/1/retryDelay"), Some(&json!("30s")));
    let failed = post(&sim, &format!("{VERTEX}:streamGenerateContent?alt=sse"), hello()).await;
    assert_eq!(failed.events().last().unwrap().pointer("/error/status"), Some(&json!("UNAVAILABLE")));
}

#[tokio::test]
async fn texts_are_embedded_by_predict_and_in_batches() {
    let sim = start(CloudKind::Google).await;
    let path = "/v1/projects/p/locations/us-central1/publishers/google/models/sim-embed:predict";
    let body = json!({ "instances": [{ "content": "a" }, { "content": "b c" }], "parameters": { "outputDimensionality": 4 } });
    let predictions = post(&sim, path, body).await.json();
    assert_eq!(predictions.pointer("/predictions/1/embeddings/statistics/token_count"), Some(&json!(2)));
    let one = |model: &str| json!({ "requests": [{ "model": model, "content": { "parts": [{ "text": "a" }] } }] });
    let path = "/v1beta/models/sim-embed:batchEmbedContents";
    let batch = post_with(&sim, path, KEY, one("models/sim-embed")).await.json();
    assert_eq!(batch.pointer("/embeddings/0/values").unwrap().as_array().unwrap().len(), 8);
    assert_eq!(post_with(&sim, path, KEY, one("models/another")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn tokens_of_the_metadata_server_and_of_the_exchange_are_good() {
    let behaviour = Behaviour { token: Some("only-this".into()), ..Behaviour::default() };
    let sim = Sim::start_cloud(CloudKind::Google, behaviour.clone()).await.unwrap();
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    assert_eq!(get(&sim, path, &[]).await.status, StatusCode::FORBIDDEN);
    let metadata = get(&sim, path, &[("metadata-flavor", "Google")]).await.json();
    let subject = behaviour.tokens.issue(Duration::from_secs(60));
    let form = [
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange",
        "audience=%2F%2Fiam.googleapis.com%2Fprojects%2F1%2Flocations%2Fglobal%2FworkloadIdentityPools%2Fp%2Fproviders%2Fx",
        "requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token",
        "subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt",
        "scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform",
        &format!("subject_token={subject}"),
    ];
    let exchanged = post_form(&sim, "/v1/token", &[], &form.join("&")).await.json();
    for answer in [metadata, exchanged] {
        let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
        let headers = [("authorization", bearer.as_str())];
        assert_eq!(post_with(&sim, &format!("{VERTEX}:generateContent"), &headers, hello()).await.status, StatusCode::OK);
    }
}
