//! Tools, the choice among them and the form of the answer, as OpenAI's requests spell them.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    fields::Fields,
    request::missing,
    string_or::{Expecting, StringOr},
};
use crate::{
    chat::{ConvertError, Effort, ResponseFormat, Tool, ToolChoice},
    text::Text,
};

#[derive(Deserialize)]
struct RawTool<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    function: Option<RawFunction<'a>>,
}

#[derive(Deserialize)]
struct RawFunction<'a> {
    name: String,
    description: Option<String>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    strict: Option<bool>,
}

#[derive(Deserialize)]
struct RawChoice<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<Named<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Text<'a>,
}

impl Expecting for RawChoice<'_> {
    const EXPECTED: &'static str = "\"auto\", \"none\", \"required\" or an object that names a function";
}

#[derive(Deserialize)]
struct RawFormat<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    json_schema: Option<RawSchema<'a>>,
}

#[derive(Deserialize)]
struct RawSchema<'a> {
    name: Option<String>,
    description: Option<String>,
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
    strict: Option<bool>,
}

/// `tools`, and the older `functions`.
pub(super) fn read_tools(fields: &mut Fields<'_>) -> Result<Vec<Tool>, ConvertError> {
    let tools: Vec<RawTool<'_>> = fields.take("tools", "a list of tools")?.unwrap_or_default();
    let functions: Vec<RawFunction<'_>> = fields.take("functions", "a list of functions")?.unwrap_or_default();
    let tools = tools.into_iter().enumerate().map(|(number, tool)| match (&*tool.kind, tool.function) {
        ("function", Some(function)) => function.into_tool(&format!("tools[{number}].function")),
        ("function", None) => Err(missing(format!("tools[{number}].function"), "the function's name and parameters")),
        (kind, _) => Err(ConvertError::unsupported(
            format!("tools[{number}].type"),
            format!("`tools[{number}].type` is \"{kind}\": this model takes tools of the type \"function\" only."),
        )),
    });
    let functions =
        functions.into_iter().enumerate().map(|(number, function)| function.into_tool(&format!("functions[{number}]")));
    tools.chain(functions).collect()
}

impl RawFunction<'_> {
    fn into_tool(self, path: &str) -> Result<Tool, ConvertError> {
        if self.name.is_empty() {
            return Err(missing(format!("{path}.name"), "the function's name"));
        }
        let parameters = self.parameters.filter(|parameters| parameters.get() != "null");
        if parameters.is_some_and(|parameters| !parameters.get().starts_with('{')) {
            let param = format!("{path}.parameters");
            let message = format!("`{param}` must be a JSON schema, which is an object.");
            return Err(ConvertError::invalid(param, message));
        }
        let parameters = parameters.map(ToOwned::to_owned);
        Ok(Tool { name: self.name, description: self.description, parameters, strict: self.strict })
    }
}

/// `tool_choice`, and the older `function_call`.
pub(super) fn read_tool_choice(fields: &mut Fields<'_>) -> Result<Option<ToolChoice>, ConvertError> {
    let new: Option<StringOr<'_, RawChoice<'_>>> = fields.take("tool_choice", RawChoice::EXPECTED)?;
    let old: Option<StringOr<'_, RawChoice<'_>>> = fields.take("function_call", RawChoice::EXPECTED)?;
    let (name, choice) = match (new, old) {
        (Some(choice), _) => ("tool_choice", choice),
        (None, Some(choice)) => ("function_call", choice),
        (None, None) => return Ok(None),
    };
    let refused = || ConvertError::invalid(name, format!("`{name}` must be {}.", RawChoice::EXPECTED));
    let choice = match choice {
        StringOr::String(word) => match &*word {
            "auto" => ToolChoice::Auto,
            "none" => ToolChoice::None,
            "required" | "any" => ToolChoice::Required,
            _ => return Err(refused()),
        },
        StringOr::Other(RawChoice { kind: None, name: Some(function), .. }) if name == "function_call" => {
            ToolChoice::Function(function.into_string())
        }
        StringOr::Other(choice) => match (choice.kind.as_deref(), choice.function) {
            (Some("function"), Some(function)) => ToolChoice::Function(function.name.into_string()),
            (Some(kind @ ("custom" | "allowed_tools")), _) => {
                let message = format!("`{name}` of the type \"{kind}\" is not offered by this model: {}.", RawChoice::EXPECTED);
                return Err(ConvertError::unsupported(name, message));
            }
            _ => return Err(refused()),
        },
    };
    Ok(Some(choice))
}

/// `response_format`.
pub(super) fn read_response_format(fields: &mut Fields<'_>) -> Result<Option<ResponseFormat>, ConvertError> {
    let Some(format): Option<RawFormat<'_>> = fields.take("response_format", "an object with a `type`")? else {
        return Ok(None);
    };
    let format = match (&*format.kind, format.json_schema) {
        ("text", _) => ResponseFormat::Text,
        ("json_object", _) => ResponseFormat::JsonObject,
        ("json_schema", Some(RawSchema { name, description, schema: Some(schema), strict })) => {
            let name = name.unwrap_or_else(|| "answer".to_owned());
            ResponseFormat::JsonSchema { name, description, schema: schema.to_owned(), strict }
        }
        ("json_schema", _) => return Err(missing("response_format.json_schema.schema", "the schema of the answer")),
        (kind, _) => {
            let accepted = "accepted are \"text\", \"json_object\" and \"json_schema\"";
            let message = format!("`response_format.type` is \"{kind}\": {accepted}.");
            return Err(ConvertError::invalid("response_format.type", message));
        }
    };
    Ok(Some(format))
}

/// `reasoning_effort`.
pub(super) fn read_effort(fields: &mut Fields<'_>) -> Result<Option<Effort>, ConvertError> {
    let Some(word): Option<Text<'_>> = fields.take("reasoning_effort", "a string")? else { return Ok(None) };
    let effort = Effort::from_name(&word).ok_or_else(|| {
        let accepted = Effort::ALL.map(Effort::as_str).join(", ");
        ConvertError::invalid("reasoning_effort", format!("`reasoning_effort` is \"{}\": accepted are {accepted}.", &*word))
    })?;
    Ok(Some(effort))
}
