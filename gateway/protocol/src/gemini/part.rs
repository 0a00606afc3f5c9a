//! The parts of a conversation as they are written.

use serde::Serialize;
use serde_json::value::RawValue;

use super::function_response::FunctionResponse;

/// One turn.
#[derive(Debug, Serialize)]
pub(super) struct Content<'a> {
    pub(super) role: Role,
    pub(super) parts: Vec<Part<'a>>,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    User,
    Model,
}

/// A part of a turn.
#[derive(Debug, Serialize)]
pub(super) struct Part<'a> {
    #[serde(flatten)]
    pub(super) kind: Kind<'a>,
    /// Stands beside the function call that it proves.
    #[serde(rename = "thoughtSignature", skip_serializing_if = "Option::is_none")]
    pub(super) thought_signature: Option<&'a str>,
}

/// What is in a part: the field's name tells.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind<'a> {
    Text(&'a str),
    InlineData(Blob<'a>),
    FileData(FileData<'a>),
    FunctionCall(FunctionCall<'a>),
    FunctionResponse(FunctionResponse<'a>),
}

impl<'a> From<Kind<'a>> for Part<'a> {
    fn from(kind: Kind<'a>) -> Self {
        Self { kind, thought_signature: None }
    }
}

/// Bytes in the request itself.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Blob<'a> {
    pub(super) mime_type: &'a str,
    /// Base64.
    pub(super) data: &'a str,
}

/// Bytes that the service already has, or fetches from Cloud Storage.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FileData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mime_type: Option<&'a str>,
    pub(super) file_uri: &'a str,
}

/// What the model called.
#[derive(Debug, Serialize)]
pub(super) struct FunctionCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<&'a str>,
    pub(super) name: &'a str,
    /// An object.
    pub(super) args: &'a RawValue,
}
