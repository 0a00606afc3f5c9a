//! What providers get wrong, and what callers get wrong for a provider: each ends in a clear error in the caller's dialect.

use serde_json::{Value, json};
use tradewind_cloudsim::{CloudKind, Reply};

use crate::support::{ANSWER, Answer, Cloud, Clouds, Events};

/// Clouds that speak dialects of their own.
const KINDS: &[CloudKind] =
    &[CloudKind::Anthropic, CloudKind::Aws, CloudKind::Google, CloudKind::Cohere, CloudKind::Watsonx, CloudKind::Azure];

fn ask(cloud: &Cloud, more: Value) -> Value {
    let mut body = json!({ "model": cloud.model("chat"), "messages": [{ "role": "user", "content": "Where from?" }] });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The backends that chat.
fn chatting(clouds: &Clouds) -> Vec<&Cloud> {
    clouds.iter().filter(|cloud| cloud.name != "sagemaker-tei").collect()
}

#[tokio::test]
async fn a_login_page_in_place_of_an_answer_is_the_upstreams_failure() {
    let clouds = Clouds::start_only(KINDS).await;
    for cloud in chatting(&clouds) {
        for stream in [false, true] {
            clouds.sim(cloud).script([Reply::Html]);
            let answer = clouds.gateway.ask(&ask(cloud, json!({ "stream": stream }))).await;
            assert_eq!(answer.refusal(), (502, "upstream_error".to_owned()), "{}, stream {stream}", cloud.name);
            assert!(!String::from_utf8_lossy(&answer.body).contains("log in"), "{}", cloud.name);
        }
    }
}

#[tokio::test]
async fn a_success_with_an_error_inside_is_no_success() {
    let clouds = Clouds::start_only(KINDS).await;
    for cloud in chatting(&clouds) {
        clouds.sim(cloud).script([Reply::SuccessWithError]);
        let answer = clouds.gateway.ask(&ask(cloud, json!({}))).await;
        assert!(answer.status.is_server_error() || answer.status == 429, "{}: {answer:?}", cloud.name);
        answer.refusal();
    }
}

#[tokio::test]
async fn an_empty_stream_is_a_failure_before_the_first_byte() {
    let clouds = Clouds::start_only(KINDS).await;
    for cloud in chatting(&clouds) {
        clouds.sim(cloud).script([Reply::EmptyStream]);
        let answer = clouds.gateway.ask(&ask(cloud, json!({ "stream": true }))).await;
        assert_eq!(answer.refusal(), (502, "upstream_error".to_owned()), "{}", cloud.name);
    }
}

#[tokio::test]
async fn an_error_told_inside_a_stream_is_told_to_the_caller() {
    let clouds = Clouds::start_only(KINDS).await;
    for cloud in chatting(&clouds) {
        clouds.sim(cloud).script([Reply::InStreamError { events: 5 }]);
        let events = clouds.gateway.stream(&ask(cloud, json!({ "stream": true }))).await.rest().await;
        let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
        assert_eq!(last["error"]["code"], "stream_interrupted", "{}: {events:?}", cloud.name);
        assert!(!events.contains(&"[DONE]".to_owned()), "{}: {events:?}", cloud.name);
    }
}

/// Hosts that tell errors in shapes of their own, the dialect being OpenAI's otherwise.
#[tokio::test]
async fn no_host_of_openais_api_is_told_by_its_errors() {
    let kinds = [CloudKind::SgLang, CloudKind::Snowflake, CloudKind::OpenRouter, CloudKind::Vllm, CloudKind::Tgi];
    let clouds = Clouds::start_only(&kinds).await;
    for cloud in clouds.iter() {
        clouds.sim(cloud).script([Reply::InStreamError { events: 5 }]);
        let events = clouds.gateway.stream(&ask(cloud, json!({ "stream": true }))).await.rest().await;
        let told = events.iter().filter(|event| event.contains("stream_interrupted")).count();
        assert_eq!(told, 1, "{}: {events:?}", cloud.name);
        assert!(events.iter().rev().skip(1).all(|event| event.contains("\"choices\"")), "{}: {events:?}", cloud.name);
        clouds.sim(cloud).script([Reply::status(400)]);
        let answer = clouds.gateway.ask(&ask(cloud, json!({}))).await;
        assert_eq!(answer.refusal(), (400, "invalid_request".to_owned()), "{}: {answer:?}", cloud.name);
    }
}

#[tokio::test]
async fn a_stream_tells_its_counts_to_nobody_but_who_asked() {
    let kinds = [CloudKind::OpenAi, CloudKind::XAi, CloudKind::Vllm, CloudKind::Azure, CloudKind::Groq];
    let clouds = Clouds::start_only(&kinds).await;
    for cloud in clouds.iter() {
        for include_usage in [true, false] {
            let mut more = json!({ "stream": true });
            if include_usage {
                more["stream_options"] = json!({ "include_usage": true });
            }
            let events = clouds.gateway.stream(&ask(cloud, more)).await.rest().await;
            let counted = events.iter().filter(|event| event.contains("\"total_tokens\"")).count();
            assert_eq!(counted, usize::from(include_usage), "{}: {events:?}", cloud.name);
            assert_eq!(events.last().unwrap(), "[DONE]", "{}", cloud.name);
        }
    }
}

#[tokio::test]
async fn a_frame_with_a_bad_checksum_ends_the_stream_with_an_error() {
    let clouds = Clouds::start_only(&[CloudKind::Aws]).await;
    for cloud in chatting(&clouds) {
        clouds.sim(cloud).script([Reply::BadChecksum { events: 5 }]);
        let events = clouds.gateway.stream(&ask(cloud, json!({ "stream": true }))).await.rest().await;
        let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
        assert_eq!(last["error"]["code"], "stream_interrupted", "{}: {events:?}", cloud.name);
        clouds.sim(cloud).script([Reply::BadChecksum { events: 0 }]);
        let answer = clouds.gateway.ask(&ask(cloud, json!({ "stream": true }))).await;
        assert_eq!(answer.refusal(), (502, "upstream_error".to_owned()), "{}", cloud.name);
    }
}

#[tokio::test]
async fn a_credential_that_expires_on_the_way_is_replaced() {
    for stream in [false, true] {
        let clouds = Clouds::start_only(&[CloudKind::Databricks, CloudKind::Watsonx]).await;
        for cloud in clouds.iter() {
            clouds.sim(cloud).script([Reply::Expired]);
            let body = ask(cloud, json!({ "stream": stream }));
            if stream {
                let events = clouds.gateway.stream(&body).await.rest().await;
                assert_eq!(events.last().unwrap(), "[DONE]", "{}", cloud.name);
            } else {
                assert_eq!(clouds.gateway.ask(&body).await.content(), ANSWER, "{}", cloud.name);
            }
        }
    }
}

#[tokio::test]
async fn an_image_that_a_provider_cannot_fetch_is_refused_with_its_place() {
    let clouds = Clouds::start_only(&[CloudKind::Aws]).await;
    let cloud = clouds.iter().find(|cloud| cloud.name == "bedrock").unwrap();
    let image = json!({ "type": "image_url", "image_url": { "url": "https://example.com/cat.png" } });
    let messages = json!([{ "role": "user", "content": [{ "type": "text", "text": "What is it?" }, image] }]);
    let answer = clouds.gateway.ask(&ask(cloud, json!({ "messages": messages }))).await;
    assert_eq!(answer.refusal(), (400, "unsupported_parameter".to_owned()));
    let error = &answer.json()["error"];
    assert!(error["param"].as_str().unwrap().starts_with("messages[0].content[1]"), "{error}");
    assert!(error["message"].as_str().unwrap().contains("data:"), "{error}");
    assert!(clouds.sim(cloud).requests().is_empty(), "nothing is sent");
}

#[tokio::test]
async fn tool_arguments_that_are_no_json_do_not_break_a_conversation() {
    let clouds = Clouds::start_only(KINDS).await;
    let function = json!({ "name": "f", "parameters": { "type": "object", "properties": {} } });
    let call = json!({ "id": "call_12345", "type": "function", "function": { "name": "f", "arguments": "{\"a\":" } });
    let messages = json!([
        { "role": "user", "content": "Call it." },
        { "role": "assistant", "content": null, "tool_calls": [call] },
        { "role": "tool", "tool_call_id": "call_12345", "content": "done" },
    ]);
    for cloud in chatting(&clouds).into_iter().filter(|cloud| !matches!(cloud.name.as_str(), "sagemaker-tgi" | "sagemaker-lmi")) {
        let body = ask(cloud, json!({ "messages": messages, "tools": [{ "type": "function", "function": function }] }));
        let answer = clouds.gateway.ask(&body).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", cloud.name);
    }
}

#[tokio::test]
async fn what_a_provider_does_without_is_told_in_a_header() {
    let clouds = Clouds::start_only(&[CloudKind::Anthropic]).await;
    let cloud = clouds.iter().next().unwrap();
    let answer = clouds.gateway.ask(&ask(cloud, json!({ "seed": 7, "presence_penalty": 0.5 }))).await;
    assert_eq!(answer.content(), ANSWER);
    let mut dropped: Vec<_> = answer.header("x-tradewind-dropped-params").split(',').collect();
    dropped.sort_unstable();
    assert_eq!(dropped, ["presence_penalty", "seed"]);
    let request = clouds.gateway.chat(&ask(cloud, json!({ "seed": 7, "stream": true })));
    let events = Events::of(clouds.gateway.client.send(request).await);
    assert_eq!(events.headers["x-tradewind-dropped-params"], "seed");
}

#[tokio::test]
async fn a_filtered_prompt_is_told_as_such_by_every_cloud() {
    let clouds = Clouds::start_only(KINDS).await;
    for cloud in chatting(&clouds).into_iter().filter(|cloud| !cloud.name.starts_with("sagemaker")) {
        let messages = json!([{ "role": "user", "content": "Something forbidden." }]);
        let answer: Answer = clouds.gateway.ask(&ask(cloud, json!({ "messages": messages }))).await;
        let body = answer.json();
        let is_filtered = body["choices"][0]["finish_reason"] == "content_filter" || body["error"]["code"] == "content_filter";
        assert!(is_filtered, "{}: {answer:?}", cloud.name);
    }
}
