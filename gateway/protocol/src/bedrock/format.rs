//! The form of the answer. Some models keep to a schema by themselves; others are made to call a tool whose arguments are the answer, which
//! [`read_chat`](super::read_chat) and the decoder turn back into text.

use super::body::{InputSchema, Schema, Structure, TextFormat, Tool};
use crate::chat::{ANSWER_TOOL, ChatRequest, ConvertError, ResponseFormat, Target};

/// Any JSON object.
const ANY_OBJECT: &str = r#"{"type":"object","additionalProperties":true}"#;

/// What keeps the answer in its form.
#[derive(Debug)]
pub(super) enum Format<'a> {
    /// Nothing: any text will do.
    Free,
    /// The model does.
    Native(TextFormat<'a>),
    /// A call of this tool does.
    Called(Tool<'a>),
}

impl<'a> Format<'a> {
    /// The form that `request` asks for.
    pub(super) fn of(request: &'a ChatRequest, target: &Target<'_>) -> Result<Self, ConvertError> {
        let can = target.capabilities;
        match &request.response_format {
            None | Some(ResponseFormat::Text) => Ok(Self::Free),
            Some(format) if can.json_schema.is_yes() => Ok(Self::Native(text_format(format))),
            Some(format) if can.tools.is_yes() && can.forced_tools.is_yes() => Ok(Self::Called(answer_tool(format))),
            Some(_) => {
                let message = "`response_format`: this model keeps to no JSON schema; accepted: `{\"type\": \"text\"}`.";
                Err(ConvertError::unsupported("response_format", message))
            }
        }
    }
}

fn text_format(format: &ResponseFormat) -> TextFormat<'_> {
    let structure = match format {
        ResponseFormat::JsonSchema { name, description, schema, .. } => {
            Structure::JsonSchema { schema: schema.get(), name, description: description.as_deref() }
        }
        ResponseFormat::JsonObject | ResponseFormat::Text => {
            Structure::JsonSchema { schema: ANY_OBJECT, name: "json_object", description: None }
        }
    };
    TextFormat { r#type: "json_schema", structure }
}

fn answer_tool(format: &ResponseFormat) -> Tool<'_> {
    let (description, json) = match format {
        ResponseFormat::JsonSchema { description, schema, .. } => (description.as_deref(), Schema::Given(schema)),
        ResponseFormat::JsonObject | ResponseFormat::Text => (None, Schema::Object { r#type: "object" }),
    };
    Tool::ToolSpec {
        name: ANSWER_TOOL,
        description: Some(description.unwrap_or("Gives the answer. Its arguments are the whole answer.")),
        input_schema: InputSchema { json },
        strict: None,
    }
}
