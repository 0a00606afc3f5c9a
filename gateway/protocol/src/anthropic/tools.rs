//! Tools, and whether one must be called.

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use super::format::{Format, Schema};
use crate::chat::{self, ANSWER_TOOL, ChatRequest, ConvertError, Dropped, Target, ToolChoice};

/// The members `tools` and `tool_choice`.
#[derive(Debug, Default)]
pub(super) struct Tools<'a> {
    pub(super) tools: Vec<Tool<'a>>,
    pub(super) choice: Option<Choice<'a>>,
}

/// A tool that the model may call.
#[derive(Debug, Serialize)]
pub(super) struct Tool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: InputSchema<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// Whether a tool must be called.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Choice<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_parallel_tool_use: Option<bool>,
}

impl<'a> Tools<'a> {
    /// The tools of `request`, and the one that keeps the answer in its form where `format` needs one.
    pub(super) fn of(
        request: &'a ChatRequest,
        history: &chat::Conversation<'a>,
        format: Format<'a>,
        target: &Target<'_>,
        dropped: &mut Dropped,
    ) -> Result<Self, ConvertError> {
        check(request, target)?;
        let mut tools = Vec::with_capacity(request.tools.len() + 1);
        for (number, tool) in request.tools.iter().enumerate() {
            tools.push(declared(tool, number, target, dropped)?);
        }
        let mut choice = asked(request);
        match (format, &request.tool_choice) {
            // The caller wants a call, so that the form of a text does not matter.
            (Format::Tool { .. }, Some(ToolChoice::Required | ToolChoice::Function(_))) => {}
            (Format::Tool { description, schema }, wanted) => {
                let is_only_way = tools.is_empty() || *wanted == Some(ToolChoice::None);
                choice =
                    Some(if is_only_way { Choice::ANSWER } else { Choice { r#type: "any", ..choice.unwrap_or(Choice::AUTO) } });
                let description = Some(description.unwrap_or("Gives the answer. Its arguments are the whole answer."));
                tools.push(Tool { name: ANSWER_TOOL, description, input_schema: InputSchema(schema), strict: None });
            }
            (Format::Free | Format::Native(_), _) if tools.is_empty() && history.uses_tools() => {
                // A history with calls in it is refused where no tool is declared.
                choice = Some(Choice { r#type: "none", ..Choice::AUTO });
                tools.push(Tool {
                    name: "unavailable",
                    description: Some("Not available any more."),
                    input_schema: InputSchema(Schema::AnyObject),
                    strict: None,
                });
            }
            (Format::Free | Format::Native(_), _) => {}
        }
        let tools = Self { tools, choice };
        if tools.must_call() && !target.capabilities.forced_tools.is_yes() {
            let message = "This model cannot be made to call a tool; accepted: \"auto\" and \"none\".";
            return Err(ConvertError::unsupported("tool_choice", message));
        }
        Ok(tools)
    }

    /// Whether the model must call a tool, which leaves it no room to think.
    pub(super) fn must_call(&self) -> bool {
        self.choice.is_some_and(|choice| matches!(choice.r#type, "any" | "tool"))
    }
}

impl Choice<'static> {
    const AUTO: Self = Self { r#type: "auto", name: None, disable_parallel_tool_use: None };
    const ANSWER: Self = Self { r#type: "tool", name: Some(ANSWER_TOOL), disable_parallel_tool_use: Some(true) };
}

/// Refuses what cannot be called.
fn check(request: &ChatRequest, target: &Target<'_>) -> Result<(), ConvertError> {
    if !request.tools.is_empty() && !target.capabilities.tools.is_yes() {
        return Err(ConvertError::unsupported("tools", "This model does not take tools."));
    }
    if let Some(number) = request.tools.iter().position(|tool| tool.name == ANSWER_TOOL) {
        let message = format!("The name `{ANSWER_TOOL}` is taken; accepted: any other.");
        return Err(ConvertError::invalid(format!("tools[{number}].function.name"), message));
    }
    match &request.tool_choice {
        Some(ToolChoice::Required) if request.tools.is_empty() => {
            Err(ConvertError::invalid("tool_choice", "A tool must be called, and there is none; add it to `tools`."))
        }
        Some(ToolChoice::Function(name)) if request.tools.iter().all(|tool| tool.name != *name) => {
            Err(ConvertError::invalid("tool_choice", format!("There is no tool `{name}`; add it to `tools`.")))
        }
        _ => Ok(()),
    }
}

fn declared<'a>(
    tool: &'a chat::Tool,
    number: usize,
    target: &Target<'_>,
    dropped: &mut Dropped,
) -> Result<Tool<'a>, ConvertError> {
    let schema = match &tool.parameters {
        Some(parameters) if parameters.get().trim_start().starts_with('{') => Schema::Given(parameters),
        Some(parameters) if parameters.get() == "null" => Schema::AnyObject,
        None => Schema::AnyObject,
        Some(_) => {
            let field = format!("tools[{number}].function.parameters");
            return Err(ConvertError::invalid(field, "The parameters of a tool must be a JSON schema: an object."));
        }
    };
    let mut strict = tool.strict.filter(|is_strict| *is_strict);
    if strict.is_some() && !target.capabilities.json_schema.is_yes() {
        dropped.note("strict");
        strict = None;
    }
    let description = tool.description.as_deref().filter(|text| !text.is_empty());
    Ok(Tool { name: &tool.name, description, input_schema: InputSchema(schema), strict })
}

/// What the caller asked for, which means something only where there are tools.
fn asked(request: &ChatRequest) -> Option<Choice<'_>> {
    if request.tools.is_empty() {
        return None;
    }
    let disable_parallel_tool_use = (request.parallel_tool_calls == Some(false)).then_some(true);
    let (r#type, name) = match &request.tool_choice {
        None if disable_parallel_tool_use.is_none() => return None,
        None | Some(ToolChoice::Auto) => ("auto", None),
        Some(ToolChoice::Required) => ("any", None),
        Some(ToolChoice::Function(name)) => ("tool", Some(name.as_str())),
        Some(ToolChoice::None) => return Some(Choice { r#type: "none", ..Choice::AUTO }),
    };
    Some(Choice { r#type, name, disable_parallel_tool_use })
}

/// A schema of arguments, which must say that it is one of an object.
#[derive(Debug)]
struct InputSchema<'a>(Schema<'a>);

impl Serialize for InputSchema<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Schema::AnyObject => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("type", "object")?;
                map.end()
            }
            Schema::Given(schema) => match typed(schema) {
                Some(typed) => typed.serialize(serializer),
                None => schema.serialize(serializer),
            },
        }
    }
}

/// `schema` with `"type": "object"` put before the rest; none where it has a type.
fn typed(schema: &RawValue) -> Option<Box<RawValue>> {
    #[derive(serde::Deserialize)]
    struct Typed<'a> {
        #[serde(borrow)]
        r#type: Option<&'a RawValue>,
    }
    let rest = schema.get().trim_start().strip_prefix('{')?;
    if serde_json::from_str::<Typed<'_>>(schema.get()).ok()?.r#type.is_some() {
        return None;
    }
    let separator = if rest.trim_start().starts_with('}') { "" } else { "," };
    RawValue::from_string(format!("{{\"type\":\"object\"{separator}{rest}")).ok()
}
