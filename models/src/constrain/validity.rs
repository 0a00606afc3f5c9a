//! Whether a document is what a schema describes, by a second opinion: that of the definition, keyword by keyword. Crates that validate
//! JSON Schema ask `serde_json` for other features, and everything would be built twice.

use serde_json::Value;

/// Of the keywords that the tests use; any other is a mistake in a test.
pub(crate) fn is_valid(schema: &Value, value: &Value) -> bool {
    describes(schema, schema, value)
}

fn describes(root: &Value, schema: &Value, value: &Value) -> bool {
    let keywords = schema.as_object().unwrap();
    keywords.iter().all(|(keyword, limit)| match keyword.as_str() {
        "$defs" => true,
        "$ref" => describes(root, root.pointer(limit.as_str().unwrap().strip_prefix('#').unwrap()).unwrap(), value),
        "anyOf" => limit.as_array().unwrap().iter().any(|schema| describes(root, schema, value)),
        "type" => match limit {
            Value::Array(names) => names.iter().any(|name| is_of_type(name, value)),
            name => is_of_type(name, value),
        },
        "enum" => limit.as_array().unwrap().contains(value),
        "const" => limit == value,
        "minimum" => number(value).is_none_or(|number| number >= limit.as_f64().unwrap()),
        "exclusiveMinimum" => number(value).is_none_or(|number| number > limit.as_f64().unwrap()),
        "maximum" => number(value).is_none_or(|number| number <= limit.as_f64().unwrap()),
        "minLength" => value.as_str().is_none_or(|text| text.chars().count() >= count(limit)),
        "maxLength" => value.as_str().is_none_or(|text| text.chars().count() <= count(limit)),
        "pattern" => value.as_str().is_none_or(|text| matches_pattern(limit.as_str().unwrap(), text)),
        "format" => value.as_str().is_none_or(|text| limit == "date" && is_date(text)),
        "minItems" => value.as_array().is_none_or(|items| items.len() >= count(limit)),
        "maxItems" => value.as_array().is_none_or(|items| items.len() <= count(limit)),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|item| describes(root, limit, item))),
        "required" => {
            let names = limit.as_array().unwrap();
            value.as_object().is_none_or(|members| names.iter().all(|name| members.contains_key(name.as_str().unwrap())))
        }
        "properties" => value.as_object().is_none_or(|members| {
            let described = members.iter().filter_map(|(name, member)| Some((limit.get(name)?, member)));
            described.into_iter().all(|(schema, member)| describes(root, schema, member))
        }),
        "additionalProperties" => {
            assert_eq!(limit, &Value::Bool(false));
            let known = schema.get("properties").and_then(Value::as_object);
            let is_known = |name: &String| known.is_some_and(|known| known.contains_key(name));
            value.as_object().is_none_or(|members| members.keys().all(is_known))
        }
        other => panic!("`{other}` is not known here"),
    })
}

fn is_of_type(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap() {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => number(value).is_some_and(|number| number.fract() == 0.0),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        other => panic!("there is no type `{other}`"),
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

fn count(limit: &Value) -> usize {
    usize::try_from(limit.as_u64().unwrap()).unwrap()
}

/// The one pattern of the tests.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    assert_eq!(pattern, "^[a-c]{1,3}-[0-9]+$");
    text.split_once('-').is_some_and(|(letters, digits)| {
        let are_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        (1..=3).contains(&letters.len()) && letters.bytes().all(|byte| (b'a'..=b'c').contains(&byte)) && are_digits
    })
}

/// `YYYY-MM-DD`, with a month and a day that there are.
fn is_date(text: &str) -> bool {
    let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else { return false };
    let within = |part: &str, most: u32| part.len() == 2 && part.parse().is_ok_and(|part: u32| (1..=most).contains(&part));
    year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit()) && within(month, 12) && within(day, 31)
}

#[test]
fn what_is_not_described_is_told_from_what_is() {
    use serde_json::json;

    let schema = json!({ "$defs": { "n": { "type": "integer", "maximum": 3 } }, "type": "object", "required": ["a"],
        "properties": { "a": { "$ref": "#/$defs/n" }, "b": { "type": "array", "items": { "enum": ["x"] }, "maxItems": 1 } },
        "additionalProperties": false });
    for (value, expected) in [
        (json!({ "a": 3 }), true),
        (json!({ "a": 1, "b": ["x"] }), true),
        (json!({ "a": 4 }), false),
        (json!({ "a": 1.5 }), false),
        (json!({ "b": [] }), false),
        (json!({ "a": 1, "b": ["y"] }), false),
        (json!({ "a": 1, "b": ["x", "x"] }), false),
        (json!({ "a": 1, "c": 1 }), false),
        (json!([]), false),
    ] {
        assert_eq!(is_valid(&schema, &value), expected, "{value}");
    }
}
