//! The body of a request to AWS: JSON that is as the service model says.

use serde_json::Value;

use super::error::AwsError;
use crate::log::Received;
use crate::shape::{Fault, Shape, Step, Wrong, check};

/// The body, if it has this shape.
pub(super) fn body(received: &Received, shape: &Shape) -> Result<Value, AwsError> {
    let content_type = received.header("content-type").unwrap_or_default();
    if content_type.split(';').next().map(str::trim) != Some("application/json") {
        return Err(AwsError::new(415, "UnsupportedMediaTypeException", format!("Unsupported content type: {content_type:?}")));
    }
    let body: Value = serde_json::from_slice(&received.body)
        .map_err(|error| AwsError::new(400, "SerializationException", format!("The body is no JSON: {error}")))?;
    let faults = check(shape, &body);
    if faults.is_empty() {
        return Ok(body);
    }
    Err(AwsError::validation(told(&faults, &body)))
}

/// The faults of a value, as AWS words them.
pub(super) fn told(faults: &[Fault], body: &Value) -> String {
    let errors = if faults.len() == 1 { "error" } else { "errors" };
    let told: Vec<_> = faults.iter().map(|fault| sentence(fault, body)).collect();
    format!("{} validation {errors} detected: {}", faults.len(), told.join("; "))
}

fn sentence(fault: &Fault, body: &Value) -> String {
    let path = fault.path(|name| format!(".{name}"), |index| format!(".{}.member", index + 1));
    let path = path.trim_start_matches('.').trim_end_matches(".member");
    let value = fault.at.iter().try_fold(body, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Element(index) => value.get(index),
    });
    let value = value.unwrap_or(&Value::Null);
    let failed = |constraint: String| format!("Value '{value}' at '{path}' failed to satisfy constraint: {constraint}");
    match &fault.wrong {
        Wrong::Unknown(name) => format!("'{path}' has an extraneous key [{name}], which is not permitted"),
        Wrong::Missing(name) => format!("Value null at '{path}.{name}' failed to satisfy constraint: Member must not be null"),
        Wrong::Type(expected) => failed(format!("Member must be a {expected}")),
        Wrong::NotOneOf(accepted) => failed(format!("Member must satisfy enum value set: [{}]", accepted.join(", "))),
        Wrong::Range(min, max) => failed(format!("Member must be between {min} and {max}")),
        Wrong::Length(min, max) => failed(format!("Member must have length between {min} and {max}")),
        Wrong::Pattern(pattern) => failed(format!("Member must satisfy regular expression pattern: {pattern}")),
        Wrong::Members(count) => format!("'{path}' is a union and must have exactly one member set, not {count}"),
    }
}
