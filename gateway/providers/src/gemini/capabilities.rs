//! What each of Google's models can do, as its model pages say.

use tradewind_protocol::{Capabilities, Reasoning, Support};

use super::model::version;

/// The length of the vectors of Google's embedding models, by the beginning of a name.
const DIMENSIONS: [(&str, u64); 3] = [("gemini-embedding", 3072), ("text-embedding", 768), ("text-multilingual-embedding", 768)];

/// What the model of that name can do; a name that tells no version is taken to be of the newest.
#[must_use]
pub fn capabilities(model: &str) -> Capabilities {
    let name = model.rsplit('/').next().unwrap_or(model);
    if let Some((_, dimensions)) = DIMENSIONS.iter().find(|(beginning, _)| name.starts_with(beginning)) {
        let (no, reasoning) = (Support::No, Reasoning::None);
        return Capabilities { dimensions: Some(*dimensions), tools: no, vision: no, reasoning, ..Capabilities::UNKNOWN };
    }
    // A last message of the model is answered, not gone on with.
    let unknown = Capabilities { prefill: Support::No, ..Capabilities::UNKNOWN };
    let Some(version) = version(name) else { return unknown };
    Capabilities {
        context: Some(if version == (1, 5) && name.contains("pro") { 2_097_152 } else { 1_048_576 }),
        max_output: Some(if version < (2, 5) { 8192 } else { 65_536 }),
        reasoning: match version {
            (..=1, _) | (2, ..=4) => Reasoning::None,
            (2, _) => Reasoning::Budget,
            _ => Reasoning::Effort,
        },
        ..unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_generation_thinks_in_its_own_way() {
        assert_eq!(capabilities("gemini-2.0-flash-001").reasoning, Reasoning::None);
        assert_eq!(capabilities("models/gemini-2.5-flash").reasoning, Reasoning::Budget);
        assert_eq!(capabilities("gemini-3.1-pro-preview").reasoning, Reasoning::Effort);
        assert_eq!(capabilities("gemini-flash-latest").reasoning, Reasoning::Effort);
    }

    #[test]
    fn embedding_models_have_a_length() {
        assert_eq!(capabilities("publishers/google/models/gemini-embedding-001").dimensions, Some(3072));
        assert_eq!(capabilities("text-embedding-005").dimensions, Some(768));
        assert_eq!(capabilities("gemini-2.5-pro").dimensions, None);
    }
}
