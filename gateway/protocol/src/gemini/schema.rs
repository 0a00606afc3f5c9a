//! A JSON schema reduced to the part of OpenAPI 3.0 that older Gemini models take.
//!
//! References are put in place of what they refer to, `allOf` is merged, `const` becomes an `enum` of one, `null` among the types becomes
//! `nullable`, and keywords that OpenAPI's schema object lacks are left out: they could only narrow what is accepted. A schema that refers
//! to itself has no such form and is refused.

use serde_json::{Map, Value, value::RawValue};

use crate::chat::ConvertError;

/// References may stand in each other so deep; a schema for a person's eyes has a handful.
const DEEPEST: usize = 32;
/// So many schemas may stand in one: references multiply, and a short text could otherwise unfold without end.
const MOST_NODES: usize = 10_000;

/// Keywords whose values go as they are.
const PLAIN: [&str; 15] = [
    "format",
    "title",
    "description",
    "nullable",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "example",
    "default",
];

/// The reduced form of `schema`, which stands at `param`.
///
/// # Errors
/// [`ConvertError::Unsupported`], where there is none.
pub(super) fn open_api(schema: &RawValue, param: &str) -> Result<Value, ConvertError> {
    let unsupported = |what: &str| ConvertError::unsupported(param, format!("The schema at `{param}` {what}."));
    let root: Value = serde_json::from_str(schema.get()).map_err(|error| unsupported(&format!("cannot be read: {error}")))?;
    let mut reduction = Reduction { root: &root, nodes: 0 };
    reduction.schema(&root, 0).map(Value::Object).map_err(|fault| unsupported(&fault.to_string()))
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("refers to `{0}`, which is not in it")]
    Dangling(String),
    #[error("refers to itself, or is nested deeper than {DEEPEST} levels, which this model does not take")]
    Endless,
    #[error("unfolds to more than {MOST_NODES} parts, more than this model takes")]
    TooLarge,
}

struct Reduction<'a> {
    root: &'a Value,
    nodes: usize,
}

impl<'a> Reduction<'a> {
    fn schema(&mut self, schema: &'a Value, depth: usize) -> Result<Map<String, Value>, Fault> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(Fault::TooLarge);
        }
        if depth > DEEPEST {
            return Err(Fault::Endless);
        }
        let mut reduced = Map::new();
        // `true` and `false` are schemas too; the nearest that can be said is "anything".
        let Value::Object(schema) = schema else { return Ok(reduced) };
        if let Some(Value::String(reference)) = schema.get("$ref") {
            merge(&mut reduced, self.schema(self.resolve(reference)?, depth + 1)?);
        }
        for part in list(schema.get("allOf")) {
            merge(&mut reduced, self.schema(part, depth + 1)?);
        }
        merge(&mut reduced, self.own(schema, depth)?);
        Ok(reduced)
    }

    fn resolve(&self, reference: &str) -> Result<&'a Value, Fault> {
        let found = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
        found.ok_or_else(|| Fault::Dangling(reference.to_owned()))
    }

    /// What a schema says itself, without its references.
    fn own(&mut self, schema: &'a Map<String, Value>, depth: usize) -> Result<Map<String, Value>, Fault> {
        let mut own = Map::new();
        self.types(schema, depth, &mut own)?;
        for (name, value) in schema {
            match name.as_str() {
                "const" => constants(std::slice::from_ref(value), &mut own),
                "enum" => constants(list(Some(value)), &mut own),
                "properties" => {
                    let Value::Object(properties) = value else { continue };
                    let mut reduced = Map::new();
                    for (name, property) in properties {
                        reduced.insert(name.clone(), self.schema(property, depth + 1)?.into());
                    }
                    own.insert("properties".to_owned(), reduced.into());
                }
                "items" => {
                    own.insert("items".to_owned(), self.schema(value, depth + 1)?.into());
                }
                "required" | "propertyOrdering" => {
                    own.insert(name.clone(), value.clone());
                }
                plain if PLAIN.contains(&plain) => {
                    own.insert(name.clone(), value.clone());
                }
                _ => {}
            }
        }
        Ok(own)
    }

    /// The type, or the alternatives: from `type`, `anyOf` and `oneOf`.
    fn types(&mut self, schema: &'a Map<String, Value>, depth: usize, own: &mut Map<String, Value>) -> Result<(), Fault> {
        let mut alternatives = Vec::new();
        let mut is_nullable = false;
        match schema.get("type") {
            Some(Value::Array(types)) => {
                is_nullable = types.iter().any(|name| name == "null");
                let types: Vec<&Value> = types.iter().filter(|name| *name != "null").collect();
                if let [one] = types.as_slice() {
                    own.insert("type".to_owned(), (*one).clone());
                } else {
                    alternatives.extend(types.into_iter().map(|name| Map::from_iter([("type".to_owned(), name.clone())])));
                }
            }
            Some(name) => {
                own.insert("type".to_owned(), name.clone());
            }
            None => {}
        }
        for alternative in list(schema.get("anyOf")).iter().chain(list(schema.get("oneOf"))) {
            if alternative.get("type").is_some_and(|name| name == "null") {
                is_nullable = true;
            } else {
                alternatives.push(self.schema(alternative, depth + 1)?);
            }
        }
        if is_nullable {
            own.insert("nullable".to_owned(), true.into());
        }
        if alternatives.len() == 1 {
            alternatives.into_iter().for_each(|one| merge(own, one));
        } else if !alternatives.is_empty() {
            own.insert("anyOf".to_owned(), alternatives.into_iter().map(Value::Object).collect());
        }
        Ok(())
    }
}

/// Texts only: this form has no other constants, so others are left out.
fn constants(values: &[Value], own: &mut Map<String, Value>) {
    let texts: Vec<Value> = values.iter().filter(|value| value.is_string()).cloned().collect();
    if values.iter().any(Value::is_null) {
        own.insert("nullable".to_owned(), true.into());
    }
    if !texts.is_empty() && texts.len() + usize::from(values.contains(&Value::Null)) == values.len() {
        own.entry("type").or_insert_with(|| "string".into());
        own.insert("enum".to_owned(), texts.into());
    }
}

/// `more` into `schema`: properties and required names add up, and for the rest the later word counts.
fn merge(schema: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        match (schema.get_mut(&name), value) {
            (Some(Value::Object(known)), Value::Object(more)) if name == "properties" => known.extend(more),
            (Some(Value::Array(known)), Value::Array(more)) if name == "required" => {
                for item in more {
                    if !known.contains(&item) {
                        known.push(item);
                    }
                }
            }
            (_, value) => {
                schema.insert(name, value);
            }
        }
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reduce(schema: &Value) -> Result<Value, String> {
        let raw = serde_json::value::to_raw_value(schema).unwrap();
        open_api(&raw, "p").map_err(|error| error.to_string())
    }

    #[test]
    fn references_stand_where_they_were_made() {
        let schema = json!({"$defs": {"A": {"type": "object", "properties": {"x": {"$ref": "#/$defs/B"}}}, "B": {"type": "integer"}},
            "$ref": "#/$defs/A", "description": "d", "additionalProperties": false, "$schema": "s"});
        let reduced = json!({"type": "object", "properties": {"x": {"type": "integer"}}, "description": "d"});
        assert_eq!(reduce(&schema), Ok(reduced));
    }

    #[test]
    fn all_of_is_merged_and_constants_become_enums() {
        let schema = json!({"allOf": [{"type": "object", "properties": {"a": {"const": "x"}}, "required": ["a"]},
            {"properties": {"b": {"enum": ["y", null]}, "c": {"enum": [1, 2], "type": "integer"}}, "required": ["a", "b"]}]});
        let reduced = json!({"type": "object", "properties": {"a": {"type": "string", "enum": ["x"]},
            "b": {"nullable": true, "type": "string", "enum": ["y"]}, "c": {"type": "integer"}}, "required": ["a", "b"]});
        assert_eq!(reduce(&schema), Ok(reduced));
    }

    #[test]
    fn null_among_the_types_becomes_nullable() {
        let nullable = json!({"type": "string", "nullable": true});
        assert_eq!(reduce(&json!({"type": ["string", "null"]})), Ok(nullable.clone()));
        assert_eq!(reduce(&json!({"anyOf": [{"type": "string"}, {"type": "null"}]})), Ok(nullable));
        let either = json!({"anyOf": [{"type": "string"}, {"type": "integer"}]});
        assert_eq!(reduce(&json!({"type": ["string", "integer"]})), Ok(either.clone()));
        assert_eq!(reduce(&json!({"oneOf": [{"type": "string"}, {"type": "integer"}]})), Ok(either));
    }

    #[test]
    fn a_property_may_be_called_like_a_keyword() {
        let schema = json!({"type": "object", "properties": {"$ref": {"type": "string"}, "const": {"type": "string"}}});
        assert_eq!(reduce(&schema), Ok(schema));
    }

    #[test]
    fn what_cannot_be_unfolded_is_refused() {
        let endless = json!({"$defs": {"N": {"properties": {"next": {"$ref": "#/$defs/N"}}}}, "$ref": "#/$defs/N"});
        assert!(reduce(&endless).unwrap_err().contains("refers to itself"));
        assert!(reduce(&json!({"$ref": "#/$defs/X"})).unwrap_err().contains("#/$defs/X"));
        assert!(reduce(&json!({"$ref": "https://example.com/s"})).unwrap_err().contains("not in it"));
        let twice = |name: String| json!({"properties": {"a": {"$ref": name}, "b": {"$ref": name}}});
        let mut defs: Map<String, Value> = (0..20).map(|n| (n.to_string(), twice(format!("#/$defs/{}", n + 1)))).collect();
        defs.insert("20".to_owned(), json!({}));
        assert!(reduce(&json!({"$defs": defs, "$ref": "#/$defs/0"})).is_err());
    }
}
