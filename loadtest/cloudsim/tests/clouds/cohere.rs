//! Cohere's API, version 2.

use http::StatusCode;
use serde_json::{Value, json};
use tradewind_cloudsim::CloudKind;

use crate::support::{post, start};

fn chat(more: Value) -> Value {
    let mut body = json!({ "model": "sim-chat", "messages": [{ "role": "user", "content": "Hi" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn tools() -> Value {
    let schema = json!({ "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } } });
    json!([{ "type": "function", "function": { "name": "weather", "parameters": schema } }])
}

#[tokio::test]
async fn chats_whole_and_in_events() {
    let sim = start(CloudKind::Cohere).await;
    let whole = post(&sim, "/v2/chat", chat(json!({}))).await.json();
    assert_eq!(whole["message"]["content"], json!([{ "type": "text", "text": "The wind blows from the east." }]));
    assert_eq!((&whole["finish_reason"], &whole["usage"]["tokens"]["output_tokens"]), (&json!("COMPLETE"), &json!(7)));
    let stream = post(&sim, "/v2/chat", chat(json!({ "stream": true, "thinking": { "type": "enabled" } }))).await;
    assert_eq!(stream.told("/delta/message/content/text"), "The wind blows from the east.");
    assert_eq!(stream.told("/delta/message/content/thinking"), "First I feel the wind.");
    assert_eq!(stream.events().last().unwrap()["delta"]["finish_reason"], "COMPLETE");
}

#[tokio::test]
async fn calls_tools_and_quotes_their_results() {
    let sim = start(CloudKind::Cohere).await;
    let asked = post(&sim, "/v2/chat", chat(json!({ "tools": tools(), "tool_choice": "REQUIRED" }))).await.json();
    let call = &asked["message"]["tool_calls"][0];
    assert_eq!((&asked["finish_reason"], &call["function"]["arguments"]), (&json!("TOOL_CALL"), &json!("{\"city\":\"city\"}")));
    let stream = post(&sim, "/v2/chat", chat(json!({ "tools": tools(), "stream": true }))).await;
    assert_eq!(stream.told("/delta/message/tool_calls/function/arguments"), "{\"city\":\"city\"}");
    let messages = json!([
        { "role": "user", "content": "Hi" }, { "role": "assistant", "tool_calls": [call], "tool_plan": "Ask." },
        { "role": "tool", "tool_call_id": call["id"], "content": [{ "type": "document", "document": { "data": "12" } }] },
    ]);
    let told = post(&sim, "/v2/chat", chat(json!({ "messages": messages, "tools": tools() }))).await.json();
    assert_eq!(told["message"]["content"][0]["text"], "The tools say: \"12\".");
}

#[tokio::test]
async fn refuses_what_cohere_refuses() {
    let sim = start(CloudKind::Cohere).await;
    for body in [
        json!({ "top_p": 0.5 }),
        json!({ "stop": ["x"] }),
        json!({ "n": 1 }),
        json!({ "tools": tools(), "tool_choice": "auto" }),
        json!({ "response_format": { "type": "json_schema" } }),
        json!({ "temperature": 1.5 }),
    ] {
        let refused = post(&sim, "/v2/chat", chat(body.clone())).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(refused.json()["message"].is_string());
    }
}

#[tokio::test]
async fn embeds_and_reranks() {
    let sim = start(CloudKind::Cohere).await;
    let body = json!({
        "model": "sim-embed", "texts": ["a b", "c"], "input_type": "search_query", "embedding_types": ["float", "base64"],
        "output_dimension": 4,
    });
    let embedded = post(&sim, "/v2/embed", body).await.json();
    assert_eq!(embedded["embeddings"]["float"][1].as_array().unwrap().len(), 4);
    assert_eq!(embedded["meta"]["billed_units"]["input_tokens"], 3);
    let aimless = post(&sim, "/v2/embed", json!({ "model": "sim-embed", "texts": ["a"] })).await;
    assert_eq!(aimless.status, StatusCode::UNPROCESSABLE_ENTITY, "input_type is required");
    let ranked = post(&sim, "/v2/rerank", json!({ "model": "sim-rerank", "query": "b", "documents": ["a", "b"] })).await.json();
    assert_eq!(ranked["results"][0], json!({ "index": 1, "relevance_score": 1.0 }));
}
