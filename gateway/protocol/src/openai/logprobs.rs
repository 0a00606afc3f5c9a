//! How likely the tokens of an answer were, in the form of this API.

use serde::Serialize;

/// How likely the tokens of an answer were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Logprobs {
    /// Token by token.
    pub content: Vec<TokenLogprob>,
    /// Always `null`: refusals come as text.
    pub refusal: Option<()>,
}

/// How likely a token was, and which were likeliest in its place.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TokenLogprob {
    /// The one that was chosen.
    #[serde(flatten)]
    pub chosen: Logprob,
    /// The likeliest, in that order.
    pub top_logprobs: Vec<Logprob>,
}

/// A token and its probability.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Logprob {
    /// Its text; what is no whole character in it is replaced by U+FFFD.
    pub token: String,
    /// The natural logarithm of its probability.
    pub logprob: f64,
    /// The bytes of its text.
    pub bytes: Vec<u8>,
}

/// The logarithm that stands for no probability at all: JSON has no infinity, and this is OpenAI's.
const IMPOSSIBLE: f64 = -9999.0;

impl Logprob {
    /// Of a token that adds these bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>, logprob: f64) -> Self {
        let token = String::from_utf8_lossy(&bytes).into_owned();
        Self { token, logprob: logprob.max(IMPOSSIBLE), bytes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_is_no_character_or_impossible_is_still_json() {
        let chosen = Logprob::new(vec![0xc3], f64::NEG_INFINITY);
        let told = Logprobs { content: vec![TokenLogprob { chosen, top_logprobs: Vec::new() }], refusal: None };
        let json = serde_json::to_value(&told).unwrap();
        let token = serde_json::json!({ "token": "\u{fffd}", "logprob": -9999.0, "bytes": [195], "top_logprobs": [] });
        assert_eq!(json, serde_json::json!({ "content": [token], "refusal": null }));
    }
}
