//! JSON schemas, made ready for the library, and the place of what it does not take.

use llguidance::JsonCompileOptions;
use serde_json::{Map, Value, json};

use super::bounds::{check_conjunctions, check_piece};
use super::error::GrammarError;

/// Formats that the library keeps strings to. Of any other, JSON Schema says that it is a remark.
const FORMATS: [&str; 10] = ["date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid"];

/// Where schemas lie under a keyword: alone, in a list, or by name.
const ALONE: [&str; 9] =
    ["additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"];
const LISTED: [&str; 5] = ["allOf", "anyOf", "items", "oneOf", "prefixItems"];
const NAMED: [&str; 5] = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties"];

/// The schema, written in the one way that a model has to write it.
pub(super) fn prepared(source: &str) -> Result<Value, GrammarError> {
    let schema = serde_json::from_str(source).map_err(|error| GrammarError::new(format!("it is no JSON: {error}")))?;
    let Value::Object(mut schema) = schema else {
        return Err(GrammarError::new("a schema is a JSON object"));
    };
    schema.shift_remove("x-guidance");
    let mut schema = Value::Object(schema);
    let (mut pieces, mut patterns, mut has_all) = (Vec::new(), 0, false);
    for_each(&mut schema, &mut |schema| {
        drop_remark(schema);
        let given = schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
        pieces.extend(given.map(Value::to_string));
        let own = patterns_of(schema);
        patterns += own.len();
        pieces.extend(own);
        has_all |= schema.contains_key("allOf");
    });
    pieces.iter().try_for_each(|piece| check_piece(piece))?;
    check_conjunctions(if has_all { patterns } else { 0 })?;
    lay_out(&mut schema);
    Ok(schema)
}

/// The expressions of a schema, for its text and for the names of its members.
fn patterns_of(schema: &Map<String, Value>) -> Vec<String> {
    let names = schema.get("patternProperties").and_then(Value::as_object).into_iter().flat_map(Map::keys).cloned();
    names.chain(schema.get("pattern").and_then(Value::as_str).map(str::to_owned)).collect()
}

/// The schema of a call: the name of a function, and its arguments under this key.
pub(crate) fn call_schema(name: &str, key: &str, arguments: &Value) -> Value {
    let mut arguments = arguments.clone();
    for_each(&mut arguments, &mut |schema| {
        drop_remark(schema);
        // What a schema refers to in itself now lies deeper.
        if let Some(Value::String(reference)) = schema.get_mut("$ref")
            && let Some(path) = reference.strip_prefix('#')
        {
            *reference = format!("#/properties/{key}{path}");
        }
    });
    if let Value::Object(arguments) = &mut arguments {
        arguments.shift_remove("x-guidance");
    }
    let mut schema = json!({
        "type": "object",
        "properties": { "name": { "const": name }, key: arguments },
        "required": ["name", key],
        "additionalProperties": false,
    });
    lay_out(&mut schema);
    schema
}

/// Settles how JSON is written.
fn lay_out(schema: &mut Value) {
    let options = JsonCompileOptions {
        item_separator: ", ".to_owned(),
        key_separator: ": ".to_owned(),
        whitespace_flexible: false,
        // No numbers of letters: a letter stands for itself, and a small model that begins with numbers finds no end.
        json_allowed_escapes: Some("nrbtf\\\"".to_owned()),
        ..JsonCompileOptions::default()
    };
    options.apply_to(schema);
}

/// Takes out a format that the library does not know.
fn drop_remark(schema: &mut Map<String, Value>) {
    if schema.get("format").and_then(Value::as_str).is_some_and(|format| !FORMATS.contains(&format)) {
        schema.shift_remove("format");
    }
}

/// Does something with a schema and all within it.
fn for_each(schema: &mut Value, act: &mut impl FnMut(&mut Map<String, Value>)) {
    let Value::Object(map) = schema else { return };
    act(map);
    for (key, value) in map.iter_mut() {
        match value {
            Value::Object(_) if ALONE.contains(&key.as_str()) => for_each(value, act),
            Value::Object(named) if NAMED.contains(&key.as_str()) => named.values_mut().for_each(|schema| for_each(schema, act)),
            Value::Array(listed) if LISTED.contains(&key.as_str()) => listed.iter_mut().for_each(|schema| for_each(schema, act)),
            _ => {}
        }
    }
}

/// The library says what it does not take; where that is, is looked up.
pub(super) fn located(schema: &Value, error: GrammarError) -> GrammarError {
    let is_named = |word: &str| ['"', '\''].iter().any(|quote| error.reason.contains(&format!("{quote}{word}{quote}")));
    let is_value = |value: &str| is_named(value) || error.reason.ends_with(&format!(": {value}"));
    let is_it = |map: &Map<String, Value>, key: &str| is_named(key) || map.get(key).and_then(Value::as_str).is_some_and(is_value);
    let unsupported = error.reason.strip_prefix("Unimplemented keys: ");
    let reason = unsupported.map_or(error.reason.clone(), |keys| format!("keywords that are not supported: {keys}"));
    let place = find(schema, String::new(), &is_it).unwrap_or_default();
    GrammarError { place, reason }
}

/// The path of the first keyword that is looked for.
fn find(schema: &Value, path: String, is_it: &impl Fn(&Map<String, Value>, &str) -> bool) -> Option<String> {
    let map = schema.as_object()?;
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    if let Some(key) = map.keys().find(|key| *key != "x-guidance" && is_it(map, key)) {
        return Some(below(key));
    }
    map.iter().find_map(|(key, value)| match value {
        Value::Object(_) if ALONE.contains(&key.as_str()) => find(value, below(key), is_it),
        Value::Object(named) if NAMED.contains(&key.as_str()) => {
            named.iter().find_map(|(name, schema)| find(schema, below(&format!("{key}.{name}")), is_it))
        }
        Value::Array(listed) if LISTED.contains(&key.as_str()) => {
            (0..).zip(listed).find_map(|(place, schema): (usize, _)| find(schema, below(&format!("{key}[{place}]")), is_it))
        }
        _ => None,
    })
}
