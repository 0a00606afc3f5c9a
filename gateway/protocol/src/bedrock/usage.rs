//! Tokens as Converse counts them.

use serde::Deserialize;

use crate::Usage;

/// `usage`: the input is told without what a cache read or wrote.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TokenUsage {
    #[serde(default)]
    input_tokens: u64,
    #[serde(default)]
    output_tokens: u64,
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
}

impl From<TokenUsage> for Usage {
    fn from(usage: TokenUsage) -> Self {
        let cached_tokens = usage.cache_read_input_tokens.unwrap_or(0);
        let cache_write_tokens = usage.cache_write_input_tokens.unwrap_or(0);
        let prompt_tokens = usage.input_tokens.saturating_add(cached_tokens).saturating_add(cache_write_tokens);
        Self { cached_tokens, cache_write_tokens, ..Self::new(prompt_tokens, usage.output_tokens) }
    }
}
