//! Functions that the model may call.

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{options::SchemaForm, schema};
use crate::{
    Capabilities,
    chat::{ChatRequest, ConvertError, Tool, ToolChoice},
};

/// All functions together: Gemini's "tool" is a group of them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolGroup<'a> {
    function_declarations: Vec<FunctionDeclaration<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionDeclaration<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Value>,
}

/// Whether one must be called.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    function_calling_config: FunctionCallingConfig<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionCallingConfig<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_function_names: Option<[&'a str; 1]>,
}

impl<'a> ToolGroup<'a> {
    pub(super) fn of(
        request: &'a ChatRequest,
        capabilities: &Capabilities,
        form: SchemaForm,
    ) -> Result<Option<Self>, ConvertError> {
        if request.tools.is_empty() {
            return Ok(None);
        }
        if !capabilities.tools.is_yes() {
            return Err(ConvertError::unsupported(
                "tools",
                "This model does not call tools. Accepted: a request without `tools`.",
            ));
        }
        let declarations = request.tools.iter().enumerate().map(|(number, tool)| FunctionDeclaration::of(number, tool, form));
        Ok(Some(Self { function_declarations: declarations.collect::<Result<_, _>>()? }))
    }
}

impl<'a> FunctionDeclaration<'a> {
    fn of(number: usize, tool: &'a Tool, form: SchemaForm) -> Result<Self, ConvertError> {
        let (name, description) = (tool.name.as_str(), tool.description.as_deref());
        let declared = Self { name, description, parameters_json_schema: None, parameters: None };
        Ok(match (tool.parameters.as_deref(), form) {
            (None, _) => declared,
            (schema, SchemaForm::Json) => Self { parameters_json_schema: schema, ..declared },
            (Some(schema), SchemaForm::OpenApi) => {
                let schema = schema::open_api(schema, &format!("tools[{number}].function.parameters"))?;
                // Older models refuse an object without properties; a function without parameters says the same.
                let properties = schema.get("properties").and_then(Value::as_object);
                Self { parameters: properties.is_some_and(|all| !all.is_empty()).then_some(schema), ..declared }
            }
        })
    }
}

impl<'a> ToolConfig<'a> {
    pub(super) fn of(request: &'a ChatRequest) -> Result<Option<Self>, ConvertError> {
        let Some(choice) = &request.tool_choice else { return Ok(None) };
        let (mode, allowed) = match choice {
            ToolChoice::Auto | ToolChoice::None if request.tools.is_empty() => return Ok(None),
            ToolChoice::Auto => ("AUTO", None),
            ToolChoice::None => ("NONE", None),
            ToolChoice::Required if request.tools.is_empty() => {
                return Err(ConvertError::invalid("tool_choice", "`tool_choice` is \"required\", and `tools` offers none."));
            }
            ToolChoice::Required => ("ANY", None),
            ToolChoice::Function(name) if request.tools.iter().any(|tool| tool.name == *name) => ("ANY", Some([name.as_str()])),
            ToolChoice::Function(name) => {
                let message = format!("`tool_choice` names the function `{name}`, which is not among `tools`.");
                return Err(ConvertError::invalid("tool_choice", message));
            }
        };
        Ok(Some(Self { function_calling_config: FunctionCallingConfig { mode, allowed_function_names: allowed } }))
    }
}
