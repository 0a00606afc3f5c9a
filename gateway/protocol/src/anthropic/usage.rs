//! Token counts, which exclude what a prompt cache was read for or written to; OpenAI's include it.

use serde::Deserialize;

use crate::Usage;

/// `usage`, in answers and events. Counts of a stream are cumulative.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub(super) struct Counts {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_creation: Option<CacheCreation>,
    output_tokens_details: Option<OutputDetails>,
}

/// The tokens written to caches, by how long they stay.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct CacheCreation {
    ephemeral_5m_input_tokens: Option<u64>,
    ephemeral_1h_input_tokens: Option<u64>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
struct OutputDetails {
    thinking_tokens: Option<u64>,
}

impl Counts {
    /// Takes over what a later event of the stream knows.
    pub(super) fn update(&mut self, later: Self) {
        self.input_tokens = self.input_tokens.max(later.input_tokens);
        self.output_tokens = self.output_tokens.max(later.output_tokens);
        self.cache_creation_input_tokens = self.cache_creation_input_tokens.max(later.cache_creation_input_tokens);
        self.cache_read_input_tokens = self.cache_read_input_tokens.max(later.cache_read_input_tokens);
        self.cache_creation = later.cache_creation.or(self.cache_creation);
        self.output_tokens_details = later.output_tokens_details.or(self.output_tokens_details);
    }
}

impl From<Counts> for Usage {
    fn from(counts: Counts) -> Self {
        let read = counts.cache_read_input_tokens.unwrap_or(0);
        let by_age = counts.cache_creation.unwrap_or_default();
        let written = counts.cache_creation_input_tokens.unwrap_or_else(|| {
            by_age.ephemeral_5m_input_tokens.unwrap_or(0).saturating_add(by_age.ephemeral_1h_input_tokens.unwrap_or(0))
        });
        Self {
            prompt_tokens: counts.input_tokens.unwrap_or(0).saturating_add(read).saturating_add(written),
            completion_tokens: counts.output_tokens.unwrap_or(0),
            cached_tokens: read,
            cache_write_tokens: written,
            reasoning_tokens: counts.output_tokens_details.and_then(|details| details.thinking_tokens).unwrap_or(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(json: &str) -> Usage {
        serde_json::from_str::<Counts>(json).unwrap().into()
    }

    #[test]
    fn the_prompt_includes_what_the_cache_held() {
        let json = r#"{"input_tokens":5,"cache_read_input_tokens":7,"cache_creation_input_tokens":11,"output_tokens":3}"#;
        let expected =
            Usage { prompt_tokens: 23, completion_tokens: 3, cached_tokens: 7, cache_write_tokens: 11, reasoning_tokens: 0 };
        assert_eq!(usage(json), expected);
    }

    #[test]
    fn what_was_written_may_be_told_by_age_alone() {
        let json = r#"{"input_tokens":1,"cache_creation":{"ephemeral_5m_input_tokens":2,"ephemeral_1h_input_tokens":3}}"#;
        assert_eq!(usage(json).cache_write_tokens, 5);
        assert_eq!(usage(json).prompt_tokens, 6);
    }

    #[test]
    fn absurd_counts_do_not_overflow() {
        let json = format!(r#"{{"input_tokens":{max},"cache_read_input_tokens":{max},"output_tokens":{max}}}"#, max = u64::MAX);
        assert_eq!(usage(&json).prompt_tokens, u64::MAX);
    }
}
