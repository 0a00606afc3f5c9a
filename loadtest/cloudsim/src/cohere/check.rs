//! What a chat request must look like.

use serde_json::Value;

use super::{messages, model};
use crate::behaviour::Behaviour;
use crate::json::Object;
use crate::refusal::Refusal;
use crate::scene::{Choice, Form, Prompt, Thinks, Tool};

const FIELDS: &[&str] = &[
    "model",
    "messages",
    "stream",
    "tools",
    "tool_choice",
    "strict_tools",
    "documents",
    "citation_options",
    "response_format",
    "safety_mode",
    "max_tokens",
    "stop_sequences",
    "temperature",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "k",
    "p",
    "logprobs",
    "thinking",
    "priority",
    "raw_prompting",
];

/// Reads a chat request.
pub(super) fn read(behaviour: &Behaviour, body: &Object<'_>) -> Result<Prompt, Refusal> {
    body.only(FIELDS)?;
    let mut prompt = Prompt { model: model(body, &behaviour.chat_models)?, ..Prompt::default() };
    messages::read(body, &mut prompt)?;
    tools(body, &mut prompt)?;
    prompt.form = form(body)?;
    prompt.limit = body.count("max_tokens")?;
    prompt.stops = body.texts("stop_sequences")?;
    if prompt.stops.len() > 5 {
        return Err(body.wrong("stop_sequences", "may hold no more than 5 texts"));
    }
    body.number("temperature", 0.0, 1.0)?;
    body.number("p", 0.01, 0.99)?;
    body.number("k", 0.0, 500.0)?;
    body.number("frequency_penalty", 0.0, 1.0)?;
    body.number("presence_penalty", 0.0, 1.0)?;
    body.one_of("safety_mode", &["CONTEXTUAL", "STRICT", "OFF"])?;
    if let Some(thinking) = body.object("thinking")? {
        thinking.only(&["type", "token_budget"])?;
        thinking.count("token_budget")?;
        if thinking.one_of("type", &["enabled", "disabled"])? == Some("enabled") {
            prompt.thinks = Thinks::Yes;
        }
    }
    Ok(prompt)
}

fn tools(body: &Object<'_>, prompt: &mut Prompt) -> Result<(), Refusal> {
    for place in body.list("tools")? {
        let tool = place.object()?;
        tool.only(&["type", "function"])?;
        tool.one_of("type", &["function"])?;
        let function = tool.required_object("function")?;
        function.only(&["name", "description", "parameters"])?;
        let name = function.required_text("name")?.to_owned();
        function.required_object("parameters")?;
        let schema = function.get("parameters").cloned().unwrap_or_default();
        prompt.tools.push(Tool { name, schema });
    }
    prompt.choice = match body.one_of("tool_choice", &["REQUIRED", "NONE"])? {
        Some(_) if prompt.tools.is_empty() => return Err(body.wrong("tool_choice", "needs 'tools'")),
        Some("NONE") => Choice::Never,
        Some(_) => Choice::Some,
        None => Choice::Auto,
    };
    Ok(())
}

fn form(body: &Object<'_>) -> Result<Form, Refusal> {
    let Some(format) = body.object("response_format")? else {
        return Ok(Form::Text);
    };
    format.only(&["type", "json_schema"])?;
    match (format.one_of("type", &["text", "json_object"])?, format.get("json_schema")) {
        (Some("json_object"), None) => Ok(Form::Json),
        (Some("json_object"), Some(schema @ Value::Object(_))) => {
            if body.has("tools") {
                return Err(format.wrong("json_schema", "is not supported together with 'tools'"));
            }
            Ok(Form::Schema(schema.clone()))
        }
        (_, Some(_)) => Err(format.wrong("json_schema", "must be an object, and needs the type 'json_object'")),
        _ => Ok(Form::Text),
    }
}
