//! Claude through InvokeModel: Anthropic's own body, without a model, whose events come in frames of base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::json;

use super::super::error::AwsError;
use super::super::frame;
use super::super::manner;
use crate::anthropic::{Delivery, Rules, Told, of_body, tell};
use crate::behaviour::Behaviour;
use crate::cloud::{Content, Framing};
use crate::json::{Object, body};
use crate::log::Received;

const VERSION: &str = "bedrock-2023-05-31";

/// What it says.
pub(super) fn speak(behaviour: &Behaviour, model: &str, delivery: Delivery, received: &Received) -> Result<Content, AwsError> {
    let told = body(received).and_then(|mut members| {
        let version = of_body(&mut members, VERSION);
        let rules = Rules { version, model: Some(model.to_owned()), delivery: Some(delivery) };
        tell(behaviour, &Object::root(&members), &rules)
    });
    let told = told.map_err(|refusal| manner::error(&refusal))?;
    Ok(match told {
        Told::Whole(document) => Content::json(&document),
        Told::Events(events) => Content {
            content_type: frame::CONTENT_TYPE,
            headers: vec![("x-amzn-bedrock-content-type", "application/json".into())],
            framing: Framing::Stream,
            parts: events.iter().map(|(_, event)| chunk(&event.to_string())).collect(),
        },
    })
}

/// One of the model's own events, in base64, with the padding that hides its length.
fn chunk(event: &str) -> Bytes {
    let padding = "abcdefghijklmnopqrstuvwxyz";
    let padding = padding.get(..=event.len() % padding.len()).unwrap_or(padding);
    frame::event("chunk", &json!({ "bytes": STANDARD.encode(event), "p": padding }))
}
