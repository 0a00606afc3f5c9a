//! What tools and the choice among them must look like.

use super::blocks::cache_point;
use super::thinking::Thinking;
use crate::json::Object;
use crate::refusal::Refusal;
use crate::scene::{Choice, Parallel, Prompt, Tool};

/// Reads the tools; how many cache points they hold.
pub(super) fn read(body: &Object<'_>, thinking: Thinking, prompt: &mut Prompt) -> Result<usize, Refusal> {
    let mut points = 0;
    for place in body.list("tools")? {
        let tool = place.object()?;
        // The tools that Anthropic itself runs have a dated type and members of their own.
        if tool.text("type")?.is_some_and(|kind| kind != "custom") {
            tool.required_text("name")?;
            continue;
        }
        tool.only(&[
            "type",
            "name",
            "description",
            "input_schema",
            "strict",
            "cache_control",
            "input_examples",
            "defer_loading",
        ])?;
        let name = tool.required_text("name")?;
        if !is_name(name) {
            return Err(tool.wrong("name", "should match pattern '^[a-zA-Z0-9_-]{1,128}$'"));
        }
        if prompt.tools.iter().any(|other| other.name == name) {
            return Err(tool.wrong("name", "must be unique"));
        }
        tool.text("description")?;
        tool.flag("strict")?;
        let schema = tool.required_object("input_schema")?;
        if schema.required_text("type")? != "object" {
            return Err(schema.wrong("type", "must be 'object'"));
        }
        points += cache_point(&tool)?;
        let schema = tool.get("input_schema").cloned().unwrap_or_default();
        prompt.tools.push(Tool { name: name.to_owned(), schema });
    }
    choice(body, thinking, prompt)?;
    Ok(points)
}

fn choice(body: &Object<'_>, thinking: Thinking, prompt: &mut Prompt) -> Result<(), Refusal> {
    let Some(choice) = body.object("tool_choice")? else {
        return Ok(());
    };
    if prompt.tools.is_empty() && !body.has("tools") {
        return Err(body.wrong("tool_choice", "may only be specified while providing 'tools'"));
    }
    prompt.choice = match choice.required_text("type")? {
        "auto" => Choice::Auto,
        "any" => Choice::Some,
        "none" => Choice::Never,
        "tool" => Choice::Named(choice.required_text("name")?.to_owned()),
        _ => return Err(choice.wrong("type", "must be 'auto', 'any', 'tool' or 'none'")),
    };
    match &prompt.choice {
        Choice::Named(name) => {
            choice.only(&["type", "name", "disable_parallel_tool_use"])?;
            if !prompt.tools.iter().any(|tool| tool.name == *name) {
                return Err(choice.wrong("name", "must be one of the 'tools'"));
            }
        }
        Choice::Never => choice.only(&["type"])?,
        Choice::Auto | Choice::Some => choice.only(&["type", "disable_parallel_tool_use"])?,
    }
    if choice.flag("disable_parallel_tool_use")? {
        prompt.parallel = Parallel::Refused;
    }
    let forced = matches!(prompt.choice, Choice::Named(_) | Choice::Some);
    if forced && thinking != Thinking::Off {
        return Err(body.wrong("thinking", "may not be enabled when tool_choice forces tool use"));
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    (1..=128).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}
