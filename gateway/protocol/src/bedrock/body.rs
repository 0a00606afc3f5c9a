//! The body of Converse and ConverseStream, as it is written.

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;
use serde_json::value::RawValue;

use super::additional::Additional;

/// The whole body; the model stands in the path.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) system: Vec<Block<'a>>,
    pub(super) messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "InferenceConfig::is_empty")]
    pub(super) inference_config: InferenceConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) guardrail_config: Option<GuardrailConfig<'a>>,
    #[serde(skip_serializing_if = "Additional::is_empty")]
    pub(super) additional_model_request_fields: Additional<'a>,
    #[serde(skip_serializing_if = "OutputConfig::is_empty")]
    pub(super) output_config: OutputConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) performance_config: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_tier: Option<Kind<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) request_metadata: Option<BTreeMap<&'a str, Cow<'a, str>>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Message<'a> {
    pub(super) role: &'static str,
    pub(super) content: Vec<Block<'a>>,
}

/// A block of content; in `system`, only texts and cache points.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Block<'a> {
    Text(&'a str),
    Image(Attachment<'a>),
    Audio(Attachment<'a>),
    Document {
        format: &'static str,
        name: String,
        source: Source<'a>,
    },
    #[serde(rename_all = "camelCase")]
    ToolUse {
        tool_use_id: Cow<'a, str>,
        name: &'a str,
        input: &'a RawValue,
    },
    #[serde(rename_all = "camelCase")]
    ToolResult {
        tool_use_id: Cow<'a, str>,
        content: Vec<Self>,
    },
    ReasoningContent(ReasoningContent<'a>),
    CachePoint {
        r#type: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        ttl: Option<&'a str>,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct Attachment<'a> {
    pub(super) format: &'a str,
    pub(super) source: Source<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Source<'a> {
    /// Base64.
    Bytes(&'a str),
    S3Location {
        uri: &'a str,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ReasoningContent<'a> {
    ReasoningText { text: &'a str, signature: &'a str },
    RedactedContent(&'a str),
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InferenceConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) stop_sequences: &'a [String],
}

impl InferenceConfig<'_> {
    const fn is_empty(&self) -> bool {
        self.max_tokens.is_none() && self.temperature.is_none() && self.top_p.is_none() && self.stop_sequences.is_empty()
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<Choice<'a>>,
}

impl ToolConfig<'_> {
    /// Whether the model must call a tool.
    pub(super) const fn must_call(&self) -> bool {
        matches!(self.tool_choice, Some(Choice::Any {} | Choice::Tool { .. }))
    }
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Tool<'a> {
    #[serde(rename_all = "camelCase")]
    ToolSpec {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        input_schema: InputSchema<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct InputSchema<'a> {
    pub(super) json: Schema<'a>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Schema<'a> {
    Given(&'a RawValue),
    Object { r#type: &'static str },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Choice<'a> {
    Auto {},
    Any {},
    Tool { name: &'a str },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum GuardrailConfig<'a> {
    #[serde(rename_all = "camelCase")]
    Operators {
        guardrail_identifier: &'a str,
        guardrail_version: &'a str,
    },
    Callers(&'a RawValue),
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text_format: Option<TextFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) effort: Option<&'static str>,
}

impl OutputConfig<'_> {
    const fn is_empty(&self) -> bool {
        self.text_format.is_none() && self.effort.is_none()
    }
}

#[derive(Debug, Serialize)]
pub(super) struct TextFormat<'a> {
    pub(super) r#type: &'static str,
    pub(super) structure: Structure<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Structure<'a> {
    JsonSchema {
        /// JSON, as a string.
        schema: &'a str,
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct Kind<'a> {
    pub(super) r#type: &'a str,
}
