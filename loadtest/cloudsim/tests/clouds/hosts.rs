//! The hosts of OpenAI's API, and in what they differ.

use http::StatusCode;
use serde_json::{Value, json};
use tradewind_cloudsim::CloudKind;

use crate::support::{IMAGE, get, post, start};

/// The hosts that chat in OpenAI's dialect with a bearer token or none.
const HOSTS: &[CloudKind] = &[
    CloudKind::OpenAi,
    CloudKind::Mistral,
    CloudKind::Groq,
    CloudKind::DeepSeek,
    CloudKind::XAi,
    CloudKind::Together,
    CloudKind::Fireworks,
    CloudKind::OpenRouter,
    CloudKind::HuggingFace,
    CloudKind::Vllm,
    CloudKind::SgLang,
    CloudKind::Ollama,
    CloudKind::Tgi,
    CloudKind::Nim,
    CloudKind::RayServe,
    CloudKind::VertexOpenAi,
    CloudKind::BedrockOpenAi,
    CloudKind::SageMakerOpenAi,
    CloudKind::Databricks,
    CloudKind::Snowflake,
];

fn chat(text: &str, more: Value) -> Value {
    let mut body = json!({ "model": "sim-chat", "messages": [{ "role": "user", "content": text }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn weather() -> Value {
    let schema = json!({ "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } } });
    json!([{ "type": "function", "function": { "name": "weather", "parameters": schema } }])
}

fn path(kind: CloudKind) -> String {
    format!("{}/chat/completions", kind.base_path())
}

#[tokio::test]
async fn every_host_chats_whole_and_in_events() {
    for kind in HOSTS {
        let sim = start(*kind).await;
        let whole = post(&sim, &path(*kind), chat("Hi", json!({}))).await;
        assert_eq!(whole.status, StatusCode::OK, "{kind}: {:?}", whole.body);
        assert_eq!(whole.json()["choices"][0]["message"]["content"], "The wind blows from the east.", "{kind}");

        let stream = post(&sim, &path(*kind), chat("Hi", json!({ "stream": true }))).await;
        assert_eq!(stream.told("/choices/0/delta/content"), "The wind blows from the east.", "{kind}");
        assert!(stream.body.ends_with(b"data: [DONE]\n\n"), "{kind}");
    }
}

#[tokio::test]
async fn every_host_calls_a_tool_and_quotes_its_result() {
    for kind in HOSTS {
        let sim = start(*kind).await;
        let asked = post(&sim, &path(*kind), chat("Where?", json!({ "tools": weather() }))).await.json();
        let message = &asked["choices"][0]["message"];
        assert_eq!(message["tool_calls"][0]["function"]["arguments"], "{\"city\":\"city\"}", "{kind}");
        assert_eq!(asked["choices"][0]["finish_reason"], "tool_calls");

        let stream = post(&sim, &path(*kind), chat("Where?", json!({ "tools": weather(), "stream": true }))).await;
        let arguments = stream.told("/choices/0/delta/tool_calls/0/function/arguments");
        assert_eq!(arguments, "{\"city\":\"city\"}", "{kind}");

        let history = json!([
            { "role": "user", "content": "Where?" },
            { "role": "assistant", "content": null, "tool_calls": message["tool_calls"] },
            { "role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "12 degrees" },
        ]);
        let told = post(&sim, &path(*kind), json!({ "model": "sim-chat", "messages": history, "tools": weather() })).await.json();
        assert_eq!(told["choices"][0]["message"]["content"], "The tools say: 12 degrees.", "{kind}");
    }
}

#[tokio::test]
async fn calls_the_tool_that_is_named_or_both_or_none() {
    let sim = start(CloudKind::OpenAi).await;
    let function = |name: &str| json!({ "type": "function", "function": { "name": name } });
    let tools = json!([function("first"), function("second")]);
    let names = async |text: &str, more: Value| {
        let mut body = chat(text, json!({ "tools": tools }));
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = post(&sim, "/v1/chat/completions", body).await.json();
        let calls = answer["choices"][0]["message"]["tool_calls"].as_array().cloned().unwrap_or_default();
        calls.iter().map(|call| call["function"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("Hi", json!({})).await, ["first"]);
    assert_eq!(names("Hi", json!({ "tool_choice": function("second") })).await, ["second"]);
    assert_eq!(names("both", json!({})).await, ["first", "second"]);
    assert_eq!(names("both", json!({ "parallel_tool_calls": false })).await, ["first"]);
    assert!(names("Hi", json!({ "tool_choice": "none" })).await.is_empty());
}

#[tokio::test]
async fn looks_at_images_and_fills_schemas() {
    let sim = start(CloudKind::OpenAi).await;
    let parts = json!([{ "type": "text", "text": "What?" }, { "type": "image_url", "image_url": { "url": IMAGE } }]);
    let body = json!({ "model": "sim-chat", "messages": [{ "role": "user", "content": parts }] });
    let seen = post(&sim, "/v1/chat/completions", body).await.json();
    assert_eq!(seen["choices"][0]["message"]["content"], "I see image/png of 1 bytes.");

    let schema = json!({ "type": "object", "required": ["wind"], "properties": { "wind": { "type": "integer" } } });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "wind", "schema": schema } });
    let filled = post(&sim, "/v1/chat/completions", chat("Hi", json!({ "response_format": format }))).await.json();
    assert_eq!(filled["choices"][0]["message"]["content"], "{\"wind\":1}");

    let object = json!({ "response_format": { "type": "json_object" } });
    let refused = post(&sim, "/v1/chat/completions", chat("Hi", object.clone())).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "the word JSON is missing");
    let given = post(&sim, "/v1/chat/completions", chat("JSON, please", object)).await.json();
    assert!(serde_json::from_str::<Value>(given["choices"][0]["message"]["content"].as_str().unwrap()).unwrap().is_object());
}

#[tokio::test]
async fn stops_where_it_is_told_to_and_filters_what_is_forbidden() {
    let sim = start(CloudKind::OpenAi).await;
    let cut = post(&sim, "/v1/chat/completions", chat("Hi", json!({ "stop": "blows" }))).await.json();
    assert_eq!(cut["choices"][0]["message"]["content"], "The wind ");
    assert_eq!(cut["choices"][0]["finish_reason"], "stop");
    let filtered = post(&sim, "/v1/chat/completions", chat("the forbidden", json!({}))).await.json();
    assert_eq!(filtered["choices"][0]["finish_reason"], "content_filter");
    let cached = post(&sim, "/v1/chat/completions", chat("a b c d", json!({ "prompt_cache_key": "k" }))).await.json();
    assert_eq!(cached["usage"]["prompt_tokens_details"]["cached_tokens"], 2);
}

#[tokio::test]
async fn tells_what_it_thought_where_the_host_does() {
    let thought = "First I feel the wind.";
    for (kind, more, pointer) in [
        (CloudKind::DeepSeek, json!({ "thinking": { "type": "enabled" } }), "/choices/0/message/reasoning_content"),
        (CloudKind::Vllm, json!({ "reasoning_effort": "low" }), "/choices/0/message/reasoning_content"),
        (CloudKind::Groq, json!({ "reasoning_effort": "low" }), "/choices/0/message/reasoning"),
        (CloudKind::Mistral, json!({ "prompt_mode": "reasoning" }), "/choices/0/message/content/0/thinking/0/text"),
        (CloudKind::Databricks, json!({ "reasoning_effort": "low" }), "/choices/0/message/content/0/summary/0/text"),
    ] {
        let sim = start(kind).await;
        let told = post(&sim, &path(kind), chat("Hi", more)).await.json();
        assert_eq!(told.pointer(pointer), Some(&json!(thought)), "{kind}: {told}");
    }
    let sim = start(CloudKind::OpenAi).await;
    let counted = post(&sim, "/v1/chat/completions", chat("Hi", json!({ "reasoning_effort": "low" }))).await.json();
    assert_eq!(counted["usage"]["completion_tokens_details"]["reasoning_tokens"], 5);
    assert!(!counted.to_string().contains(thought));
}

#[tokio::test]
async fn refuses_what_each_host_refuses_in_its_own_manner() {
    for (kind, more, status, pointer) in [
        (CloudKind::OpenAi, json!({ "top_k": 1 }), 400, "/error/param"),
        (CloudKind::OpenAi, json!({ "temperature": 2.5 }), 400, "/error/param"),
        (CloudKind::OpenAi, json!({ "tool_choice": "auto" }), 400, "/error/param"),
        (CloudKind::Mistral, json!({ "seed": 1 }), 422, "/detail/0/msg"),
        (CloudKind::Mistral, json!({ "max_completion_tokens": 1 }), 422, "/detail/0/msg"),
        (CloudKind::DeepSeek, json!({ "response_format": { "type": "json_schema" } }), 400, "/error/message"),
        (CloudKind::Tgi, json!({ "stop": "x" }), 422, "/error_type"),
        (CloudKind::Nim, json!({ "banana": 1 }), 400, "/error/code"),
        (CloudKind::SgLang, json!({ "n": 0 }), 400, "/object"),
        (CloudKind::Databricks, json!({ "max_completion_tokens": 1 }), 400, "/error_code"),
        (CloudKind::Snowflake, json!({ "max_tokens": 1 }), 400, "/request_id"),
        (CloudKind::VertexOpenAi, json!({ "banana": 1 }), 400, "/0/error/status"),
    ] {
        let sim = start(kind).await;
        let refused = post(&sim, &path(kind), chat("Hi", more)).await;
        assert_eq!(refused.status.as_u16(), status, "{kind}: {:?}", refused.body);
        assert!(refused.json().pointer(pointer).is_some(), "{kind}: {:?}", refused.body);
    }
}

#[tokio::test]
async fn refuses_histories_that_do_not_hang_together() {
    let sim = start(CloudKind::OpenAi).await;
    let call = |id: &str| json!({ "id": id, "type": "function", "function": { "name": "f", "arguments": "{}" } });
    let user = json!({ "role": "user", "content": "Hi" });
    let calling = json!({ "role": "assistant", "tool_calls": [call("a")] });
    for (messages, place) in [
        (json!([user, calling]), "messages"),
        (json!([user, calling, user]), "messages[2].role"),
        (json!([user, { "role": "tool", "tool_call_id": "a", "content": "x" }]), "messages[1].tool_call_id"),
        (json!([user, { "role": "assistant", "content": "x", "thinking_blocks": [] }]), "messages[1].thinking_blocks"),
        (
            json!([{ "role": "user", "content": [{ "type": "image_url", "image_url": { "url": "file:///x" } }] }]),
            "messages[0].content[0].image_url.url",
        ),
    ] {
        let refused = post(&sim, "/v1/chat/completions", json!({ "model": "sim-chat", "messages": messages })).await;
        assert_eq!(refused.json()["error"]["param"], place, "{messages}");
    }
}

#[tokio::test]
async fn completes_and_reranks_where_a_host_does() {
    let sim = start(CloudKind::Vllm).await;
    let done = post(&sim, "/v1/completions", json!({ "model": "sim-chat", "prompt": "Hi", "max_tokens": 2 })).await.json();
    assert_eq!((&done["choices"][0]["text"], &done["choices"][0]["finish_reason"]), (&json!("The wind"), &json!("length")));
    let body = json!({ "model": "sim-rerank", "query": "east wind", "documents": ["calm", "wind", "east wind"], "top_n": 2 });
    let ranked = post(&sim, "/v1/rerank", body).await.json();
    let places: Vec<_> = ranked["results"].as_array().unwrap().iter().map(|result| result["index"].clone()).collect();
    assert_eq!(places, [2, 1]);
    let groq = start(CloudKind::Groq).await;
    assert_eq!(post(&groq, "/openai/v1/completions", json!({})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn streams_hold_what_clients_must_bear() {
    let sim = start(CloudKind::OpenRouter).await;
    let stream = post(&sim, &path(CloudKind::OpenRouter), chat("Hi", json!({ "stream": true }))).await;
    assert!(stream.body.starts_with(b": OPENROUTER PROCESSING\n\n"));
    assert_eq!(stream.events().last().unwrap()["usage"]["completion_tokens"], 7, "the usage comes unasked");
    let models = get(&sim, "/api/v1/models", &[("authorization", "Bearer sk-sim")]).await.json();
    assert_eq!(models["data"][0]["id"], "sim-chat");
}
