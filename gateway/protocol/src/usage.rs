//! Token counts as a provider bills them.

use serde::{Deserialize, Serialize};

/// Tokens of one request, in OpenAI's convention: `prompt_tokens` includes those read from or written to a prompt cache, and
/// `completion_tokens` those spent on reasoning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Wire")]
pub struct Usage {
    /// Tokens of the input.
    pub prompt_tokens: u64,
    /// Tokens generated; none for embeddings.
    pub completion_tokens: u64,
    /// Of the input, those read from a prompt cache.
    pub cached_tokens: u64,
    /// Of the input, those written to a prompt cache.
    pub cache_write_tokens: u64,
    /// Of the output, those spent on reasoning.
    pub reasoning_tokens: u64,
}

impl Usage {
    /// Input and output, without details.
    #[must_use]
    pub const fn new(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self { prompt_tokens, completion_tokens, cached_tokens: 0, cache_write_tokens: 0, reasoning_tokens: 0 }
    }

    /// Input and output together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }
}

/// The tokens of an answer that broke off and went on elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BrokenOff {
    /// What its stream had told of them; most tell nothing before their end.
    pub told: Option<Usage>,
    /// How many tokens of it the client was sent.
    pub sent: u64,
}

impl BrokenOff {
    /// The tokens of the whole answer, where `rest` are those of the request that went on with it. What had been sent was part of that request's
    /// prompt.
    #[must_use]
    pub fn and(self, rest: Usage) -> Usage {
        let begun = self.told.unwrap_or_else(|| {
            let prompt_tokens = rest.prompt_tokens.saturating_sub(self.sent);
            let cached_tokens = rest.cached_tokens.min(prompt_tokens);
            let cache_write_tokens = rest.cache_write_tokens.min(prompt_tokens - cached_tokens);
            Usage { prompt_tokens, cached_tokens, cache_write_tokens, ..Usage::default() }
        });
        let completion_tokens = begun.completion_tokens.max(self.sent).saturating_add(rest.completion_tokens);
        Usage { completion_tokens, reasoning_tokens: begun.reasoning_tokens + rest.reasoning_tokens, ..begun }
    }
}

/// The `usage` object of OpenAI's API, as hosts send it: any part may be missing or `null`.
#[derive(Deserialize)]
struct Wire {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
    completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Default, Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

#[derive(Default, Deserialize)]
struct CompletionDetails {
    reasoning_tokens: Option<u64>,
}

impl From<Wire> for Usage {
    fn from(wire: Wire) -> Self {
        let prompt = wire.prompt_tokens_details.unwrap_or_default();
        let completion = wire.completion_tokens_details.unwrap_or_default();
        Self {
            prompt_tokens: wire.prompt_tokens.unwrap_or(0),
            completion_tokens: wire.completion_tokens.unwrap_or(0),
            cached_tokens: prompt.cached_tokens.unwrap_or(0),
            cache_write_tokens: prompt.cache_write_tokens.unwrap_or(0),
            reasoning_tokens: completion.reasoning_tokens.unwrap_or(0),
        }
    }
}

impl Serialize for Usage {
    /// In OpenAI's form; the details only where there are any.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        #[derive(Serialize)]
        struct Prompt {
            cached_tokens: u64,
            #[serde(skip_serializing_if = "is_zero")]
            cache_write_tokens: u64,
        }
        #[derive(Serialize)]
        struct Completion {
            reasoning_tokens: u64,
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("prompt_tokens", &self.prompt_tokens)?;
        map.serialize_entry("completion_tokens", &self.completion_tokens)?;
        map.serialize_entry("total_tokens", &self.total())?;
        if self.cached_tokens > 0 || self.cache_write_tokens > 0 {
            let details = Prompt { cached_tokens: self.cached_tokens, cache_write_tokens: self.cache_write_tokens };
            map.serialize_entry("prompt_tokens_details", &details)?;
        }
        if self.reasoning_tokens > 0 {
            map.serialize_entry("completion_tokens_details", &Completion { reasoning_tokens: self.reasoning_tokens })?;
        }
        map.end()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_of_both_halves_are_one_answers() {
        let rest = Usage { cached_tokens: 12, ..Usage::new(13, 4) };
        let unheard = BrokenOff { told: None, sent: 3 };
        assert_eq!(unheard.and(rest), Usage { cached_tokens: 10, ..Usage::new(10, 7) });
        let told = BrokenOff { told: Some(Usage { cached_tokens: 8, ..Usage::new(9, 5) }), sent: 3 };
        assert_eq!(told.and(rest), Usage { cached_tokens: 8, ..Usage::new(9, 9) });
    }
}
