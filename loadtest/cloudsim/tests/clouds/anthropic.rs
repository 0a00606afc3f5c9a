//! The Messages API.

use http::StatusCode;
use serde_json::{Value, json};
use tradewind_cloudsim::{CloudKind, Sim};

use crate::support::{Seen, post_with, start};

const OLD: (&str, &str) = ("anthropic-version", "2023-06-01");
const KEY: (&str, &str) = ("x-api-key", "sk-sim");

fn ask(more: Value) -> Value {
    let mut body = json!({ "model": "sim-chat", "max_tokens": 2048, "messages": [{ "role": "user", "content": "Hi" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

async fn send(sim: &Sim, body: Value) -> Seen {
    post_with(sim, "/v1/messages", &[OLD, KEY], body).await
}

fn tools() -> Value {
    json!([{ "name": "weather", "input_schema": { "type": "object", "required": ["city"], "properties": { "city": { "type": "string" } } } }])
}

#[tokio::test]
async fn tells_a_message_whole_and_in_events() {
    let sim = start(CloudKind::Anthropic).await;
    let whole = send(&sim, ask(json!({}))).await.json();
    assert_eq!(whole["content"], json!([{ "type": "text", "text": "The wind blows from the east." }]));
    assert_eq!((&whole["stop_reason"], &whole["usage"]["output_tokens"]), (&json!("end_turn"), &json!(7)));

    let stream = send(&sim, ask(json!({ "stream": true }))).await;
    assert_eq!(stream.told("/delta/text"), "The wind blows from the east.");
    let kinds: Vec<_> = stream.events().iter().map(|event| event["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds[..3], ["message_start", "ping", "content_block_start"]);
    assert_eq!(kinds[kinds.len() - 3..], ["content_block_stop", "message_delta", "message_stop"]);
}

#[tokio::test]
async fn thinks_signs_and_wants_its_thoughts_back_as_they_were() {
    let sim = start(CloudKind::Anthropic).await;
    let thinking = json!({ "type": "enabled", "budget_tokens": 1024 });
    let first = send(&sim, ask(json!({ "thinking": thinking, "tools": tools() }))).await.json();
    assert_eq!(first["content"][0]["type"], "thinking");
    assert_eq!(first["content"][1]["input"], json!({ "city": "city" }));

    let history = |content: Value| {
        let result = json!({ "type": "tool_result", "tool_use_id": first["content"][1]["id"], "content": "12 degrees" });
        json!([
            { "role": "user", "content": "Hi" }, { "role": "assistant", "content": content }, { "role": "user", "content": [result] },
        ])
    };
    let again = async |content: Value| {
        send(&sim, ask(json!({ "thinking": thinking, "tools": tools(), "messages": history(content) }))).await
    };
    let told = again(first["content"].clone()).await.json();
    assert_eq!(told["content"][1]["text"], "The tools say: 12 degrees.");

    let mut forged = first["content"].clone();
    forged[0]["thinking"] = json!("I thought otherwise.");
    assert_eq!(again(forged).await.json()["error"]["type"], "invalid_request_error");
    let forgotten = json!([first["content"][1]]);
    assert_eq!(again(forgotten).await.status, StatusCode::BAD_REQUEST);

    let stream = send(&sim, ask(json!({ "thinking": thinking, "stream": true }))).await;
    assert_eq!(stream.told("/delta/thinking"), "First I feel the wind.");
    assert_eq!(stream.told("/delta/signature"), first["content"][0]["signature"].as_str().unwrap());
}

#[tokio::test]
async fn the_newer_version_has_its_own_rules() {
    let sim = start(CloudKind::Anthropic).await;
    let new = ("anthropic-version", "2026-10-21");
    let bearer = ("authorization", "Bearer sk-sim");
    for (version, body, status) in [
        (OLD, json!({ "temperature": 1.0 }), 200),
        (new, json!({ "temperature": 1.0 }), 400),
        (new, json!({ "top_k": 5 }), 400),
        (new, json!({}), 200),
        (("anthropic-version", "2020-01-01"), json!({}), 400),
    ] {
        let seen = post_with(&sim, "/v1/messages", &[version, bearer], ask(body.clone())).await;
        assert_eq!(seen.status.as_u16(), status, "{version:?} {body}");
    }
    let cited = json!({ "type": "text", "text": "x", "citations": [{}] });
    let messages = json!({ "messages": [{ "role": "user", "content": [cited] }] });
    assert_eq!(post_with(&sim, "/v1/messages", &[new, KEY], ask(messages)).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn refuses_what_anthropic_refuses() {
    let sim = start(CloudKind::Anthropic).await;
    let tool_use = json!({ "type": "tool_use", "id": "a", "name": "f", "input": {} });
    let user = json!({ "role": "user", "content": "Hi" });
    for body in [
        json!({ "max_tokens": null }),
        json!({ "temperature": 1.5 }),
        json!({ "seed": 1 }),
        json!({ "messages": [{ "role": "assistant", "content": "Hi" }] }),
        json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": " " }] }] }),
        json!({ "messages": [user, { "role": "assistant", "content": [tool_use] }, user] }),
        json!({ "messages": [user, { "role": "assistant", "content": [{ "type": "tool_use", "id": "a", "name": "f", "input": "{}" }] }] }),
        json!({ "thinking": { "type": "enabled", "budget_tokens": 1000 } }),
        json!({ "thinking": { "type": "enabled", "budget_tokens": 4096 } }),
        json!({ "thinking": { "type": "adaptive" }, "temperature": 0.5 }),
        json!({ "thinking": { "type": "adaptive" }, "tools": tools(), "tool_choice": { "type": "any" } }),
        json!({ "tools": [{ "name": "f" }] }),
        json!({ "tool_choice": { "type": "auto" } }),
        json!({ "stop_sequences": [" "] }),
        json!({ "metadata": { "user": "x" } }),
    ] {
        let refused = send(&sim, ask(body.clone())).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(refused.json()["error"]["type"], "invalid_request_error");
    }
    let beta = post_with(&sim, "/v1/messages", &[OLD, KEY, ("anthropic-beta", "banana")], ask(json!({}))).await;
    assert_eq!(beta.status, StatusCode::BAD_REQUEST);
    let both = [OLD, KEY, ("authorization", "Bearer sk-sim")];
    assert_eq!(post_with(&sim, "/v1/messages", &both, ask(json!({}))).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(post_with(&sim, "/v1/messages", &[KEY], ask(json!({}))).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn counts_what_is_cached_and_refuses_what_is_forbidden() {
    let sim = start(CloudKind::Anthropic).await;
    let system = json!([{ "type": "text", "text": "a b c", "cache_control": { "type": "ephemeral", "ttl": "1h" } }]);
    let usage = &send(&sim, ask(json!({ "system": system }))).await.json()["usage"];
    assert_eq!(usage["input_tokens"], 1);
    assert_eq!((&usage["cache_read_input_tokens"], &usage["cache_creation_input_tokens"]), (&json!(2), &json!(1)));

    let forbidden = json!({ "system": "forbidden" });
    assert_eq!(send(&sim, ask(forbidden)).await.json()["stop_reason"], "refusal");
    let cut = send(&sim, ask(json!({ "max_tokens": 2 }))).await.json();
    assert_eq!(cut["stop_reason"], "max_tokens");
    let stopped = send(&sim, ask(json!({ "stop_sequences": ["blows"] }))).await.json();
    assert_eq!((&stopped["stop_reason"], &stopped["stop_sequence"]), (&json!("stop_sequence"), &json!("blows")));
}

#[tokio::test]
async fn other_clouds_serve_it_too() {
    for (kind, path, header) in [
        (CloudKind::FoundryAnthropic, "/anthropic/v1/messages", ("api-key", "sk-sim")),
        (CloudKind::DatabricksAnthropic, "/serving-endpoints/anthropic/v1/messages", ("authorization", "Bearer sk-sim")),
        (CloudKind::SnowflakeAnthropic, "/api/v2/cortex/v1/messages", ("authorization", "Bearer sk-sim")),
    ] {
        let sim = start(kind).await;
        let seen = post_with(&sim, path, &[OLD, header], ask(json!({}))).await;
        assert_eq!(seen.status, StatusCode::OK, "{kind}: {:?}", seen.body);
    }
}
