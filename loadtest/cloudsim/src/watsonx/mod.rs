//! IBM watsonx.ai: OpenAI's messages under other names, with tokens of IAM alone.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;

use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Cloud, Content};
use crate::credential;
use crate::identity;
use crate::log::{Received, percent_decoded};
use crate::openai::after;
use crate::refusal::{Refusal, Why};

mod chat;
mod embeddings;
mod error;
mod rerank;

use error::Errors;

/// watsonx.ai.
#[derive(Debug)]
pub(crate) struct Watsonx;

/// Whether an answer comes whole or in events: the path says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Whole,
    Events,
}

impl Cloud for Watsonx {
    fn answer(&self, behaviour: &Behaviour, request: &Received) -> Answered {
        if let Some(token) = identity::answer(behaviour, request) {
            return Answered::Aside(token);
        }
        Answered::of(admit(behaviour, request).and_then(|()| serve(behaviour, request)), &Errors)
    }
}

/// Checks the credential: a token of IAM, or on premises the key in a header of its own kind.
fn admit(behaviour: &Behaviour, request: &Received) -> Result<(), Refusal> {
    let zen = request.header("authorization").and_then(|value| value.strip_prefix("ZenApiKey "));
    match zen.map(|encoded| STANDARD.decode(encoded)) {
        None => credential::issued(behaviour, request),
        Some(decoded) => {
            let decoded = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let key = decoded.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, key)| key);
            credential::judge(behaviour, key.unwrap_or_default())
        }
    }
}

fn serve(behaviour: &Behaviour, request: &Received) -> Result<Content, Refusal> {
    let path = request.route();
    let unknown = || Refusal::unknown_url(&request.method, path);
    if request.method != Method::POST {
        return Err(unknown());
    }
    if !request.query("version").is_some_and(is_date) {
        return Err(Refusal::new(400, Why::Invalid { field: None }, "The 'version' query parameter must be a date: YYYY-MM-DD"));
    }
    if let Some(operation) = after("/ml/v1/deployments/*", path) {
        let deployment = path.split('/').nth(4).map(percent_decoded);
        return match operation {
            "/text/chat" => chat::answer(behaviour, request, deployment, Delivery::Whole),
            "/text/chat_stream" => chat::answer(behaviour, request, deployment, Delivery::Events),
            _ => Err(unknown()),
        };
    }
    match path {
        "/ml/v1/text/chat" => chat::answer(behaviour, request, None, Delivery::Whole),
        "/ml/v1/text/chat_stream" => chat::answer(behaviour, request, None, Delivery::Events),
        "/ml/v1/text/embeddings" => embeddings::answer(behaviour, request),
        "/ml/v1/text/rerank" => rerank::answer(behaviour, request),
        _ => Err(unknown()),
    }
}

fn is_date(version: &str) -> bool {
    let parts: Vec<usize> = version.split('-').map(str::len).collect();
    parts == [4, 2, 2] && version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

/// Checks that the request says where its use is accounted: in a project or in a space, and not in both.
fn scope(body: &crate::json::Object<'_>) -> Result<(), Refusal> {
    match (body.text("project_id")?, body.text("space_id")?) {
        (Some(_), None) | (None, Some(_)) => Ok(()),
        (Some(_), Some(_)) => Err(body.wrong("space_id", "must not be given together with 'project_id'")),
        (None, None) => Err(body.wrong("project_id", "or 'space_id' is required")),
    }
}
