//! What an operator says a model can do, above what the provider's adapter believes.

use crate::request::Needs;
use tradewind_protocol::{Capabilities, MaxTokensField, Reasoning, Support};

/// The `capabilities` of one model; what is absent is left to the adapter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapabilityOverrides {
    /// The most tokens of input and output together.
    pub context: Option<u64>,
    /// The most tokens of output.
    pub max_output: Option<u64>,
    /// Whether it takes tools.
    pub tools: Option<Support>,
    /// Whether it can be made to call a tool.
    pub forced_tools: Option<Support>,
    /// Whether it takes images.
    pub vision: Option<Support>,
    /// Whether it keeps to a JSON schema by itself.
    pub json_schema: Option<Support>,
    /// Whether it takes `temperature`, `top_p` and `top_k`.
    pub sampling: Option<Support>,
    /// Whether a conversation may end with the beginning of the answer.
    pub prefill: Option<Support>,
    /// How it is told to think.
    pub reasoning: Option<Reasoning>,
    /// Which name its host expects for the limit of output tokens.
    pub max_tokens_field: Option<MaxTokensField>,
    /// The length of its embeddings.
    pub dimensions: Option<u64>,
    /// Whether it tells how likely its tokens were.
    pub logprobs: Option<Support>,
}

/// Something that a request may need and a model may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Feature {
    Tools,
    Vision,
    JsonSchema,
    Logprobs,
}

impl Feature {
    pub(crate) const ALL: [Self; 4] = [Self::Tools, Self::Vision, Self::JsonSchema, Self::Logprobs];

    /// Its key in `capabilities`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Vision => "vision",
            Self::JsonSchema => "json_schema",
            Self::Logprobs => "logprobs",
        }
    }

    /// What a request needs that needs nothing else.
    pub(crate) fn needs(self) -> Needs {
        Needs {
            tools: self == Self::Tools,
            vision: self == Self::Vision,
            json_schema: self == Self::JsonSchema,
            logprobs: self == Self::Logprobs,
            ..Needs::default()
        }
    }

    pub(crate) fn is_needed(self, needs: &Needs) -> bool {
        match self {
            Self::Tools => needs.tools,
            Self::Vision => needs.vision,
            Self::JsonSchema => needs.json_schema,
            Self::Logprobs => needs.logprobs,
        }
    }
}

impl CapabilityOverrides {
    /// Whether it is said to lack `feature`. What nobody speaks of may be tried.
    pub(crate) fn lack(&self, feature: Feature) -> bool {
        let said = match feature {
            Feature::Tools => self.tools,
            Feature::Vision => self.vision,
            Feature::JsonSchema => self.json_schema,
            Feature::Logprobs => self.logprobs,
        };
        said == Some(Support::No)
    }

    /// `base`, with what is set here in its place.
    #[must_use]
    pub fn apply(&self, base: Capabilities) -> Capabilities {
        Capabilities {
            context: self.context.or(base.context),
            max_output: self.max_output.or(base.max_output),
            tools: self.tools.unwrap_or(base.tools),
            forced_tools: self.forced_tools.unwrap_or(base.forced_tools),
            vision: self.vision.unwrap_or(base.vision),
            json_schema: self.json_schema.unwrap_or(base.json_schema),
            sampling: self.sampling.unwrap_or(base.sampling),
            prefill: self.prefill.unwrap_or(base.prefill),
            reasoning: self.reasoning.unwrap_or(base.reasoning),
            max_tokens_field: self.max_tokens_field.unwrap_or(base.max_tokens_field),
            dimensions: self.dimensions.or(base.dimensions),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_goes_above_what_the_adapter_believes_and_the_rest_stays() {
        let overrides = CapabilityOverrides { context: Some(8192), vision: Some(Support::No), ..CapabilityOverrides::default() };
        let known = Capabilities { context: Some(4096), dimensions: Some(384), ..Capabilities::UNKNOWN };
        let expected = Capabilities { context: Some(8192), vision: Support::No, dimensions: Some(384), ..Capabilities::UNKNOWN };
        assert_eq!(overrides.apply(known), expected);
    }
}
