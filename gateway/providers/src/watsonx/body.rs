//! What watsonx.ai wants to read.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use tradewind_protocol::{
    chat::{ConvertError, Dropped},
    rerank::Document,
};

use super::Scope;
use crate::{
    Ask, PrepareError,
    openai::shape::{Object, WATSONX, chat_object, check_images, completion_by_chat, texts, unreadable, unwritable, written},
};

/// The body of a chat.
pub(super) fn chat(ask: &Ask<'_>, scope: &Scope, dropped: &mut Dropped) -> Result<Bytes, PrepareError> {
    check_images(ask, &WATSONX)?;
    enveloped(chat_object(ask, &WATSONX, dropped)?, ask, scope)
}

/// The body of a text completion, as a chat.
pub(super) fn completion(ask: &Ask<'_>, scope: &Scope, dropped: &mut Dropped) -> Result<Bytes, PrepareError> {
    let body = completion_by_chat(ask, &WATSONX, dropped)?;
    enveloped(Object::read(&body).map_err(unreadable)?, ask, scope)
}

/// Puts the envelope around an OpenAI request.
fn enveloped(mut object: Object<'_>, ask: &Ask<'_>, scope: &Scope) -> Result<Bytes, PrepareError> {
    // The address tells whether the answer is a stream, and which model it is if that is a deployment.
    for name in ["model", "stream", "stream_options"] {
        object.remove(name);
    }
    let account = Account::of(ask.model, scope);
    for (name, value) in [("model_id", account.model_id), ("project_id", account.project_id), ("space_id", account.space_id)] {
        // The caller's own word would be paid for by the project that it names.
        object.remove(name);
        if let Some(value) = value {
            object.set(name, value).map_err(unwritable)?;
        }
    }
    if object.text("tool_choice").is_some() {
        object.rename("tool_choice", "tool_choice_option");
    }
    if let Some(tools) = object.get("tools") {
        let mut tools: Vec<Value> = serde_json::from_str(tools).map_err(unreadable)?;
        tools.iter_mut().filter_map(|tool| tool.get_mut("function")).for_each(loosen);
        object.set("tools", &tools).map_err(unwritable)?;
    }
    object.write().map(Bytes::from).map_err(unwritable)
}

/// Takes out of a function what watsonx.ai refuses: `strict`, and `additionalProperties` of its schema.
fn loosen(function: &mut Value) {
    if let Some(function) = function.as_object_mut() {
        function.remove("strict");
        if let Some(schema) = function.get_mut("parameters") {
            open_schema(schema);
        }
    }
}

/// Takes `additionalProperties` out of a schema and of those within; a property of that name stays.
fn open_schema(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            keywords.remove("additionalProperties");
            for (keyword, value) in keywords {
                match (keyword.as_str(), value) {
                    ("properties" | "$defs" | "definitions" | "patternProperties", Value::Object(named)) => {
                        named.values_mut().for_each(open_schema);
                    }
                    ("const" | "default" | "enum" | "examples", _) => {}
                    (_, value) => open_schema(value),
                }
            }
        }
        Value::Array(schemas) => schemas.iter_mut().for_each(open_schema),
        _ => {}
    }
}

/// Which model, and who pays.
#[derive(Serialize)]
struct Account<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    model_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    space_id: Option<&'a str>,
}

impl<'a> Account<'a> {
    fn of(model: &'a str, scope: &'a Scope) -> Self {
        match scope {
            Scope::Project(id) => Self { model_id: Some(model), project_id: Some(id), space_id: None },
            Scope::Space(id) => Self { model_id: Some(model), project_id: None, space_id: Some(id) },
            Scope::Deployment => Self { model_id: None, project_id: None, space_id: None },
        }
    }
}

#[derive(Serialize)]
struct Embed<'a> {
    #[serde(flatten)]
    account: Account<'a>,
    inputs: Vec<&'a str>,
}

/// The body of an embeddings request.
pub(super) fn embeddings(ask: &Ask<'_>, scope: &Scope, dropped: &mut Dropped) -> Result<Bytes, PrepareError> {
    let request = ask.payload.embeddings()?;
    if request.dimensions.is_some() {
        let message = "`dimensions` is not offered by this model, whose vectors have one length: leave it out.";
        return Err(ConvertError::unsupported("dimensions", message).into());
    }
    if request.rest.contains_key("user") {
        dropped.note("user");
    }
    written(&Embed { account: Account::of(ask.model, scope), inputs: texts(&request.input)? })
}

#[derive(Serialize)]
struct Rerank<'a> {
    #[serde(flatten)]
    account: Account<'a>,
    query: &'a str,
    inputs: Vec<RerankInput<'a>>,
    parameters: RerankParameters,
}

#[derive(Serialize)]
struct RerankInput<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct RerankParameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    truncate_input_tokens: Option<u64>,
    return_options: ReturnOptions,
}

#[derive(Serialize)]
struct ReturnOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    top_n: Option<u64>,
    inputs: bool,
}

/// The body of a rerank request.
pub(super) fn rerank(ask: &Ask<'_>, scope: &Scope) -> Result<Bytes, PrepareError> {
    let request = ask.payload.rerank()?;
    written(&Rerank {
        account: Account::of(ask.model, scope),
        query: &request.query,
        inputs: request.documents.iter().map(Document::text).map(|text| RerankInput { text }).collect(),
        parameters: RerankParameters {
            truncate_input_tokens: request.max_tokens_per_doc,
            return_options: ReturnOptions { top_n: request.top_n, inputs: false },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_may_be_called_what_a_keyword_is() {
        let mut schema = serde_json::json!({"additionalProperties": false, "properties": {
            "additionalProperties": {"type": "object", "additionalProperties": true}, "a": {"items": [{"additionalProperties": {}}]}}});
        open_schema(&mut schema);
        let expected = serde_json::json!({"properties": {"additionalProperties": {"type": "object"}, "a": {"items": [{}]}}});
        assert_eq!(schema, expected);
    }
}
