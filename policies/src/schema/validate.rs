//! As much of a validator as the schema needs. A keyword that it does not know fails the test.

use serde_json::Value;

/// What only describes.
const ANNOTATIONS: [&str; 7] = ["$schema", "title", "description", "default", "examples", "format", "definitions"];

/// Everything in `value` that the schema refuses, as a path and a reason.
pub(super) fn refusals(root: &Value, value: &Value) -> Vec<String> {
    let mut refusals = Vec::new();
    check(root, root, value, "", &mut refusals);
    refusals
}

fn fits(root: &Value, node: &Value, value: &Value) -> bool {
    let mut refusals = Vec::new();
    check(root, node, value, "", &mut refusals);
    refusals.is_empty()
}

fn check(root: &Value, node: &Value, value: &Value, path: &str, refusals: &mut Vec<String>) {
    for (keyword, rule) in node.as_object().unwrap() {
        if !ANNOTATIONS.contains(&keyword.as_str()) && !holds(root, node, (keyword, rule), value, path, refusals) {
            refusals.push(format!("{path}: {keyword} {rule}"));
        }
    }
}

/// Whether one keyword holds; one that is about the parts of a value tells of them itself.
fn holds(
    root: &Value,
    node: &Value,
    (keyword, rule): (&str, &Value),
    value: &Value,
    path: &str,
    refusals: &mut Vec<String>,
) -> bool {
    let length = || value.as_str().map(|text| text.chars().count());
    let size = |keyword: &str| match keyword {
        "minItems" | "maxItems" => value.as_array().map(Vec::len),
        "minProperties" => value.as_object().map(serde_json::Map::len),
        _ => length(),
    };
    match keyword {
        "$ref" => {
            let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
            check(root, target, value, path, refusals);
            true
        }
        "type" => is_a(value, rule.as_str().unwrap()),
        "const" => value == rule,
        "enum" => rule.as_array().unwrap().contains(value),
        "anyOf" | "oneOf" => rule.as_array().unwrap().iter().any(|choice| fits(root, choice, value)),
        "allOf" => {
            rule.as_array().unwrap().iter().for_each(|part| check(root, part, value, path, refusals));
            true
        }
        "if" => {
            if fits(root, rule, value) {
                check(root, &node["then"], value, path, refusals);
            }
            true
        }
        "then" => true,
        "propertyNames" => {
            value.as_object().is_none_or(|members| members.keys().all(|name| fits(root, rule, &Value::from(name.as_str()))))
        }
        "required" => value
            .as_object()
            .is_none_or(|members| rule.as_array().unwrap().iter().all(|key| members.contains_key(key.as_str().unwrap()))),
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
        "minLength" | "minItems" | "minProperties" => size(keyword).is_none_or(|size| size as u64 >= rule.as_u64().unwrap()),
        "maxLength" | "maxItems" => size(keyword).is_none_or(|size| size as u64 <= rule.as_u64().unwrap()),
        // Patterns are for editors: what they say of a text is said better by the reader.
        "pattern" => true,
        "items" => {
            for (place, element) in value.as_array().into_iter().flatten().enumerate() {
                check(root, rule, element, &format!("{path}[{place}]"), refusals);
            }
            true
        }
        "properties" => {
            for (name, property) in rule.as_object().unwrap() {
                if let Some(member) = value.get(name) {
                    check(root, property, member, &format!("{path}.{name}"), refusals);
                }
            }
            true
        }
        "additionalProperties" => {
            let known = node["properties"].as_object();
            let others =
                value.as_object().into_iter().flatten().filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
            for (name, member) in others {
                match rule {
                    Value::Bool(false) => refusals.push(format!("{path}: unknown key {name}")),
                    rule => check(root, rule, member, &format!("{path}.{name}"), refusals),
                }
            }
            true
        }
        other => panic!("the schema says `{other}`, which this validator does not know"),
    }
}

fn is_a(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("the schema has type `{other}`, which TOML has not"),
    }
}
