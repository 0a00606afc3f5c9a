//! A model's vocabulary as the library wants it: the bytes of every token in a trie, and a way to split text into tokens.

use std::sync::Arc;

use llguidance::toktrie::{TokEnv, TokRxInfo, TokTrie, TokenId, TokenizerEnv};

use super::error::VocabularyError;
use crate::tokenizer::Tokenizer;

/// Text of grammars, which must come back from its tokens unchanged: only then can tokens be forced.
const PROBES: [&str; 3] = ["{\"name\": \"", "</tool_call>", "a, b"];

/// A tokenizer, and the trie of its tokens.
pub(super) struct Vocabulary {
    tokenizer: Tokenizer,
    trie: TokTrie,
    is_canonical: bool,
}

impl Vocabulary {
    /// Any of the `stop_tokens` ends an answer.
    pub(super) fn of(tokenizer: &Tokenizer, stop_tokens: &[u32]) -> Result<TokEnv, VocabularyError> {
        let size = u32::try_from(tokenizer.vocabulary_size()).map_err(|_| VocabularyError("it is too large".to_owned()))?;
        let ends: Vec<u32> = stop_tokens.iter().copied().filter(|token| *token < size).collect();
        let Some(first) = ends.first() else { return Err(VocabularyError("no token ends a turn".to_owned())) };
        let words: Vec<Vec<u8>> = (0..size).map(|token| word(tokenizer, token, &ends)).collect();
        let trie = TokTrie::from(&TokRxInfo::new(size, *first), &words).with_eos_tokens(&ends);
        let mut vocabulary = Self { tokenizer: tokenizer.clone(), trie, is_canonical: true };
        vocabulary.is_canonical = PROBES.iter().all(|probe| vocabulary.split(probe).is_some());
        Ok(Arc::new(vocabulary))
    }

    /// The tokens of a text, if it is their text.
    fn split(&self, text: &str) -> Option<Vec<TokenId>> {
        let tokens = self.tokenizer.encode_part(text).ok()?;
        let is_same = tokens.iter().flat_map(|token| self.tokenizer.bytes_of(*token)).eq(text.as_bytes());
        is_same.then_some(tokens)
    }
}

/// What a token adds to a text. Structure gets a name that no text can spell.
fn word(tokenizer: &Tokenizer, token: u32, ends: &[u32]) -> Vec<u8> {
    let bytes = tokenizer.bytes_of(token);
    if bytes.is_empty() || ends.contains(&token) {
        let mut name = vec![TokTrie::SPECIAL_TOKEN_MARKER];
        name.extend_from_slice(format!("<|{token}|>").as_bytes());
        name
    } else {
        bytes.to_vec()
    }
}

impl TokenizerEnv for Vocabulary {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<TokenId> {
        let text = |text: &str| self.split(text).unwrap_or_else(|| self.trie.greedy_tokenize(text.as_bytes()));
        self.trie.tokenize_with_greedy_fallback(bytes, text)
    }

    fn tokenize_is_canonical(&self) -> bool {
        self.is_canonical
    }
}
