//! The body of a request to Google: JSON that is read as protobuf, strictly.

use serde_json::Value;

use super::proto::{canonical, snake};
use crate::json;
use crate::log::Received;
use crate::refusal::Refusal;
use crate::shape::{Fault, Shape, Step, Wrong, check};

/// The body, if it has this shape.
pub(super) fn body(received: &Received, shape: &Shape) -> Result<Value, Refusal> {
    let body = canonical(shape, Value::Object(json::body(received)?));
    match check(shape, &body).first() {
        None => Ok(body),
        Some(fault) => Err(told(fault, &body)),
    }
}

/// A fault as Google words it.
pub(super) fn told(fault: &Fault, body: &Value) -> Refusal {
    let path = fault.path(|name| format!(".{}", snake(name)), |index| format!("[{index}]"));
    let path = path.trim_start_matches('.');
    let value = fault.at.iter().try_fold(body, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Element(index) => value.get(index),
    });
    let value = value.unwrap_or(&Value::Null);
    let message = match &fault.wrong {
        Wrong::Unknown(name) if path.is_empty() => {
            format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field.")
        }
        Wrong::Unknown(name) => format!("Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field."),
        Wrong::Missing(name) => format!("* GenerateContentRequest.{path}.{name}: {name} is not specified"),
        Wrong::Type(expected) => format!("Invalid value at '{path}' (TYPE_{}), {value}", expected.to_ascii_uppercase()),
        Wrong::NotOneOf(_) => format!("Invalid value at '{path}' (type.googleapis.com/Enum), {value}"),
        Wrong::Range(min, max) => format!("* GenerateContentRequest.{path}: must be in the range [{min}, {max}], is {value}"),
        Wrong::Length(min, max) => {
            format!("* GenerateContentRequest.{path}: must have between {min} and {max} elements or characters")
        }
        Wrong::Pattern(pattern) => format!("* GenerateContentRequest.{path}: Invalid name. Must match {pattern}"),
        Wrong::Members(_) => format!("* GenerateContentRequest.{path}: required oneof field must have one initialized field"),
    };
    Refusal::invalid(path, message)
}
