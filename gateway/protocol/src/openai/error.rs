//! The body of an error.

use std::borrow::Cow;

use serde::Serialize;

/// `{"error": {…}}`: the body of a refusal, and the event that ends a stream which cannot go on.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorBody<'a> {
    /// The error itself.
    pub error: ErrorDetail<'a>,
}

/// What went wrong. All four members are always written, as OpenAI does; SDKs read `code` and `param` from here.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorDetail<'a> {
    /// A sentence for a person.
    pub message: Cow<'a, str>,
    /// The class of error, such as `invalid_request_error`.
    pub r#type: &'a str,
    /// The request field at fault, if one is.
    pub param: Option<Cow<'a, str>>,
    /// A stable name for programs, such as `model_not_found`.
    pub code: Option<&'a str>,
}
