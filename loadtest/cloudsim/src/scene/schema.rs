//! The least instance of a JSON schema: what a simulated model writes where a schema is asked of it.

use serde_json::{Map, Value, json};

/// Schemas refer to themselves; an instance that deep is nobody's intention.
const DEPTH: usize = 16;

/// The least instance of `schema`. A text without further demands is `name`, so that arguments can be told apart.
pub(super) fn instance(schema: &Value, name: &str) -> Value {
    Walk { root: schema }.instance(schema, name, DEPTH)
}

struct Walk<'a> {
    root: &'a Value,
}

impl Walk<'_> {
    fn instance(&self, schema: &Value, name: &str, depth: usize) -> Value {
        let Some(depth) = depth.checked_sub(1) else {
            return Value::Null;
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return target.map_or(Value::Null, |target| self.instance(target, name, depth));
        }
        let first = |key: &str| schema.get(key).and_then(Value::as_array).and_then(|values| values.first());
        if let Some(value) = schema.get("const").or_else(|| first("enum")) {
            return value.clone();
        }
        if let Some(one) = first("anyOf").or_else(|| first("oneOf")) {
            return self.instance(one, name, depth);
        }
        if let Some(all) = schema.get("allOf").and_then(Value::as_array) {
            let parts = all.iter().filter_map(|part| self.instance(part, name, depth).as_object().cloned());
            return Value::Object(parts.flatten().collect());
        }
        let kind = schema.get("type").and_then(Value::as_str).or_else(|| first("type").and_then(Value::as_str));
        // Some dialects write the names of types in capitals.
        match kind.map(str::to_ascii_lowercase).as_deref() {
            Some("string") => json!(text(schema, name)),
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
            Some("boolean") => json!(true),
            Some("array") => {
                let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0).min(16);
                let item = schema.get("items").map_or(Value::Null, |items| self.instance(items, name, depth));
                Value::Array((0..least).map(|_| item.clone()).collect())
            }
            Some("null") => Value::Null,
            _ => self.object(schema, depth),
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let member = |name: &str| {
            let schema = schema.get("properties").and_then(|properties| properties.get(name)).unwrap_or(&Value::Null);
            (name.to_owned(), self.instance(schema, name, depth))
        };
        Value::Object(required.map(member).collect::<Map<_, _>>())
    }
}

fn text(schema: &Value, name: &str) -> String {
    match schema.get("format").and_then(Value::as_str) {
        Some("date") => return "2026-01-02".into(),
        Some("date-time") => return "2026-01-02T03:04:05Z".into(),
        Some("email") => return "sim@example.com".into(),
        Some("uri") => return "https://example.com/".into(),
        Some("uuid") => return "00000000-0000-4000-8000-000000000000".into(),
        _ => {}
    }
    let limit = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
    let least = limit("minLength").unwrap_or(0).min(1024);
    let most = limit("maxLength").unwrap_or(usize::MAX);
    name.chars().chain(std::iter::repeat('x')).take(name.chars().count().max(least).min(most)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_what_is_required_and_nothing_else() {
        let schema = json!({
            "type": "object", "required": ["city", "days", "unit", "tags", "wind"],
            "properties": {
                "city": { "type": "string" }, "days": { "type": "integer", "minimum": 3 },
                "unit": { "enum": ["C", "F"] }, "tags": { "type": ["array", "null"], "minItems": 1, "items": { "type": "string" } },
                "wind": { "$ref": "#/$defs/wind" }, "note": { "type": "string" },
            },
            "$defs": { "wind": { "anyOf": [{ "type": "BOOLEAN" }, { "type": "null" }] } },
        });
        let expected = json!({ "city": "city", "days": 3, "unit": "C", "tags": ["tags"], "wind": true });
        assert_eq!(instance(&schema, "answer"), expected);
    }

    #[test]
    fn a_schema_within_itself_comes_to_an_end() {
        let schema = json!({ "type": "object", "required": ["next"], "properties": { "next": { "$ref": "#" } } });
        assert!(instance(&schema, "answer").pointer("/next/next/next").is_some());
    }
}
