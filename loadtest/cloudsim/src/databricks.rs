//! Databricks Model Serving: OpenAI's dialect, Anthropic's, an endpoint's own address, and the tokens of its workspace.

use http::Method;
use serde_json::Value;

use crate::anthropic;
use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Cloud};
use crate::identity;
use crate::json::body;
use crate::log::{Received, percent_decoded};
use crate::openai::{Naming, admit, after, hosts, serve};
use crate::refusal::Refusal;

/// Databricks.
#[derive(Debug)]
pub(crate) struct Databricks;

impl Cloud for Databricks {
    fn answer(&self, behaviour: &Behaviour, request: &Received) -> Answered {
        let host = &hosts::DATABRICKS;
        if let Some(token) = identity::answer(behaviour, request) {
            return Answered::Aside(token);
        }
        if let Err(refusal) = admit(host, behaviour, request) {
            return Answered::of(Err(refusal), &host.errors);
        }
        let path = after(host.base, request.route()).filter(|_| request.method == Method::POST);
        match path {
            Some("/anthropic/v1/messages") => Answered::of(anthropic::speak(behaviour, request), &anthropic::Messages),
            Some(path) if after("/*/invocations", path) == Some("") => {
                let name = path.split('/').nth(1).map(percent_decoded).unwrap_or_default();
                // The endpoint's task decides; here, what the body looks like.
                let of = |members: serde_json::Map<String, Value>| {
                    let task = if members.contains_key("input") { "/embeddings" } else { "/chat/completions" };
                    serve(host, behaviour, request, task, &Naming::Path(name))
                };
                Answered::of(body(request).and_then(of), &host.errors)
            }
            Some(path) => Answered::of(serve(host, behaviour, request, path, &Naming::Body), &host.errors),
            None => Answered::of(Err(Refusal::unknown_url(&request.method, request.route())), &host.errors),
        }
    }
}
