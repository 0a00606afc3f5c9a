//! What OpenAI's models can do, as far as their documentation tells. A model that is not listed is taken to do everything.

use tradewind_protocol::{Capabilities, MaxTokensField, Reasoning, Support};

/// A family of models: the beginning of their names, and what they can do.
struct Family {
    prefix: &'static str,
    context: u64,
    max_output: Option<u64>,
    kind: Kind,
}

enum Kind {
    /// Thinks before it answers; knows `max_completion_tokens` alone, and samples in its own way.
    Reasoning,
    /// Answers at once.
    Plain,
    /// The same, of the time before images and schemas.
    Old,
    /// Gives vectors of this length.
    Embedding(u64),
}

const fn family(prefix: &'static str, context: u64, max_output: u64, kind: Kind) -> Family {
    Family { prefix, context, max_output: Some(max_output), kind }
}

const fn embedding(prefix: &'static str, dimensions: u64) -> Family {
    Family { prefix, context: 8192, max_output: None, kind: Kind::Embedding(dimensions) }
}

/// The first that fits counts, so longer prefixes stand before shorter ones.
const FAMILIES: [Family; 13] = [
    family("gpt-5-chat", 128_000, 16_384, Kind::Plain),
    family("gpt-5", 400_000, 128_000, Kind::Reasoning),
    family("gpt-4.1", 1_047_576, 32_768, Kind::Plain),
    family("gpt-4o", 128_000, 16_384, Kind::Plain),
    family("gpt-4-turbo", 128_000, 4096, Kind::Plain),
    family("gpt-4", 8192, 8192, Kind::Old),
    family("gpt-3.5", 16_385, 4096, Kind::Old),
    family("o1", 200_000, 100_000, Kind::Reasoning),
    family("o3", 200_000, 100_000, Kind::Reasoning),
    family("o4", 200_000, 100_000, Kind::Reasoning),
    embedding("text-embedding-3-small", 1536),
    embedding("text-embedding-3-large", 3072),
    embedding("text-embedding-ada-002", 1536),
];

/// What a model of that name can do. Names of fine-tuned models hold that of their base: `ft:gpt-4o-mini:…`.
pub(crate) fn openai_model(model: &str) -> Capabilities {
    let base = model.strip_prefix("ft:").unwrap_or(model);
    let Some(family) = FAMILIES.iter().find(|family| base.starts_with(family.prefix)) else {
        return Capabilities::UNKNOWN;
    };
    let known = Capabilities { context: Some(family.context), max_output: family.max_output, ..Capabilities::UNKNOWN };
    match family.kind {
        Kind::Reasoning => Capabilities {
            sampling: Support::No,
            prefill: Support::No,
            max_tokens_field: MaxTokensField::MaxCompletionTokens,
            ..known
        },
        Kind::Plain => Capabilities { reasoning: Reasoning::None, prefill: Support::No, ..known },
        Kind::Old => Capabilities {
            vision: Support::No,
            json_schema: Support::No,
            reasoning: Reasoning::None,
            prefill: Support::No,
            ..known
        },
        Kind::Embedding(dimensions) => Capabilities { dimensions: Some(dimensions), ..known },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_think_take_no_sampling() {
        for model in ["gpt-5", "gpt-5.2-pro", "o3-mini", "o1", "ft:o4-mini:org::id"] {
            let capabilities = openai_model(model);
            assert_eq!(capabilities.max_tokens_field, MaxTokensField::MaxCompletionTokens, "{model}");
            assert!(!capabilities.sampling.is_yes(), "{model}");
        }
        for model in ["gpt-4o-mini", "gpt-5-chat-latest", "gpt-4.1"] {
            assert!(openai_model(model).sampling.is_yes(), "{model}");
        }
    }

    #[test]
    fn an_unknown_model_is_taken_to_do_everything() {
        assert_eq!(openai_model("gpt-9"), Capabilities::UNKNOWN);
        assert_eq!(openai_model("text-embedding-3-large").dimensions, Some(3072));
    }
}
