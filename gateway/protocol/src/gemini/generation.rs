//! How to generate.

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use super::{
    extensions::Extensions,
    options::SchemaForm,
    schema,
    thinking::{self, Thinking},
};
use crate::chat::{ChatRequest, ConvertError, Dropped, ResponseFormat, Target};

/// `generationConfig`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GenerationConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_count: Option<u32>,
    /// 32 bits, unlike OpenAI's.
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    /// Whether to tell the probabilities of tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_logprobs: Option<bool>,
    /// Of how many alternatives.
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_schema: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_modalities: Option<[&'static str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_resolution: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Thinking<'a>>,
}

impl<'a> GenerationConfig<'a> {
    pub(super) fn of(
        request: &'a ChatRequest,
        extensions: &Extensions<'a>,
        target: &Target<'_>,
        form: SchemaForm,
        dropped: &mut Dropped,
    ) -> Result<Self, ConvertError> {
        let mut config = Self {
            max_output_tokens: request.max_tokens,
            stop_sequences: &request.stop,
            candidate_count: request.n.filter(|n| *n != 1),
            seed: request.sampling.seed.and_then(|seed| i32::try_from(seed).ok()),
            presence_penalty: request.sampling.presence_penalty,
            frequency_penalty: request.sampling.frequency_penalty,
            response_logprobs: request.logprobs.filter(|asked| *asked),
            logprobs: request.top_logprobs,
            response_modalities: extensions.response_modalities,
            media_resolution: extensions.media_resolution,
            thinking_config: thinking::config(request, extensions, target, dropped),
            ..Self::default()
        };
        if config.seed.is_none() {
            dropped.note_if(&request.sampling.seed, "seed");
        }
        if target.capabilities.sampling.is_yes() {
            config.temperature = request.sampling.temperature;
            config.top_p = request.sampling.top_p;
            config.top_k = request.sampling.top_k;
        } else {
            dropped.note_if(&request.sampling.temperature, "temperature");
            dropped.note_if(&request.sampling.top_p, "top_p");
            dropped.note_if(&request.sampling.top_k, "top_k");
        }
        config.format(request, target, form)?;
        Ok(config)
    }

    fn format(&mut self, request: &'a ChatRequest, target: &Target<'_>, form: SchemaForm) -> Result<(), ConvertError> {
        match &request.response_format {
            None | Some(ResponseFormat::Text) => return Ok(()),
            Some(ResponseFormat::JsonObject) => {}
            Some(ResponseFormat::JsonSchema { .. }) if !target.capabilities.json_schema.is_yes() => {
                return Err(ConvertError::unsupported(
                    "response_format",
                    "This model does not keep to a JSON schema. Accepted for `response_format`: {\"type\": \"json_object\"}.",
                ));
            }
            Some(ResponseFormat::JsonSchema { schema, .. }) => match form {
                SchemaForm::Json => self.response_json_schema = Some(schema),
                SchemaForm::OpenApi => {
                    self.response_schema = Some(schema::open_api(schema, "response_format.json_schema.schema")?);
                }
            },
        }
        self.response_mime_type = Some("application/json");
        Ok(())
    }
}
