//! Tools that the model may call.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::chat::{ChatRequest, ConvertError, Target, Tool, ToolChoice};

/// A function without parameters: the field must be there.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

/// A tool, as OpenAI writes it.
#[derive(Debug, Serialize)]
pub(super) struct ToolEntry<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: &'a RawValue,
}

/// The tools to offer, and whether one must be called.
#[derive(Debug, Default, Serialize)]
pub(super) struct Tools<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolEntry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<&'static str>,
}

impl<'a> Tools<'a> {
    /// Cohere can demand a call, not a call of one function: where the caller names one, it alone is offered, which comes to the same.
    pub(super) fn of(request: &'a ChatRequest, target: &Target<'_>) -> Result<Self, ConvertError> {
        if request.tools.is_empty() {
            return match request.tool_choice {
                None | Some(ToolChoice::Auto | ToolChoice::None) => Ok(Self::default()),
                Some(ToolChoice::Required | ToolChoice::Function(_)) => {
                    Err(ConvertError::invalid("tool_choice", "`tool_choice` demands a call, and `tools` offers none."))
                }
            };
        }
        if !target.capabilities.tools.is_yes() {
            return Err(ConvertError::unsupported(
                "tools",
                "This model does not call tools. Accepted: a request without `tools`.",
            ));
        }
        let (offered, tool_choice) = match &request.tool_choice {
            None | Some(ToolChoice::Auto) => (None, None),
            Some(ToolChoice::None) => (None, Some("NONE")),
            Some(ToolChoice::Required) => (None, Some("REQUIRED")),
            Some(ToolChoice::Function(name)) => (Some(name), Some("REQUIRED")),
        };
        let tools = request.tools.iter().filter(|tool| offered.is_none_or(|name| tool.name == *name));
        let tools: Vec<_> = tools.map(ToolEntry::of).collect::<Result<_, _>>()?;
        match offered {
            Some(name) if tools.is_empty() => {
                let message = format!("`tool_choice` names the function `{name}`, which is not among `tools`.");
                Err(ConvertError::invalid("tool_choice", message))
            }
            _ => Ok(Self { tools, tool_choice }),
        }
    }
}

impl<'a> ToolEntry<'a> {
    fn of(tool: &'a Tool) -> Result<Self, ConvertError> {
        let parameters = match &tool.parameters {
            Some(schema) => &**schema,
            None => serde_json::from_str(NO_PARAMETERS)
                .map_err(|error| ConvertError::invalid("tools", format!("A tool without parameters: {error}.")))?,
        };
        let function = Function { name: &tool.name, description: tool.description.as_deref(), parameters };
        Ok(Self { r#type: "function", function })
    }
}
