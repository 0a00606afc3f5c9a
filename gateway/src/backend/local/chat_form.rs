//! What form a chat's answer must have: calls of functions, or text after a schema or another grammar.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};
use tradewind_models::{
    ChatEngine, chat,
    constrain::{Grammar, GrammarError},
    tools::{Calling, Count, Offer, Tool},
};
use tradewind_protocol::openai::{ChatRequest, CompletionRequest};

use super::chat_request::unsupported_field;
use crate::{
    error::{Error, Kind},
    inference::Failure,
};

/// vLLM's fields for grammars, as newer and as older clients spell them.
const EXTENSIONS: [(&str, &str); 4] =
    [("json", "guided_json"), ("regex", "guided_regex"), ("choice", "guided_choice"), ("grammar", "guided_grammar")];

/// The form of an answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Form {
    /// A grammar, and the field that asks for it.
    grammar: Option<(String, Grammar)>,
    offer: Option<Offer>,
}

impl Form {
    /// What a request asks for.
    pub(super) fn of(request: &ChatRequest) -> Result<Self, Failure> {
        let ChatRequest { response_format, structured_outputs, rest, .. } = request;
        Self::read(response_format.as_ref(), structured_outputs.as_ref(), rest, offer(request)?)
    }

    /// The same for one that offers no functions.
    pub(super) fn of_completion(request: &CompletionRequest) -> Result<Self, Failure> {
        let CompletionRequest { response_format, structured_outputs, rest, .. } = request;
        Self::read(response_format.as_ref(), structured_outputs.as_ref(), rest, None)
    }

    fn read(
        format: Option<&Value>,
        outputs: Option<&Value>,
        rest: &BTreeMap<String, Value>,
        offer: Option<Offer>,
    ) -> Result<Self, Failure> {
        let mut grammars = Vec::new();
        grammars.extend(response_format(format)?);
        grammars.extend(structured(outputs)?);
        for (kind, field) in EXTENSIONS {
            if let Some(value) = rest.get(field).filter(|value| !value.is_null()) {
                grammars.push((field.to_owned(), extension(kind, field, value)?));
            }
        }
        let mut grammars = grammars.into_iter();
        match (grammars.next(), grammars.next(), &offer) {
            (Some((first, _)), Some((second, _)), _) => {
                Err(invalid(second, &format!("the form of the answer is given by `{first}` already")))
            }
            (Some((field, _)), None, Some(_)) => Err(unsupported_field(field, "only text beside `tools`")),
            (grammar, _, _) => Ok(Self { grammar, offer }),
        }
    }

    /// Makes the form ready, and the request keep to it.
    pub(super) async fn fit(self, request: chat::ChatRequest, engine: &ChatEngine) -> Result<chat::ChatRequest, Failure> {
        let pattern = match self.grammar {
            Some((field, grammar)) => Some(engine.compile(grammar).await.map_err(|error| refused(&field, &error))?),
            None => None,
        };
        let toolbox = match self.offer {
            Some(offer) => Some(engine.offer(offer).await.map_err(|error| refused("", &error))?),
            None => None,
        };
        Ok(chat::ChatRequest { pattern, toolbox, ..request })
    }
}

/// Whether a field of the rest is one that is read here.
pub(super) fn is_known(field: &str) -> bool {
    EXTENSIONS.iter().any(|(_, known)| *known == field)
}

#[derive(Deserialize)]
struct RawFormat {
    r#type: String,
    json_schema: Option<RawSchema>,
}

#[derive(Deserialize)]
struct RawSchema {
    schema: Option<Map<String, Value>>,
}

fn response_format(format: Option<&Value>) -> Result<Option<(String, Grammar)>, Failure> {
    let Some(format) = format.filter(|format| !format.is_null()) else { return Ok(None) };
    let RawFormat { r#type, json_schema } = read("response_format", format)?;
    match (r#type.as_str(), json_schema) {
        ("text", _) => Ok(None),
        ("json_object", _) => Ok(Some(("response_format".to_owned(), any_object()))),
        ("json_schema", Some(RawSchema { schema: Some(schema) })) => {
            let grammar = Grammar::JsonSchema(Value::Object(schema).to_string());
            Ok(Some(("response_format.json_schema.schema".to_owned(), grammar)))
        }
        ("json_schema", _) => Err(invalid("response_format.json_schema.schema".to_owned(), "it must be a JSON schema")),
        _ => {
            let accepted = "\"text\", \"json_object\" or \"json_schema\"";
            Err(unsupported_field("response_format.type".to_owned(), accepted))
        }
    }
}

/// vLLM's newer field.
fn structured(asked: Option<&Value>) -> Result<Vec<(String, Grammar)>, Failure> {
    let Some(asked) = asked.filter(|asked| !asked.is_null()) else { return Ok(Vec::new()) };
    let asked: Map<String, Value> = read("structured_outputs", asked)?;
    let mut grammars = Vec::new();
    for (kind, value) in asked.iter().filter(|(_, value)| !value.is_null()) {
        let field = format!("structured_outputs.{kind}");
        let grammar = match kind.as_str() {
            "json_object" if value == false => continue,
            "json_object" if value == true => any_object(),
            kind if EXTENSIONS.iter().any(|(known, _)| *known == kind) => extension(kind, &field, value)?,
            _ => return Err(unsupported_field(field, "`json`, `json_object`, `regex`, `choice` or `grammar` instead")),
        };
        grammars.push((field, grammar));
    }
    Ok(grammars)
}

fn extension(kind: &str, field: &str, value: &Value) -> Result<Grammar, Failure> {
    match kind {
        // A schema comes as itself or as its text.
        "json" => Ok(Grammar::JsonSchema(value.as_str().map_or_else(|| value.to_string(), str::to_owned))),
        "choice" => read(field, value).map(Grammar::Choice),
        "regex" => read(field, value).map(Grammar::Regex),
        _ => read(field, value).map(Grammar::Lark),
    }
}

fn any_object() -> Grammar {
    Grammar::JsonSchema("{\"type\":\"object\"}".to_owned())
}

#[derive(Deserialize)]
struct RawTool {
    r#type: String,
    function: Option<RawFunction>,
}

#[derive(Deserialize)]
struct RawFunction {
    name: String,
    description: Option<String>,
    parameters: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "it must be \"auto\", \"none\", \"required\" or an object that names a function")]
enum RawChoice {
    Word(String),
    Named { r#type: String, function: RawName },
}

#[derive(Deserialize)]
struct RawName {
    name: String,
}

fn offer(request: &ChatRequest) -> Result<Option<Offer>, Failure> {
    let mut tools = Vec::new();
    let raw: Option<Vec<RawTool>> = request.tools.as_ref().map_or(Ok(None), |tools| read("tools", tools))?;
    for (place, tool) in raw.into_iter().flatten().enumerate() {
        match tool {
            RawTool { r#type, function: Some(RawFunction { name, description, parameters }) } if r#type == "function" => {
                tools.push(Tool { name, description, parameters: parameters.map(Value::Object) });
            }
            _ => return Err(unsupported_field(format!("tools[{place}]"), "only functions")),
        }
    }
    let choice: Option<RawChoice> = request.tool_choice.as_ref().map_or(Ok(None), |choice| read("tool_choice", choice))?;
    let (calling, only) = match choice {
        None => (Calling::Possible, None),
        Some(RawChoice::Word(word)) => match word.as_str() {
            "auto" => (Calling::Possible, None),
            "required" => (Calling::Required, None),
            "none" => return Ok(None),
            _ => return Err(unsupported_field("tool_choice".to_owned(), "\"auto\", \"none\", \"required\" or a function")),
        },
        Some(RawChoice::Named { r#type, function }) if r#type == "function" => (Calling::Required, Some(function.name)),
        Some(RawChoice::Named { .. }) => {
            return Err(unsupported_field("tool_choice.type".to_owned(), "\"function\""));
        }
    };
    match (tools.is_empty(), calling) {
        (true, Calling::Possible) => Ok(None),
        (true, Calling::Required) => Err(invalid("tools".to_owned(), "name the functions that `tool_choice` is about")),
        (false, _) => {
            // A function that is asked for by name is called once.
            let is_one = request.parallel_tool_calls == Some(false) || only.is_some();
            let count = if is_one { Count::One } else { Count::Several };
            Ok(Some(Offer { tools, only, calling, count }))
        }
    }
}

fn read<'v, T: Deserialize<'v>>(field: &str, value: &'v Value) -> Result<T, Failure> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = match error.path().to_string().as_str() {
            "." => field.to_owned(),
            path if path.starts_with('[') => format!("{field}{path}"),
            path => format!("{field}.{path}"),
        };
        invalid(path, &error.inner().to_string())
    })
}

fn invalid(field: String, fault: &str) -> Failure {
    Failure::request(Error::new(Kind::InvalidRequest, format!("`{field}` is not valid: {fault}.")).with_param(field))
}

/// A grammar that is not taken. Another backend may know what to do with it.
fn refused(field: &str, error: &GrammarError) -> Failure {
    let path = match (field, error.place.as_str()) {
        (field, "") => field.to_owned(),
        ("", place) => place.to_owned(),
        (field, place) => format!("{field}.{place}"),
    };
    let message = format!("`{path}` is not taken by this model: {error}.");
    Failure::unsuited(Error::new(Kind::UnsupportedParameter, message).with_param(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inference::Blame;

    fn form(fields: &str) -> Result<Form, (Blame, String)> {
        let json = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hi"}}],{fields}}}"#);
        Form::of(&serde_json::from_str(&json).unwrap()).map_err(|failure| (failure.blame, failure.error.to_string()))
    }

    fn grammar(fields: &str) -> (String, Grammar) {
        form(fields).unwrap().grammar.unwrap()
    }

    const TOOLS: &str = r#""tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object"}}}]"#;

    #[test]
    fn a_form_is_read_from_whichever_field_has_it() {
        let schema = Grammar::JsonSchema(r#"{"type":"array"}"#.to_owned());
        let format =
            r#""response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"array"}}}"#;
        assert_eq!(grammar(format), ("response_format.json_schema.schema".to_owned(), schema.clone()));
        assert_eq!(grammar(r#""structured_outputs":{"json":{"type":"array"},"regex":null}"#).1, schema);
        assert_eq!(grammar(r#""guided_json":"{\"type\":\"array\"}""#).1, schema);
        assert_eq!(grammar(r#""response_format":{"type":"json_object"}"#).1, any_object());
        assert_eq!(grammar(r#""structured_outputs":{"choice":["a","b"]}"#).1, Grammar::Choice(vec!["a".into(), "b".into()]));
        assert_eq!(grammar(r#""guided_regex":"[a-c]""#).1, Grammar::Regex("[a-c]".to_owned()));
        assert_eq!(grammar(r#""structured_outputs":{"grammar":"start: \"a\""}"#).1, Grammar::Lark("start: \"a\"".to_owned()));
        let nothing =
            r#""response_format":{"type":"text"},"structured_outputs":null,"guided_json":null,"tools":[],"tool_choice":"auto""#;
        assert_eq!(form(nothing), Ok(Form::default()));
    }

    #[test]
    fn functions_are_offered_as_they_are_chosen() {
        for (choice, calling, only) in [
            (r#""auto""#, Calling::Possible, None),
            (r#""required""#, Calling::Required, None),
            (r#"{"type":"function","function":{"name":"f"}}"#, Calling::Required, Some("f".to_owned())),
        ] {
            let offer = form(&format!(r#"{TOOLS},"tool_choice":{choice}"#)).unwrap().offer.unwrap();
            assert_eq!((offer.calling, offer.only.clone(), offer.tools.len()), (calling, only, 1));
            assert_eq!(offer.count, if offer.only.is_some() { Count::One } else { Count::Several });
        }
        assert_eq!(form(&format!(r#"{TOOLS},"tool_choice":"none""#)), Ok(Form::default()));
        let one = form(&format!(r#"{TOOLS},"parallel_tool_calls":false"#)).unwrap();
        assert_eq!(one.offer.unwrap().count, Count::One);
    }

    #[test]
    fn what_is_wrong_is_named_and_what_others_may_know_is_left_to_them() {
        let tools_and_form = format!(r#"{TOOLS},"response_format":{{"type":"json_object"}}"#);
        for (fields, blame, place) in [
            (
                r#""response_format":{"type":"json_schema","json_schema":{"name":"n"}}"#,
                Blame::Invalid,
                "response_format.json_schema.schema",
            ),
            (r#""response_format":{"type":"xml"}"#, Blame::Unsuited, "response_format.type"),
            (r#""response_format":{"type":"json_object"},"guided_regex":"a""#, Blame::Invalid, "guided_regex"),
            (r#""structured_outputs":{"structural_tag":"x"}"#, Blame::Unsuited, "structured_outputs.structural_tag"),
            (r#""structured_outputs":{"choice":"a"}"#, Blame::Invalid, "structured_outputs.choice"),
            (r#""tools":[{"type":"function","function":{}}]"#, Blame::Invalid, "tools[0].function"),
            (r#""tools":[{"type":"custom"}]"#, Blame::Unsuited, "tools[0]"),
            (r#""tool_choice":"required""#, Blame::Invalid, "tools"),
            (r#""tool_choice":{"type":"custom","function":{"name":"f"}}"#, Blame::Unsuited, "tool_choice.type"),
            (&tools_and_form, Blame::Unsuited, "response_format"),
        ] {
            let (actual, error) = form(fields).unwrap_err();
            assert!(actual == blame && error.contains(&format!("`{place}`")), "{fields}: {error}");
        }
    }
}
