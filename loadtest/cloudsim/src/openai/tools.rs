//! What tools and the choice among them must look like.

use serde_json::json;

use super::host::{Host, Unknown};
use crate::json::Object;
use crate::refusal::Refusal;
use crate::scene::{Choice, Prompt, Tool};

/// Reads the tools, and which to call, into the prompt.
pub(super) fn read(host: &Host, body: &Object<'_>, prompt: &mut Prompt) -> Result<(), Refusal> {
    for place in body.list("tools")? {
        let tool = place.object()?;
        if host.unknown == Unknown::Refused {
            tool.only(&["type", "function"])?;
        }
        if tool.required_text("type")? != "function" {
            return Err(tool.wrong("type", "must be 'function'"));
        }
        let function = tool.required_object("function")?;
        function.only(&["name", "description", "parameters", "strict"])?;
        let name = function.required_text("name")?;
        if !is_name(name) {
            return Err(function.wrong("name", "must match ^[a-zA-Z0-9_-]{1,64}$"));
        }
        function.text("description")?;
        function.flag("strict")?;
        function.object("parameters")?;
        let schema = function.get("parameters").cloned().unwrap_or_else(|| json!({ "type": "object" }));
        prompt.tools.push(Tool { name: name.to_owned(), schema });
    }
    if prompt.tools.is_empty() && body.has("tools") && host.unknown == Unknown::Refused {
        return Err(body.wrong("tools", "must not be empty"));
    }
    prompt.choice = choice(host, body, prompt)?;
    Ok(())
}

fn choice(host: &Host, body: &Object<'_>, prompt: &Prompt) -> Result<Choice, Refusal> {
    let Some(choice) = body.place_of("tool_choice") else {
        return Ok(Choice::Auto);
    };
    if prompt.tools.is_empty() {
        return Err(body.wrong("tool_choice", "is only allowed when 'tools' are specified"));
    }
    if let Some(word) = choice.value.as_str() {
        return match word {
            _ if !host.choices.contains(&word) => Err(choice.wrong(&format!("must be one of {:?} or name a tool", host.choices))),
            "auto" => Ok(Choice::Auto),
            "none" => Ok(Choice::Never),
            _ => Ok(Choice::Some),
        };
    }
    let choice = choice.object()?;
    choice.only(&["type", "function"])?;
    choice.one_of("type", &["function"])?;
    let function = choice.required_object("function")?;
    let name = function.required_text("name")?;
    if prompt.tools.iter().any(|tool| tool.name == name) {
        Ok(Choice::Named(name.to_owned()))
    } else {
        Err(function.wrong("name", "must be one of the 'tools'"))
    }
}

/// Whether a tool may be called that.
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
