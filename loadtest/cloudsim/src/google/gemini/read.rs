//! What a body asks the model.

use serde_json::Value;

use super::rules::thinks_always;
use crate::refusal::Refusal;
use crate::scene::{Cache, Choice, Form, Image, Prompt, Thinks, Tool};
use crate::shape::Look;

/// The prompt of a body that has been checked, for the model of that name.
pub(super) fn prompt(body: &Value, model: &str) -> Result<Prompt, Refusal> {
    let mut prompt = Prompt { model: model.into(), ..Prompt::default() };
    read_parts(&mut prompt, body.look("systemInstruction"));
    for content in body.look("contents").elements() {
        prompt.results.clear();
        read_parts(&mut prompt, content);
    }
    if body.look("cachedContent").is_string() {
        prompt.cache = Cache::Point;
    }
    let config = body.look("generationConfig");
    prompt.limit = config.look("maxOutputTokens").as_u64().and_then(|limit| usize::try_from(limit).ok());
    prompt.stops = config.look("stopSequences").elements().iter().filter_map(Value::as_str).map(str::to_owned).collect();
    read_tools(&mut prompt, body)?;
    prompt.form = form(config)?;
    prompt.thinks = thinks(config, model)?;
    Ok(prompt)
}

/// How many candidates are wanted.
pub(super) fn candidates(body: &Value) -> usize {
    body.look("generationConfig.candidateCount").as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(1)
}

fn read_parts(prompt: &mut Prompt, content: &Value) {
    for part in content.look("parts").elements() {
        if let Some(text) = part.look("text").as_str().filter(|_| part.look("thought") != true) {
            prompt.say(text);
        }
        let inline = part.look("inlineData");
        if let (Some(media_type), Some(data)) = (inline.look("mimeType").as_str(), inline.look("data").as_str()) {
            prompt.images.extend(Image::inline(media_type, data));
        }
        prompt.images.extend(part.look("fileData.fileUri").as_str().map(|uri| Image::Url(uri.to_owned())));
        if part.look("functionCall").is_object() {
            prompt.calls_before += 1;
        }
        if let Some(response) = part.look("functionResponse.response").as_object() {
            // A result that was a text is the only member of its object.
            let text = match response.values().next() {
                Some(Value::String(text)) if response.len() == 1 => text.clone(),
                _ => Value::Object(response.clone()).to_string(),
            };
            prompt.results.push(text);
        }
    }
}

fn read_tools(prompt: &mut Prompt, body: &Value) -> Result<(), Refusal> {
    for tool in body.look("tools").elements() {
        for declaration in tool.look("functionDeclarations").elements() {
            let name = declaration.look("name").as_str().unwrap_or_default();
            if prompt.tools.iter().any(|known| known.name == name) {
                return Err(Refusal::invalid("tools", format!("Duplicate function declaration found: {name}")));
            }
            let (subset, json_schema) = (declaration.look("parameters"), declaration.look("parametersJsonSchema"));
            if !subset.is_null() && !json_schema.is_null() {
                let message = "parameters and parameters_json_schema are mutually exclusive";
                return Err(Refusal::invalid("tools", message));
            }
            let schema = if subset.is_null() { json_schema } else { subset };
            prompt.tools.push(Tool { name: name.into(), schema: schema.clone() });
        }
    }
    let calling = body.look("toolConfig.functionCallingConfig");
    let allowed: Vec<_> = calling.look("allowedFunctionNames").elements().iter().filter_map(Value::as_str).collect();
    let mode = calling.look("mode").as_str().unwrap_or("AUTO");
    if !allowed.is_empty() && !["ANY", "VALIDATED"].contains(&mode) {
        let message = "Allowed function names can only be set when the function calling mode is ANY or VALIDATED.";
        return Err(Refusal::invalid("tool_config.function_calling_config", message));
    }
    if let Some(unknown) = allowed.iter().find(|name| !prompt.tools.iter().any(|tool| tool.name == **name)) {
        let message = format!("Allowed function name {unknown} is not one of the declared functions.");
        return Err(Refusal::invalid("tool_config.function_calling_config", message));
    }
    if !allowed.is_empty() {
        prompt.tools.retain(|tool| allowed.contains(&tool.name.as_str()));
    }
    prompt.choice = match (mode, allowed.as_slice()) {
        ("NONE", _) => Choice::Never,
        ("ANY", [name]) => Choice::Named((*name).to_owned()),
        ("ANY", _) => Choice::Some,
        _ => Choice::Auto,
    };
    Ok(())
}

fn form(config: &Value) -> Result<Form, Refusal> {
    let (subset, json_schema) = (config.look("responseSchema"), config.look("responseJsonSchema"));
    let json = config.look("responseMimeType") == "application/json";
    match (subset.is_null(), json_schema.is_null()) {
        (true, true) if json => Ok(Form::Json),
        (true, true) => Ok(Form::Text),
        (false, false) => {
            Err(Refusal::invalid("generation_config", "response_schema and response_json_schema are mutually exclusive"))
        }
        _ if !json => {
            let message = "only allowed when response_mime_type is application/json";
            Err(Refusal::invalid(
                "generation_config",
                format!("* GenerateContentRequest.generation_config.response_schema: {message}"),
            ))
        }
        (false, true) => Ok(Form::Schema(subset.clone())),
        (true, false) => Ok(Form::Schema(json_schema.clone())),
    }
}

fn thinks(config: &Value, model: &str) -> Result<Thinks, Refusal> {
    let thinking = config.look("thinkingConfig");
    let field = "generation_config.thinking_config";
    let (budget, level) = (thinking.look("thinkingBudget").as_i64(), thinking.look("thinkingLevel").as_str());
    if budget.is_some() && level.is_some() {
        let message = "You can only set only one of thinking budget and thinking level.";
        return Err(Refusal::invalid(field, message));
    }
    if level.is_some() && !thinks_always(model) {
        return Err(Refusal::invalid(field, "Thinking level is not supported for this model."));
    }
    // Thoughts are not told unless asked for.
    let told = thinking.look("includeThoughts") == true && budget != Some(0);
    Ok(if told { Thinks::Yes } else { Thinks::No })
}
