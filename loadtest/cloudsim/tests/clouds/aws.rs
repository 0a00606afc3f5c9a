//! AWS: Bedrock and SageMaker behind a bearer key, and who hands out credentials. Signatures are boto3's affair, in the outer tests.

use std::time::{Duration, SystemTime};

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tradewind_cloudsim::{Behaviour, CloudKind, Reply, Sim};

use crate::support::{Seen, get, post, post_form, send, start};

const CONVERSE: &str = "/model/sim-chat/converse";
const STREAM: &str = "/model/sim-chat/converse-stream";

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": [{ "text": text }] })
}

fn hello() -> Value {
    json!({ "messages": [user("Where does the wind blow from?")] })
}

/// The frames of a stream: the kind of each event or exception, and its payload.
fn frames(seen: &Seen) -> Vec<(String, Value)> {
    let (mut decoder, mut bytes, mut frames) = (MessageFrameDecoder::new(), seen.body.clone(), Vec::new());
    while let DecodedFrame::Complete(message) = decoder.decode_frame(&mut bytes).unwrap() {
        let kind = message
            .headers()
            .iter()
            .find(|header| header.name().as_str().ends_with("n-type") || header.name().as_str() == ":event-type");
        let kind = kind.unwrap().value().as_string().unwrap().as_str().to_owned();
        frames.push((kind, serde_json::from_slice(message.payload()).unwrap_or_default()));
    }
    frames
}

#[tokio::test]
async fn converse_answers_whole_and_in_frames() {
    let sim = start(CloudKind::Aws).await;
    let whole = post(&sim, CONVERSE, hello()).await;
    assert_eq!(whole.json().pointer("/output/message/content/0/text"), Some(&json!("The wind blows from the east.")));
    let frames = frames(&post(&sim, STREAM, hello()).await);
    let kinds: Vec<_> = frames.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds.first(), Some(&"messageStart"));
    assert_eq!(kinds.get(kinds.len() - 3..), Some(&["contentBlockStop", "messageStop", "metadata"][..]));
    let text: String =
        frames.iter().filter_map(|(_, payload)| payload.pointer("/delta/text")?.as_str().map(str::to_owned)).collect();
    assert_eq!(text, "The wind blows from the east.");
}

#[tokio::test]
async fn a_body_that_is_not_as_the_service_model_says_is_refused() {
    let sim = start(CloudKind::Aws).await;
    for (body, complaint) in [
        (json!({ "messages": [user("a")], "model": "m" }), "extraneous key [model]"),
        (json!({ "messages": [] }), "messages field is empty"),
        (json!({ "messages": [{ "role": "system", "content": [{ "text": "a" }] }] }), "enum value set: [user, assistant]"),
        (json!({ "messages": [{ "role": "user", "content": [{ "text": "a", "cachePoint": { "type": "default" } }] }] }), "union"),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "image": { "format": "png", "source": { "bytes": "?" } } }] }] }),
            "base64",
        ),
        (json!({ "messages": [user("a")], "toolConfig": { "tools": [] } }), "length"),
    ] {
        let seen = post(&sim, CONVERSE, body).await;
        assert_eq!(seen.status, StatusCode::BAD_REQUEST);
        assert!(seen.headers["x-amzn-errortype"].to_str().unwrap().starts_with("ValidationException:"));
        let message = seen.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(complaint), "{message}");
    }
}

#[tokio::test]
async fn faults_are_in_the_manner_of_aws() {
    let sim = start(CloudKind::Aws).await;
    sim.script([
        Reply::rate_limited(Duration::from_secs(5)),
        Reply::InStreamError { events: 2 },
        Reply::BadChecksum { events: 1 },
    ]);
    let limited = post(&sim, CONVERSE, hello()).await;
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(limited.headers["x-amzn-errortype"].to_str().unwrap().starts_with("ThrottlingException"));
    assert!(!limited.headers.contains_key("retry-after"));
    let failed = frames(&post(&sim, STREAM, hello()).await);
    assert_eq!(failed.last().unwrap().0, "serviceUnavailableException");
    let damaged = post(&sim, STREAM, hello()).await;
    let (mut decoder, mut bytes) = (MessageFrameDecoder::new(), damaged.body);
    decoder.decode_frame(&mut bytes).unwrap();
    assert!(decoder.decode_frame(&mut bytes).is_err());
}

#[tokio::test]
async fn keys_of_an_instance_come_to_those_who_ask_twice() {
    let sim = start(CloudKind::Aws).await;
    let role = "/latest/meta-data/iam/security-credentials/sim-role";
    assert_eq!(get(&sim, role, &[]).await.status, StatusCode::UNAUTHORIZED);
    let ttl = [("x-aws-ec2-metadata-token-ttl-seconds", "21600")];
    let token = send(&sim, Method::PUT, "/latest/api/token", &ttl, "").await;
    let token = String::from_utf8(token.body.to_vec()).unwrap();
    let answer = get(&sim, role, &[("x-aws-ec2-metadata-token", &token)]).await;
    assert!(answer.json()["AccessKeyId"].as_str().unwrap().starts_with("ASIA"));
}

#[tokio::test]
async fn a_foreign_token_is_exchanged_for_keys() {
    let behaviour = Behaviour::default();
    let sim = Sim::start_cloud(CloudKind::Aws, behaviour.clone()).await.unwrap();
    let form = |token: &str| {
        let role = "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Freader&RoleSessionName=tests";
        format!("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&{role}&WebIdentityToken={token}")
    };
    let refused = post_form(&sim, "/", &[], &form("forged")).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(String::from_utf8_lossy(&refused.body).contains("<Code>InvalidIdentityToken</Code>"));
    let token = behaviour.tokens.issue(Duration::from_secs(60));
    let granted = post_form(&sim, "/", &[], &form(&token)).await;
    assert_eq!(granted.status, StatusCode::OK);
    assert!(String::from_utf8_lossy(&granted.body).contains("<SessionToken>"));
}

#[test]
fn a_temporary_key_can_be_ended_and_a_lasting_one_cannot() {
    let keys = Behaviour::default().access_keys;
    keys.expire("AKIASIM", SystemTime::now());
    assert!(!format!("{keys:?}").contains("sim-secret-key"));
}
