//! Fields of Gemini's own that a caller adds to an OpenAI request.

use serde_json::value::RawValue;

use super::options::Service;
use crate::chat::{ChatRequest, ConvertError, Dropped};

/// The extensions that this dialect knows, as they came.
#[derive(Debug, Default)]
pub(super) struct Extensions<'a> {
    pub(super) safety_settings: Option<&'a RawValue>,
    pub(super) cached_content: Option<&'a RawValue>,
    pub(super) labels: Option<&'a RawValue>,
    pub(super) thinking_config: Option<&'a RawValue>,
    pub(super) media_resolution: Option<&'a RawValue>,
    pub(super) response_modalities: Option<[&'static str; 1]>,
}

impl<'a> Extensions<'a> {
    /// Those of `request`, by Google's names or as Python callers spell them; others are noted as dropped.
    pub(super) fn of(request: &'a ChatRequest, service: Service, dropped: &mut Dropped) -> Result<Self, ConvertError> {
        let mut extensions = Self::default();
        for (name, value) in &request.extensions {
            let place = match name.as_str() {
                "safetySettings" | "safety_settings" => &mut extensions.safety_settings,
                "cachedContent" | "cached_content" => &mut extensions.cached_content,
                "thinkingConfig" | "thinking_config" => &mut extensions.thinking_config,
                "mediaResolution" | "media_resolution" => &mut extensions.media_resolution,
                "labels" if service == Service::Vertex => &mut extensions.labels,
                "modalities" => {
                    extensions.response_modalities = Some(text_only(value)?);
                    continue;
                }
                _ => {
                    dropped.note_extension(name);
                    continue;
                }
            };
            *place = Some(value);
        }
        extensions.check_cache(request)?;
        Ok(extensions)
    }

    /// A cached prefix brings its own instructions and tools; Google refuses others beside it.
    fn check_cache(&self, request: &ChatRequest) -> Result<(), ConvertError> {
        let has_instructions = request.messages.iter().any(|message| matches!(message, crate::chat::Message::System(_)));
        if self.cached_content.is_none() || !has_instructions && request.tools.is_empty() && request.tool_choice.is_none() {
            return Ok(());
        }
        Err(ConvertError::unsupported(
            "cachedContent",
            "`cachedContent` brings its own instructions and tools. Accepted beside it: no system message, no `tools`, no `tool_choice`.",
        ))
    }
}

/// An answer in sound or images could not be told in OpenAI's form.
fn text_only(modalities: &RawValue) -> Result<[&'static str; 1], ConvertError> {
    match serde_json::from_str::<Vec<&str>>(modalities.get()).as_deref() {
        Ok(["text"]) => Ok(["TEXT"]),
        _ => Err(ConvertError::unsupported("modalities", "`modalities` asks for more than text. Accepted: [\"text\"].")),
    }
}
