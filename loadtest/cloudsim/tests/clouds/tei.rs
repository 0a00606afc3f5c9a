//! Text Embeddings Inference.

use http::StatusCode;
use serde_json::json;
use tradewind_cloudsim::CloudKind;

use crate::support::{post, start};

#[tokio::test]
async fn embeds_in_two_dialects_and_reranks_in_its_own() {
    let sim = start(CloudKind::Tei).await;
    let openai = post(&sim, "/v1/embeddings", json!({ "model": "whatever", "input": "a" })).await.json();
    let own = post(&sim, "/embed", json!({ "inputs": ["a"], "normalize": true })).await.json();
    assert_eq!(openai["data"][0]["embedding"], own[0]);
    let ranked = post(&sim, "/rerank", json!({ "query": "b", "texts": ["a", "b"], "return_text": true })).await.json();
    assert_eq!(ranked[0], json!({ "index": 1, "score": 1.0, "text": "b" }));
    let refused = post(&sim, "/rerank", json!({ "query": "b", "texts": [] })).await;
    assert_eq!((refused.status, &refused.json()["error_type"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("Validation")));
    assert_eq!(post(&sim, "/v1/chat/completions", json!({})).await.status, StatusCode::NOT_FOUND);
}
