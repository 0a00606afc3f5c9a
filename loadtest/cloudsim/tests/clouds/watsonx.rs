//! watsonx.ai, with tokens of IAM.

use http::StatusCode;
use serde_json::{Value, json};
use tradewind_cloudsim::{CloudKind, Sim};

use crate::support::{Seen, post, post_form, post_with, start};

async fn token(sim: &Sim) -> String {
    let form = "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=sk-sim";
    let issued = post_form(sim, "/identity/token", &[], form).await.json();
    format!("Bearer {}", issued["access_token"].as_str().unwrap())
}

async fn send(sim: &Sim, path: &str, body: Value) -> Seen {
    let token = token(sim).await;
    post_with(sim, path, &[("authorization", &token)], body).await
}

fn chat(more: Value) -> Value {
    let mut body = json!({ "model_id": "sim-chat", "project_id": "p", "messages": [{ "role": "user", "content": "Hi" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn chats_whole_and_in_events_by_the_path() {
    let sim = start(CloudKind::Watsonx).await;
    let whole = send(&sim, "/ml/v1/text/chat?version=2024-03-13", chat(json!({}))).await.json();
    assert_eq!(whole["choices"][0]["message"]["content"], "The wind blows from the east.");
    assert_eq!(whole["model_id"], "sim-chat");
    let stream = send(&sim, "/ml/v1/text/chat_stream?version=2024-03-13", chat(json!({}))).await;
    assert_eq!(stream.told("/choices/0/delta/content"), "The wind blows from the east.");
    assert!(stream.body.starts_with(b"id: 1\nevent: message\ndata: {"));
    assert!(!stream.body.windows(6).any(|window| window == b"[DONE]"));
    let deployed = json!({ "messages": [{ "role": "user", "content": "Hi" }] });
    let path = "/ml/v1/deployments/sim-chat/text/chat?version=2024-03-13";
    assert_eq!(send(&sim, path, deployed).await.status, StatusCode::OK);
}

#[tokio::test]
async fn wants_a_token_of_iam_and_not_the_key() {
    let sim = start(CloudKind::Watsonx).await;
    let refused = post(&sim, "/ml/v1/text/chat?version=2024-03-13", chat(json!({}))).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert_eq!(refused.json()["errors"][0]["code"], "authentication_token_not_valid");
    let unknown = post_form(&sim, "/identity/token", &[], "grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey=x").await;
    assert_eq!(unknown.json()["errorCode"], "BXNIM0415E");
}

#[tokio::test]
async fn refuses_what_watsonx_refuses() {
    let sim = start(CloudKind::Watsonx).await;
    let function = |more: Value| {
        let mut function = json!({ "name": "f", "parameters": { "type": "object" } });
        function.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "tools": [{ "type": "function", "function": function }] })
    };
    for body in [
        json!({ "model": "sim-chat" }),
        json!({ "stream": true }),
        json!({ "space_id": "s" }),
        json!({ "tool_choice": "auto" }),
        function(json!({ "strict": true })),
        function(json!({ "parameters": { "type": "object", "additionalProperties": false } })),
    ] {
        let refused = send(&sim, "/ml/v1/text/chat?version=2024-03-13", chat(body.clone())).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert!(refused.json()["errors"][0]["message"].is_string());
    }
    assert_eq!(send(&sim, "/ml/v1/text/chat", chat(json!({}))).await.status, StatusCode::BAD_REQUEST, "no version");
    let mut called = function(json!({}));
    called.as_object_mut().unwrap().insert("tool_choice_option".into(), json!("required"));
    let called = send(&sim, "/ml/v1/text/chat?version=2024-03-13", chat(called)).await.json();
    assert_eq!(called["choices"][0]["finish_reason"], "tool_calls");
}

#[tokio::test]
async fn embeds_and_reranks() {
    let sim = start(CloudKind::Watsonx).await;
    let body = json!({ "model_id": "sim-embed", "project_id": "p", "inputs": ["a", "b c"] });
    let embedded = send(&sim, "/ml/v1/text/embeddings?version=2024-03-13", body).await.json();
    assert_eq!((embedded["results"].as_array().unwrap().len(), &embedded["input_token_count"]), (2, &json!(3)));
    let parameters = json!({ "return_options": { "top_n": 1 } });
    let body = json!({ "model_id": "sim-rerank", "space_id": "s", "query": "b", "inputs": [{ "text": "a" }, { "text": "b" }], "parameters": parameters });
    let ranked = send(&sim, "/ml/v1/text/rerank?version=2024-03-13", body).await.json();
    assert_eq!(ranked["results"], json!([{ "index": 1, "score": 1.0 }]));
}
