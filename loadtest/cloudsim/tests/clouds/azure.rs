//! Azure's three surfaces.

use http::StatusCode;
use serde_json::{Value, json};
use tradewind_cloudsim::{CloudKind, Sim};

use crate::support::{Seen, post_with, start};

const DATED: &str = "/openai/deployments/sim-chat/chat/completions?api-version=2024-10-21";
const V1: &str = "/openai/v1/chat/completions";
const INFERENCE: &str = "/models/chat/completions?api-version=2024-05-01-preview";

fn chat(text: &str, stream: bool) -> Value {
    json!({ "model": "sim-chat", "messages": [{ "role": "user", "content": text }], "stream": stream })
}

async fn send(sim: &Sim, path: &str, body: Value) -> Seen {
    post_with(sim, path, &[("api-key", "sk-sim")], body).await
}

#[tokio::test]
async fn all_surfaces_chat() {
    let sim = start(CloudKind::Azure).await;
    for path in
        [DATED, V1, INFERENCE, "/api/projects/p/openai/v1/chat/completions", "/chat/completions?api-version=2024-05-01-preview"]
    {
        let seen = send(&sim, path, chat("Hi", false)).await;
        assert_eq!(seen.json()["choices"][0]["message"]["content"], "The wind blows from the east.", "{path}");
        assert!(seen.headers.contains_key("apim-request-id"));
    }
    let twice = [("api-key", "sk-sim"), ("authorization", "Bearer sk-sim")];
    assert_eq!(post_with(&sim, INFERENCE, &twice, chat("Hi", false)).await.status, StatusCode::OK, "its SDK shows the key twice");
    assert_eq!(post_with(&sim, V1, &twice, chat("Hi", false)).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_stream_begins_with_what_the_filters_say_of_the_prompt() {
    let sim = start(CloudKind::Azure).await;
    let events = send(&sim, DATED, chat("Hi", true)).await.events();
    assert_eq!((&events[0]["id"], &events[0]["choices"]), (&json!(""), &json!([])));
    assert_eq!(events[0]["prompt_filter_results"][0]["content_filter_results"]["hate"]["severity"], "safe");
}

#[tokio::test]
async fn a_prompt_that_is_forbidden_is_refused() {
    let sim = start(CloudKind::Azure).await;
    let refused = send(&sim, V1, chat("the forbidden", true)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let error = &refused.json()["error"];
    assert_eq!(
        (&error["code"], &error["innererror"]["code"]),
        (&json!("content_filter"), &json!("ResponsibleAIPolicyViolation"))
    );
}

#[tokio::test]
async fn versions_and_deployments_must_exist() {
    let sim = start(CloudKind::Azure).await;
    for path in [
        "/openai/deployments/sim-chat/chat/completions",
        "/openai/deployments/sim-chat/chat/completions?api-version=v1",
        "/openai/v1/chat/completions?api-version=2024-10-21",
        "/models/chat/completions",
    ] {
        assert_eq!(send(&sim, path, chat("Hi", false)).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let missing = send(&sim, "/openai/deployments/other/chat/completions?api-version=2024-10-21", chat("Hi", false)).await;
    assert_eq!(missing.json()["error"]["code"], "DeploymentNotFound");
    let wrong = post_with(&sim, INFERENCE, &[("api-key", "sk-sim"), ("extra-parameters", "keep")], chat("Hi", false)).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
}
