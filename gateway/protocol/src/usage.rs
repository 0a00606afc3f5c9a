//! Token counts as a provider bills them.

use serde::{Deserialize, Serialize};

/// Tokens of one request, in OpenAI's convention: `prompt_tokens` includes those read from a prompt cache.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the input.
    #[serde(default)]
    pub prompt_tokens: u64,
    /// Tokens generated; none for embeddings.
    #[serde(default)]
    pub completion_tokens: u64,
}

impl Usage {
    /// Both together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }
}
