//! Finds what is wrong with a value. Members that are `null` count as missing, as protobuf and the AWS parsers have it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::{Fault, Member, Need, Shape, Step, Text, Wrong};

/// Everything that is wrong with the value.
pub(crate) fn check(shape: &Shape, value: &Value) -> Vec<Fault> {
    let mut faults = Faults { at: Vec::new(), found: Vec::new() };
    faults.visit(shape, value);
    faults.found
}

struct Faults {
    at: Vec<Step>,
    found: Vec<Fault>,
}

impl Faults {
    fn visit(&mut self, shape: &Shape, value: &Value) {
        match (shape, value) {
            (Shape::Any, _) | (Shape::AnyObject, Value::Object(_)) | (Shape::Flag, Value::Bool(_)) => {}
            (Shape::Whole(min, max), Value::Number(number)) => match number.as_i64() {
                Some(whole) if (*min..=*max).contains(&whole) => {}
                Some(_) => self.range(*min as f64, *max as f64),
                None => self.add(Wrong::Type("integer")),
            },
            (Shape::Number(min, max), Value::Number(number)) => {
                if !number.as_f64().is_some_and(|number| (*min..=*max).contains(&number)) {
                    self.range(*min, *max);
                }
            }
            (Shape::Text(allowed), Value::String(text)) => self.text(allowed, text),
            (Shape::Choice(allowed), Value::String(text)) => {
                if !allowed.contains(&text.as_str()) {
                    self.add(Wrong::NotOneOf(allowed));
                }
            }
            (Shape::Base64, Value::String(text)) => {
                if STANDARD.decode(text).is_err() {
                    self.add(Wrong::Type("base64"));
                }
            }
            (Shape::List { of, min, max }, Value::Array(elements)) => {
                if !(*min..=*max).contains(&elements.len()) {
                    self.add(Wrong::Length(*min, *max));
                }
                for (index, element) in elements.iter().enumerate() {
                    self.below(Step::Element(index), of, element);
                }
            }
            (Shape::Map { of, max }, Value::Object(entries)) => {
                if entries.len() > *max {
                    self.add(Wrong::Length(0, *max));
                }
                for (key, value) in entries {
                    self.below(Step::Member(key.clone()), of, value);
                }
            }
            (Shape::Structure(members), Value::Object(given)) => self.members(members, given),
            (Shape::Union(members), Value::Object(given)) => {
                self.members(members, given);
                let given = given.values().filter(|value| !value.is_null()).count();
                if given != 1 {
                    self.add(Wrong::Members(given));
                }
            }
            _ => self.add(Wrong::Type(shape.type_name())),
        }
    }

    fn members(&mut self, members: &[Member], given: &Map<String, Value>) {
        for (name, value) in given.iter().filter(|(_, value)| !value.is_null()) {
            match members.iter().find(|member| member.name == name) {
                Some(member) => self.below(Step::Member(name.clone()), member.shape, value),
                None => self.add(Wrong::Unknown(name.clone())),
            }
        }
        for member in members.iter().filter(|member| member.need == Need::Required) {
            if given.get(member.name).is_none_or(Value::is_null) {
                self.add(Wrong::Missing(member.name));
            }
        }
    }

    fn text(&mut self, allowed: &Text, text: &str) {
        if !(allowed.min..=allowed.max).contains(&text.chars().count()) {
            self.add(Wrong::Length(allowed.min, allowed.max));
        } else if !text.chars().all(|character| allowed.of.has(character)) {
            self.add(Wrong::alphabet(allowed.of));
        }
    }

    fn range(&mut self, min: f64, max: f64) {
        self.add(Wrong::Range(min, max));
    }

    fn below(&mut self, step: Step, shape: &Shape, value: &Value) {
        self.at.push(step);
        self.visit(shape, value);
        self.at.pop();
    }

    fn add(&mut self, wrong: Wrong) {
        self.found.push(Fault { at: self.at.clone(), wrong });
    }
}

impl Shape {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Any | Self::AnyObject | Self::Map { .. } | Self::Structure(_) | Self::Union(_) => "object",
            Self::Flag => "boolean",
            Self::Whole(..) => "integer",
            Self::Number(..) => "number",
            Self::Text(_) | Self::Choice(_) => "string",
            Self::Base64 => "base64",
            Self::List { .. } => "array",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Alphabet, NON_EMPTY, list, optional, required};
    use super::*;

    const NAME: Shape = Shape::Text(Text { min: 1, max: 3, of: Alphabet::Name });
    const BLOCK: Shape = Shape::Union(&[optional("text", &NON_EMPTY), optional("bytes", &Shape::Base64)]);
    const BLOCKS: Shape = list(&BLOCK);
    const TOP: Shape = Shape::Structure(&[
        required("name", &NAME),
        optional("blocks", &BLOCKS),
        optional("limit", &Shape::Whole(1, 9)),
        optional("mode", &Shape::Choice(&["a", "b"])),
    ]);

    fn faults(value: Value) -> Vec<(String, Wrong)> {
        let path = |fault: &Fault| fault.path(|name| format!("/{name}"), |index| format!("/{index}"));
        check(&TOP, &value).into_iter().map(|fault| (path(&fault), fault.wrong)).collect()
    }

    #[test]
    fn a_value_as_the_table_says_has_no_fault() {
        let value = json!({ "name": "a-1", "blocks": [{ "text": "x" }, { "bytes": "AAE=" }], "limit": 9, "mode": null });
        assert_eq!(faults(value), []);
    }

    #[test]
    fn each_fault_is_named_with_its_place() {
        let value = json!({ "blocks": [{}, { "text": "x", "bytes": "?" }, { "txt": "" }], "limit": 10, "mode": "c", "x": 1 });
        assert_eq!(
            faults(value),
            [
                ("/blocks/0".into(), Wrong::Members(0)),
                ("/blocks/1/bytes".into(), Wrong::Type("base64")),
                ("/blocks/1".into(), Wrong::Members(2)),
                ("/blocks/2".into(), Wrong::Unknown("txt".into())),
                ("/limit".into(), Wrong::Range(1.0, 9.0)),
                ("/mode".into(), Wrong::NotOneOf(&["a", "b"])),
                (String::new(), Wrong::Unknown("x".into())),
                (String::new(), Wrong::Missing("name")),
            ]
        );
    }

    #[test]
    fn texts_are_measured_and_their_characters_checked() {
        assert_eq!(faults(json!({ "name": "long" })), [("/name".into(), Wrong::Length(1, 3))]);
        assert_eq!(faults(json!({ "name": "a b" })), [("/name".into(), Wrong::Pattern("[a-zA-Z0-9_-]+"))]);
        assert_eq!(faults(json!({ "name": 7 })), [("/name".into(), Wrong::Type("string"))]);
    }
}
