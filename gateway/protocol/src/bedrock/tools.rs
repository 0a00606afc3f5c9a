//! Tools, and which must be called.

use super::{
    ToolNames,
    body::{Choice, InputSchema, Schema, Tool, ToolConfig},
};
use crate::chat::{ANSWER_TOOL, ChatRequest, ConvertError, Target, ToolChoice};

/// Declared where the conversation tells of tools and none may be called: Bedrock refuses such a conversation without tools, and has no
/// word for "call none".
const DUMMY: Tool<'static> = Tool::ToolSpec {
    name: "unavailable",
    description: Some("Never call this tool: no tool is available any more."),
    input_schema: InputSchema { json: Schema::Object { r#type: "object" } },
    strict: None,
};

/// The tools of `request`, and `answer`, which keeps the answer in its form; `in_history` tells whether the conversation called any.
pub(super) fn tool_config<'a>(
    request: &'a ChatRequest,
    names: &'a ToolNames,
    target: &Target<'_>,
    in_history: bool,
    answer: Option<Tool<'a>>,
) -> Result<Option<ToolConfig<'a>>, ConvertError> {
    if let Some(number) = request.tools.iter().position(|tool| tool.name == ANSWER_TOOL) {
        let message = format!("The name `{ANSWER_TOOL}` is taken; accepted: any other.");
        return Err(ConvertError::invalid(format!("tools[{number}].function.name"), message));
    }
    let may_call = !request.tools.is_empty() && request.tool_choice != Some(ToolChoice::None);
    if !target.capabilities.tools.is_yes() && (may_call || in_history) {
        return Err(ConvertError::unsupported("tools", "`tools`: this model cannot call tools."));
    }
    if let Some(answer) = answer.as_ref().filter(|_| !may_call) {
        return Ok(Some(ToolConfig { tools: vec![answer.clone()], tool_choice: Some(Choice::Any {}) }));
    }
    if !may_call {
        return Ok(in_history.then(|| ToolConfig { tools: vec![DUMMY], tool_choice: None }));
    }
    let tools = request.tools.iter().map(|tool| Tool::ToolSpec {
        name: names.sent(&tool.name),
        description: tool.description.as_deref().filter(|description| !description.is_empty()),
        input_schema: InputSchema { json: tool.parameters.as_deref().map_or(Schema::Object { r#type: "object" }, Schema::Given) },
        strict: tool.strict,
    });
    let tool_choice = match &request.tool_choice {
        Some(ToolChoice::Required | ToolChoice::Function(_)) if !target.capabilities.forced_tools.is_yes() => {
            let message = "`tool_choice`: this model cannot be made to call a tool; accepted: `auto` and `none`.";
            return Err(ConvertError::unsupported("tool_choice", message));
        }
        Some(ToolChoice::Auto) => Some(Choice::Auto {}),
        Some(ToolChoice::Required) => Some(Choice::Any {}),
        Some(ToolChoice::Function(name)) if request.tools.iter().any(|tool| tool.name == *name) => {
            Some(Choice::Tool { name: names.sent(name) })
        }
        Some(ToolChoice::Function(name)) => {
            let message = format!("`tool_choice` names the tool `{name}`, which `tools` does not declare.");
            return Err(ConvertError::invalid("tool_choice", message));
        }
        Some(ToolChoice::None) | None => None,
    };
    let mut config = ToolConfig { tools: tools.collect(), tool_choice };
    // Where the caller wants a call, the form of a text does not matter.
    if let Some(answer) = answer.filter(|_| !config.must_call()) {
        config.tools.push(answer);
        config.tool_choice = Some(Choice::Any {});
    }
    Ok(Some(config))
}
