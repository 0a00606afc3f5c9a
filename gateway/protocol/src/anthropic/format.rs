//! The form of the answer. Newer models keep to a schema by themselves; older ones are made to call a tool whose arguments are the answer,
//! and [`read_answer`](super::read_answer) and the decoders turn that call back into text.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::chat::{ChatRequest, ConvertError, Effort, ResponseFormat, Target};

/// What keeps the answer in its form.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format<'a> {
    /// Nothing: any text will do.
    Free,
    /// The model does.
    Native(Schema<'a>),
    /// A tool does.
    Tool {
        /// What the answer is for.
        description: Option<&'a str>,
        /// Its form.
        schema: Schema<'a>,
    },
}

/// A schema.
#[derive(Debug, Clone, Copy)]
pub(super) enum Schema<'a> {
    /// Any object.
    AnyObject,
    /// The caller's.
    Given(&'a RawValue),
}

impl<'a> Format<'a> {
    /// The form that `request` asks for.
    pub(super) fn of(request: &'a ChatRequest, target: &Target<'_>) -> Self {
        let (description, schema) = match &request.response_format {
            None | Some(ResponseFormat::Text) => return Self::Free,
            Some(ResponseFormat::JsonObject) => (None, Schema::AnyObject),
            Some(ResponseFormat::JsonSchema { description, schema, .. }) => (description.as_deref(), Schema::Given(schema)),
        };
        if target.capabilities.json_schema.is_yes() { Self::Native(schema) } else { Self::Tool { description, schema } }
    }
}

impl Serialize for Schema<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Given(schema) => schema.serialize(serializer),
            Self::AnyObject => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("type", "object")?;
                map.serialize_entry("additionalProperties", &true)?;
                map.end()
            }
        }
    }
}

/// `output_config`: what the caller wrote there, and below it what follows from the rest of the request.
#[derive(Debug, Default)]
pub(super) struct OutputConfig<'a> {
    written: BTreeMap<Cow<'a, str>, &'a RawValue>,
    effort: Option<&'static str>,
    schema: Option<Schema<'a>>,
}

impl<'a> OutputConfig<'a> {
    /// The member of the body; none where there is nothing to say.
    pub(super) fn of(request: &'a ChatRequest, effort: Option<Effort>, format: Format<'a>) -> Result<Option<Self>, ConvertError> {
        let written = match request.extensions.get("output_config") {
            Some(raw) => serde_json::from_str(raw.get())
                .map_err(|_| ConvertError::invalid("output_config", "`output_config` must be an object."))?,
            None => BTreeMap::new(),
        };
        let schema = match format {
            Format::Native(schema) if !written.contains_key("format") => Some(schema),
            _ => None,
        };
        let effort = effort.filter(|_| !written.contains_key("effort")).map(word);
        let config = Self { written, effort, schema };
        let is_empty = config.written.is_empty() && config.effort.is_none() && config.schema.is_none();
        Ok((!is_empty).then_some(config))
    }
}

/// Anthropic's word for a level; it knows none below `low`.
const fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::XHigh => "xhigh",
        Effort::Max => "max",
    }
}

impl Serialize for OutputConfig<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct JsonSchema<'a> {
            r#type: &'static str,
            schema: Schema<'a>,
        }
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.written {
            map.serialize_entry(name, value)?;
        }
        if let Some(effort) = self.effort {
            map.serialize_entry("effort", effort)?;
        }
        if let Some(schema) = self.schema {
            map.serialize_entry("format", &JsonSchema { r#type: "json_schema", schema })?;
        }
        map.end()
    }
}
