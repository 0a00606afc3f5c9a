//! Errors in AWS's manner: the kind in the header `x-amzn-errortype`, the text in the body.

use serde_json::{Value, json};

/// A request that is refused, or a call that failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct AwsError {
    pub(crate) status: u16,
    /// The name of the exception.
    pub(crate) kind: &'static str,
    pub(crate) body: Value,
}

impl AwsError {
    pub(crate) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Self { status, kind, body: json!({ "message": message }) }
    }

    /// A request that is not as the service model says.
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationException", message)
    }

    /// A caller who is not known, or who may not.
    pub(crate) fn forbidden(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(403, kind, message)
    }

    /// What there is not.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "ResourceNotFoundException", message)
    }

    /// The value of `x-amzn-errortype`: services append the address of their model to the name, and readers must cut it off.
    pub(crate) fn type_header(&self) -> String {
        format!("{}:http://internal.amazon.com/coral/com.amazon.coral.service/", self.kind)
    }
}
