//! JSON as protobuf takes it: members named in either case, bytes in either alphabet of base64, padded or not.
//!
//! Google's own SDK relies on all of that. Bodies are brought to one form, by the table of what they may be, before they are checked;
//! what is no protobuf (arguments, JSON schemas, labels) stays as it is.

use serde_json::Value;

use crate::shape::{Member, Shape};

/// The value in the form that the table is written in.
pub(super) fn canonical(shape: &Shape, value: Value) -> Value {
    match (shape, value) {
        (Shape::Structure(members) | Shape::Union(members), Value::Object(given)) => {
            let member = |(name, value): (String, Value)| match named(members, &name) {
                Some(member) => (member.name.to_owned(), canonical(member.shape, value)),
                None => (name, value),
            };
            Value::Object(given.into_iter().map(member).collect())
        }
        (Shape::List { of, .. }, Value::Array(elements)) => {
            Value::Array(elements.into_iter().map(|element| canonical(of, element)).collect())
        }
        (Shape::Map { of, .. }, Value::Object(entries)) => {
            Value::Object(entries.into_iter().map(|(key, value)| (key, canonical(of, value))).collect())
        }
        (Shape::Base64, Value::String(text)) => Value::String(standard(&text)),
        (_, value) => value,
    }
}

fn named<'a>(members: &'a [Member], name: &str) -> Option<&'a Member> {
    members.iter().find(|member| member.name == name || snake(member.name) == name)
}

/// A member's name as the proto file writes it.
pub(super) fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

/// Base64 in the standard alphabet, padded.
fn standard(text: &str) -> String {
    let mut standard = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    while !standard.len().is_multiple_of(4) {
        standard.push('=');
    }
    standard
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::shape::{TEXT, optional};

    #[test]
    fn either_case_and_either_alphabet_are_one_form() {
        const SHAPE: Shape = Shape::Structure(&[
            optional("thoughtSignature", &Shape::Base64),
            optional("mimeType", &TEXT),
            optional("args", &Shape::AnyObject),
        ]);
        let value = json!({ "thought_signature": "-_8", "mimeType": "a_b", "args": { "snake_case": 1 }, "what_is_this": 2 });
        let expected = json!({ "thoughtSignature": "+/8=", "mimeType": "a_b", "args": { "snake_case": 1 }, "what_is_this": 2 });
        assert_eq!(canonical(&SHAPE, value), expected);
    }
}
