//! What Converse asks the model.

use serde_json::Value;

use super::super::error::AwsError;
use crate::scene::{Cache, Choice, Form, Image, Parallel, Prompt, Thinks, Tool};
use crate::shape::Look;

/// The prompt of a body that has been checked, for the model of that name.
pub(super) fn prompt(body: &Value, model: &str) -> Result<Prompt, AwsError> {
    let mut prompt = Prompt { model: model.into(), parallel: Parallel::Allowed, ..Prompt::default() };
    for block in body.look("system").elements() {
        read_text(&mut prompt, block);
    }
    for message in body.look("messages").elements() {
        prompt.results.clear();
        for block in message.look("content").elements() {
            read_block(&mut prompt, block);
        }
    }
    let inference = body.look("inferenceConfig");
    prompt.limit = inference.look("maxTokens").as_u64().and_then(|limit| usize::try_from(limit).ok());
    prompt.stops = inference.look("stopSequences").elements().iter().filter_map(Value::as_str).map(str::to_owned).collect();
    prompt.thinks = thinks(body)?;
    read_tools(&mut prompt, body.look("toolConfig"))?;
    prompt.form = form(body.look("outputConfig.textFormat.structure.jsonSchema.schema"))?;
    Ok(prompt)
}

fn read_text(prompt: &mut Prompt, block: &Value) {
    let text = block.look("text").as_str().or_else(|| block.look("guardContent.text.text").as_str());
    if let Some(text) = text {
        prompt.say(text);
    }
    if block.look("cachePoint").is_object() {
        prompt.cache = Cache::Point;
    }
}

fn read_block(prompt: &mut Prompt, block: &Value) {
    read_text(prompt, block);
    read_image(prompt, block.look("image"));
    if let Some(text) = block.look("document.source.text").as_str() {
        prompt.say(text);
    }
    if block.look("toolUse").is_object() {
        prompt.calls_before += 1;
    }
    if let Some(contents) = block.look("toolResult.content").as_array() {
        let part =
            |content: &Value| content.look("text").as_str().map_or_else(|| content.look("json").to_string(), str::to_owned);
        let texts = contents.iter().filter(|content| content.look("image").is_null()).map(part);
        prompt.results.push(texts.collect::<Vec<_>>().join(" "));
        for content in contents {
            read_image(prompt, content.look("image"));
        }
    }
}

fn read_image(prompt: &mut Prompt, image: &Value) {
    let format = image.look("format").as_str().unwrap_or_default();
    let inline = image.look("source.bytes").as_str().and_then(|bytes| Image::inline(&format!("image/{format}"), bytes));
    let stored = image.look("source.s3Location.uri").as_str().map(|uri| Image::Url(uri.to_owned()));
    prompt.images.extend(inline.or(stored));
}

fn read_tools(prompt: &mut Prompt, config: &Value) -> Result<(), AwsError> {
    for tool in config.look("tools").elements() {
        if tool.look("cachePoint").is_object() {
            prompt.cache = Cache::Point;
        }
        let Some(name) = tool.look("toolSpec.name").as_str() else {
            continue;
        };
        if prompt.tools.iter().any(|known| known.name == name) {
            return Err(AwsError::validation(format!("The tool {name} is already defined in the toolConfig field.")));
        }
        let schema = tool.look("toolSpec.inputSchema.json");
        if schema.look("type") != "object" {
            let message = format!(
                "The value at toolConfig.tools.{}.toolSpec.inputSchema.json.type must be one of the following: object.",
                prompt.tools.len()
            );
            return Err(AwsError::validation(message));
        }
        prompt.tools.push(Tool { name: name.into(), schema: schema.clone() });
    }
    let choice = config.look("toolChoice");
    prompt.choice = match choice.look("tool.name").as_str() {
        Some(name) if prompt.tools.iter().any(|tool| tool.name == name) => Choice::Named(name.into()),
        Some(name) => {
            let message = format!("The tool {name} at toolConfig.toolChoice is not one of toolConfig.tools.");
            return Err(AwsError::validation(message));
        }
        None if choice.look("any").is_object() => Choice::Some,
        None => Choice::Auto,
    };
    Ok(())
}

/// Thinking is asked for in the model's own manner, Claude's; a forced tool and a chosen temperature exclude it.
fn thinks(body: &Value) -> Result<Thinks, AwsError> {
    let fields = body.look("additionalModelRequestFields");
    let thinking = if fields.look("thinking").is_null() { fields.look("reasoning_config") } else { fields.look("thinking") };
    let invalid = |message: &str| Err(AwsError::validation(format!("The model returned the following errors: {message}")));
    let budget = thinking.look("budget_tokens").as_u64();
    match thinking.look("type").as_str() {
        None if thinking.is_null() => return Ok(Thinks::No),
        Some("disabled") => return Ok(Thinks::No),
        Some("adaptive") if budget.is_none() => {}
        Some("enabled") => match (budget, body.look("inferenceConfig.maxTokens").as_u64()) {
            (Some(budget), _) if budget < 1024 => {
                return invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
            }
            (Some(budget), Some(limit)) if budget >= limit => {
                return invalid("`max_tokens` must be greater than `thinking.budget_tokens`");
            }
            (Some(_), _) => {}
            (None, _) => return invalid("thinking.enabled.budget_tokens: Field required"),
        },
        _ => return invalid("thinking: Input tag must be one of the expected tags: 'adaptive', 'disabled', 'enabled'"),
    }
    let choice = body.look("toolConfig.toolChoice");
    if choice.look("any").is_object() || choice.look("tool").is_object() {
        return invalid("Thinking may not be enabled when tool_choice forces tool use.");
    }
    let temperature = body.look("inferenceConfig.temperature").as_f64();
    if temperature.is_some_and(|temperature| temperature < 1.0) {
        return invalid("`temperature` may only be set to 1 when thinking is enabled.");
    }
    Ok(Thinks::Yes)
}

fn form(schema: &Value) -> Result<Form, AwsError> {
    let Some(text) = schema.as_str() else {
        return Ok(Form::Text);
    };
    match serde_json::from_str::<Value>(text) {
        Ok(schema @ Value::Object(_)) => Ok(Form::Schema(schema)),
        _ => Err(AwsError::validation(
            "outputConfig.textFormat.structure.jsonSchema.schema must be a JSON schema, written as a text",
        )),
    }
}
