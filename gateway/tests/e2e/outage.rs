//! One model over six clouds, which die one after the other while answers stream.

use serde_json::{Value, json};
use tradewind_cloudsim::CloudKind;

use crate::support::{ANSWER, Clouds};

/// One backend of each of them.
const TIERS: &str = r#"tiers = [["openai", "azure", "anthropic", "bedrock", "vertex", "cohere"]]"#;
const SIX: &[CloudKind] =
    &[CloudKind::OpenAi, CloudKind::Azure, CloudKind::Anthropic, CloudKind::Aws, CloudKind::Google, CloudKind::Cohere];

/// The text of a stream that must be whole.
fn said(events: &[String]) -> String {
    let (last, chunks) = events.split_last().unwrap();
    assert_eq!(last, "[DONE]", "{events:?}");
    let text = |chunk: &String| {
        let chunk: Value = serde_json::from_str(chunk).unwrap();
        chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned)
    };
    chunks.iter().filter_map(text).collect()
}

/// The policy, with these tiers for the model that all backends share.
fn over(policy: &str, tiers: &str) -> String {
    let (before, route) = policy.split_once("match = { model = \"sim-chat\" }\n").unwrap();
    let (_, after) = route.split_once('\n').unwrap();
    format!("{before}match = {{ model = \"sim-chat\" }}\n{tiers}\n{after}")
}

#[tokio::test]
async fn as_long_as_one_cloud_lives_every_stream_begins_and_is_whole() {
    let mut clouds = Clouds::start_with(SIX, |text| over(&text, TIERS)).await;
    let body = json!({ "model": "sim-chat", "stream": true, "messages": [{ "role": "user", "content": "Where from?" }] });
    let mut alive = SIX.len();
    loop {
        for _ in 0..10 {
            let events = clouds.gateway.stream(&body).await.rest().await;
            assert_eq!(said(&events), ANSWER);
        }
        alive -= 1;
        if alive == 0 {
            break;
        }
        clouds.kill_first().await;
    }
    let records = clouds.gateway.stop().await;
    assert_eq!(records.len(), 60);
    assert!(records.iter().all(|record| record["status"] == 200), "{records:?}");
}
