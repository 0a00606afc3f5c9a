//! What the models of Bedrock can do, by their ids.
//!
//! Source: Amazon's user guide, "Supported models and model features" of Converse and the pages of the models.

use tradewind_protocol::{Capabilities, Reasoning, Support, bedrock::Family};

use crate::anthropic;

/// What the model of that id, inference profile or ARN can do; one whose vendor the name does not tell is taken to do everything.
#[must_use]
pub fn capabilities(model: &str) -> Capabilities {
    match Family::of(model) {
        Family::Claude => anthropic::capabilities(model),
        Family::Nova if model.contains("embed") => embeds(3072),
        Family::Nova => nova(model),
        Family::Titan if model.contains("embed") => embeds(if model.contains("-v1") { 1536 } else { 1024 }),
        Family::Cohere if model.contains("embed") => embeds(if model.contains("-v3") { 1024 } else { 1536 }),
        Family::Titan => Capabilities { tools: Support::No, ..plain() },
        Family::Llama => Capabilities {
            vision: yes_if(model.contains("llama4") || model.contains("3-2-11b") || model.contains("3-2-90b")),
            tools: yes_if(!model.contains("llama3-8b") && !model.contains("llama3-70b")),
            forced_tools: Support::No,
            ..plain()
        },
        Family::Mistral => Capabilities {
            vision: yes_if(model.contains("pixtral")),
            tools: yes_if(!model.contains("7b") && !model.contains("8x7b")),
            ..plain()
        },
        Family::Cohere => Capabilities { forced_tools: Support::No, ..plain() },
        Family::OpenAi => {
            Capabilities { vision: Support::No, json_schema: Support::Yes, prefill: Support::No, ..Capabilities::UNKNOWN }
        }
        Family::Unknown => Capabilities::UNKNOWN,
    }
}

fn nova(model: &str) -> Capabilities {
    Capabilities {
        vision: yes_if(!model.contains("nova-micro")),
        json_schema: Support::No,
        reasoning: if model.contains("nova-2") { Reasoning::Effort } else { Reasoning::None },
        ..Capabilities::UNKNOWN
    }
}

/// A model that reads and writes text, and calls tools. Its conversations end with what the user says: of the models here, only Claude and Nova go
/// on with a text.
const fn plain() -> Capabilities {
    Capabilities {
        vision: Support::No,
        json_schema: Support::No,
        prefill: Support::No,
        reasoning: Reasoning::None,
        ..Capabilities::UNKNOWN
    }
}

const fn embeds(dimensions: u64) -> Capabilities {
    Capabilities { dimensions: Some(dimensions), tools: Support::No, vision: Support::No, ..plain() }
}

const fn yes_if(condition: bool) -> Support {
    if condition { Support::Yes } else { Support::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_known_behind_profiles_and_arns() {
        let claude = capabilities("eu.anthropic.claude-opus-4-7-v1:0");
        assert_eq!((claude.sampling, claude.prefill, claude.reasoning), (Support::No, Support::No, Reasoning::Effort));
        let claude = capabilities("arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-3-7-sonnet-20250219-v1:0");
        assert_eq!((claude.sampling, claude.reasoning), (Support::Yes, Reasoning::Budget));
        assert_eq!(capabilities("arn:aws:bedrock:us-east-1:1:application-inference-profile/x"), Capabilities::UNKNOWN);
    }

    #[test]
    fn vendors_differ() {
        assert_eq!(capabilities("us.amazon.nova-micro-v1:0").vision, Support::No);
        assert_eq!(capabilities("amazon.nova-2-lite-v1:0").reasoning, Reasoning::Effort);
        assert_eq!(capabilities("us.meta.llama3-3-70b-instruct-v1:0").forced_tools, Support::No);
        assert_eq!(capabilities("us.meta.llama3-3-70b-instruct-v1:0").prefill, Support::No);
        assert_eq!(capabilities("us.meta.llama4-scout-17b-instruct-v1:0").vision, Support::Yes);
        assert_eq!(capabilities("mistral.mistral-7b-instruct-v0:2").tools, Support::No);
        assert_eq!(capabilities("amazon.titan-text-express-v1").tools, Support::No);
        assert_eq!(capabilities("amazon.titan-embed-text-v2:0").dimensions, Some(1024));
        assert_eq!(capabilities("amazon.titan-embed-text-v1").dimensions, Some(1536));
        assert_eq!(capabilities("cohere.embed-english-v3").dimensions, Some(1024));
        assert_eq!(capabilities("cohere.embed-v4:0").dimensions, Some(1536));
    }
}
