//! Chat: the names are taken back to OpenAI's, and the answer gets what IBM adds.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{Delivery, scope};
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::json::{Object, body};
use crate::log::Received;
use crate::openai::{Naming, hosts, speak};
use crate::refusal::Refusal;

const FIELDS: &[&str] = &[
    "model_id",
    "project_id",
    "space_id",
    "messages",
    "tools",
    "tool_choice",
    "tool_choice_option",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "presence_penalty",
    "response_format",
    "seed",
    "stop",
    "temperature",
    "time_limit",
    "top_p",
    "repetition_penalty",
    "length_penalty",
    "reasoning_effort",
    "include_reasoning",
    "chat_template_kwargs",
    "context",
    "guided_choice",
    "guided_regex",
    "guided_grammar",
    "guided_json",
];

pub(super) fn answer(
    behaviour: &Behaviour,
    request: &Received,
    deployment: Option<String>,
    delivery: Delivery,
) -> Result<Content, Refusal> {
    let members = body(request)?;
    let given = Object::root(&members);
    let model = model(&given, deployment)?;
    tools(&given)?;
    let renamed = renamed(members, delivery);
    let mut content = speak(&hosts::WATSONX, behaviour, &Object::root(&renamed), &Naming::Path(model))?;
    content.parts = match delivery {
        Delivery::Whole => {
            let added = added(&content.parts.concat());
            return Ok(Content::json(&added));
        }
        // Its streams end without `[DONE]`.
        Delivery::Events => content
            .parts
            .iter()
            .filter_map(|part| part.strip_prefix(b"data: "))
            .filter(|data| data.starts_with(b"{"))
            .enumerate()
            .map(event)
            .collect(),
    };
    Ok(content)
}

fn model(body: &Object<'_>, deployment: Option<String>) -> Result<String, Refusal> {
    let absent = |field: &&&str| deployment.is_none() || !["model_id", "project_id", "space_id"].contains(field);
    let known: Vec<&str> = FIELDS.iter().filter(absent).copied().collect();
    body.only(&known)?;
    if let Some(deployment) = deployment {
        return Ok(deployment);
    }
    scope(body)?;
    body.required_text("model_id").map(str::to_owned)
}

/// Checks what OpenAI knows of tools and IBM does not.
fn tools(body: &Object<'_>) -> Result<(), Refusal> {
    body.one_of("tool_choice_option", &["none", "auto", "required"])?;
    if body.get("tool_choice").is_some() {
        body.required_object("tool_choice")?;
        if body.get("tool_choice_option").is_some() {
            return Err(body.wrong("tool_choice_option", "must not be given together with 'tool_choice'"));
        }
    }
    for place in body.list("tools")? {
        let function = place.object()?.required_object("function")?;
        function.only(&["name", "description", "parameters"])?;
        if function.object("parameters")?.is_some_and(|parameters| parameters.has("additionalProperties")) {
            return Err(function.wrong("parameters", "must not hold 'additionalProperties'"));
        }
    }
    Ok(())
}

fn renamed(mut members: Map<String, Value>, delivery: Delivery) -> Map<String, Value> {
    for gone in ["model_id", "project_id", "space_id"] {
        members.remove(gone);
    }
    if let Some(option) = members.remove("tool_choice_option") {
        members.insert("tool_choice".into(), option);
    }
    members.insert("stream".into(), json!(delivery == Delivery::Events));
    members
}

/// A document or chunk with what IBM adds.
fn added(json: &[u8]) -> Value {
    let mut document: Value = serde_json::from_slice(json).unwrap_or_default();
    if let Some(members) = document.as_object_mut() {
        let model = members.get("model").cloned().unwrap_or_default();
        members.insert("model_id".into(), model);
        members.insert("model_version".into(), json!("1.0.0"));
        members.insert("created_at".into(), json!("2023-11-14T22:13:20.000Z"));
        members.insert("system".into(), json!({ "warnings": [{ "message": "This model is simulated.", "id": "sim" }] }));
    }
    document
}

fn event((index, data): (usize, &[u8])) -> Bytes {
    format!("id: {}\nevent: message\ndata: {}\n\n", index + 1, added(data)).into()
}
