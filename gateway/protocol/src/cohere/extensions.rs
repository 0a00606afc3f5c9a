//! Fields of Cohere's own that a caller adds to an OpenAI request.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::chat::{ChatRequest, Dropped};

/// The extensions that this dialect knows, as they came.
#[derive(Debug, Default, Serialize)]
pub(super) struct Extensions<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    citation_options: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_mode: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict_tools: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<&'a RawValue>,
    /// Written by [`super::thinking`].
    #[serde(skip)]
    pub(super) thinking: Option<&'a RawValue>,
}

impl<'a> Extensions<'a> {
    /// Those of `request`; others are noted as dropped.
    pub(super) fn of(request: &'a ChatRequest, dropped: &mut Dropped) -> Self {
        let mut extensions = Self::default();
        for (name, value) in &request.extensions {
            let place = match name.as_str() {
                "documents" => &mut extensions.documents,
                "citation_options" => &mut extensions.citation_options,
                "safety_mode" => &mut extensions.safety_mode,
                "strict_tools" => &mut extensions.strict_tools,
                "priority" => &mut extensions.priority,
                "thinking" => &mut extensions.thinking,
                _ => {
                    dropped.note_extension(name);
                    continue;
                }
            };
            *place = Some(value);
        }
        extensions
    }
}
