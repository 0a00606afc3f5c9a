//! Google's own fields of an embeddings request.

use serde_json::Value;

use crate::{
    chat::{ConvertError, Dropped},
    openai::EmbeddingRequest,
};

/// What vectors are for: in Cohere's words, which callers of several clouds use, and in Google's.
const TASKS: [(&str, &str); 4] = [
    ("search_document", "RETRIEVAL_DOCUMENT"),
    ("search_query", "RETRIEVAL_QUERY"),
    ("classification", "CLASSIFICATION"),
    ("clustering", "CLUSTERING"),
];

/// What the caller asks for besides vectors.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct EmbedOptions<'a> {
    /// What the vectors are for.
    pub(super) task: Option<&'a str>,
    /// What the document is called.
    pub(super) title: Option<&'a str>,
    /// Whether texts that are too long are cut rather than refused.
    pub(super) auto_truncate: Option<bool>,
}

impl<'a> EmbedOptions<'a> {
    /// Those of `request`; others are noted as dropped.
    pub(super) fn of(request: &'a EmbeddingRequest, dropped: &mut Dropped) -> Result<Self, ConvertError> {
        let mut options = Self::default();
        for (name, value) in request.rest.iter().filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "task_type" | "taskType" => options.task = Some(text(name, value)?),
                "input_type" => options.task = Some(task(text(name, value)?)),
                "title" => options.title = Some(text(name, value)?),
                "auto_truncate" | "autoTruncate" => {
                    let told = value.as_bool();
                    options.auto_truncate = Some(told.ok_or_else(|| wrong_type(name, "true or false"))?);
                }
                _ => dropped.note_extension(name),
            }
        }
        Ok(options)
    }
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, ConvertError> {
    value.as_str().ok_or_else(|| wrong_type(name, "a string"))
}

fn wrong_type(name: &str, accepted: &str) -> ConvertError {
    ConvertError::invalid(name, format!("`{name}` must be {accepted}."))
}

fn task(input_type: &str) -> &str {
    TASKS.iter().find(|(cohere, _)| *cohere == input_type).map_or(input_type, |(_, task)| task)
}
