//! Text to token ids and back, from either kind of file that models come with.
//!
//! The algorithms are the `tokenizers` crate's. What is ours is the reading of a GGUF vocabulary, because the file
//! names its pre-tokenizer by a word that every reader must know, and streaming, because text that is still being
//! generated ends in the middle of a character more often than not.

mod gguf;
mod stream;
mod texts;

use std::path::Path;
use std::sync::Arc;

pub use self::gguf::{AfterStructure, GgufVocabulary, TokenKind};
pub use self::stream::StreamDecoder;
use self::stream::{Alphabet, TokenBytes};
pub use self::texts::{Overlong, PairTokens, TokenSpan};

/// A model's tokenizer. Clones share the vocabulary.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: Arc<tokenizers::Tokenizer>,
    /// Absent for tokenizers whose text cannot be put together from that of their tokens.
    bytes: Option<Arc<TokenBytes>>,
    /// The token that every text begins with, once.
    begin: Option<u32>,
}

impl Tokenizer {
    /// Builds the tokenizer that a GGUF file describes in its metadata.
    ///
    /// # Errors
    /// When the file's kind of tokenizer is not known here, or its vocabulary is inconsistent.
    pub fn from_gguf(vocabulary: GgufVocabulary) -> Result<Self, TokenizerError> {
        let (inner, begin) = gguf::build(vocabulary)?;
        Ok(Self { begin, ..Self::new(inner) })
    }

    /// Reads a `tokenizer.json`. Its truncation and padding are switched off: an input that is too long must be an
    /// error, not a shorter input.
    ///
    /// # Errors
    /// When the file cannot be read or is malformed.
    pub fn from_json(path: &Path) -> Result<Self, TokenizerError> {
        let fault = |source| TokenizerError::File { path: path.display().to_string(), source };
        let mut inner = tokenizers::Tokenizer::from_file(path).map_err(fault)?;
        inner.with_truncation(None).map_err(fault)?;
        inner.with_padding(None);
        // What a text without text has is put before every text, unless something is put after it too.
        let empty = inner.encode_fast("", true).map_err(fault)?;
        let begin = match empty.get_ids() {
            [begin] => Some(*begin),
            _ => None,
        };
        Ok(Self { begin, ..Self::new(inner) })
    }

    fn new(inner: tokenizers::Tokenizer) -> Self {
        let alphabet = inner.get_decoder().and_then(Alphabet::of);
        let bytes = alphabet.map(|alphabet| Arc::new(TokenBytes::of(&inner, alphabet)));
        Self { inner: Arc::new(inner), bytes, begin: None }
    }

    /// The ids of a text. Text that spells a special token becomes that token, and the special tokens that the
    /// tokenizer always adds, such as BERT's `[CLS]` and `[SEP]`, are there; one that begins a text is not added to a text that begins
    /// with it already, as chat templates make them.
    ///
    /// # Errors
    /// When the text has a piece for which the vocabulary has no token.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self.inner.encode_fast(text, true).map_err(TokenizerError::Encode)?;
        let mut ids = encoding.get_ids().to_vec();
        match (self.begin, ids.as_slice()) {
            (Some(begin), [first, second, ..]) if *first == begin && *second == begin => drop(ids.remove(0)),
            (Some(begin), [first, ..]) if *first == begin => {}
            (Some(begin), _) => ids.insert(0, begin),
            (None, _) => {}
        }
        Ok(ids)
    }

    /// The token of exactly that text.
    pub fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The ids of a part of a text: nothing is added to it.
    ///
    /// # Errors
    /// When the text has a piece for which the vocabulary has no token.
    pub fn encode_part(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self.inner.encode_fast(text, false).map_err(TokenizerError::Encode)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// How many ids there are.
    pub fn vocabulary_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// What the token adds to a text: none for structure that is not shown, and for a tokenizer that cannot stream.
    pub fn bytes_of(&self, token: u32) -> &[u8] {
        self.bytes.as_deref().map_or(&[], |bytes| bytes.get(token))
    }

    /// A decoder for one answer.
    ///
    /// # Errors
    /// When the text of several tokens is not that of each, so that it cannot be streamed exactly.
    pub fn stream_decoder(&self) -> Result<StreamDecoder, TokenizerError> {
        let bytes = self.bytes.clone().ok_or(TokenizerError::NotStreamable)?;
        Ok(StreamDecoder::new(bytes))
    }
}

/// A tokenizer that cannot be built or cannot encode.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// A GGUF file with a tokenizer that is not written yet.
    #[error(
        "tokenizer `{model}` with pre-tokenizer `{pre}` is not supported: use a model with `llama`, or with `gpt2` and one of smollm, \
         llama-bpe, qwen2, gpt-2, tekken and default"
    )]
    Unsupported {
        /// `tokenizer.ggml.model` of the file.
        model: String,
        /// `tokenizer.ggml.pre` of the file.
        pre: String,
    },
    /// A merge rule that does not name two tokens.
    #[error("merge rule `{0}` does not name two tokens: the file is damaged")]
    Merge(String),
    /// Likelihoods that do not belong to the tokens.
    #[error("there are {tokens} tokens and {scores} scores: the file is damaged")]
    Scores {
        /// Tokens of the file.
        tokens: usize,
        /// Scores of the file.
        scores: usize,
    },
    /// A vocabulary that the algorithm refuses.
    #[error("the vocabulary is inconsistent: {0}")]
    Vocabulary(#[source] tokenizers::Error),
    /// A `tokenizer.json` that cannot be read.
    #[error("cannot read the tokenizer {path}: {source}")]
    File {
        /// Where it lies.
        path: String,
        /// Why.
        source: tokenizers::Error,
    },
    /// A text without tokens.
    #[error("the text cannot be tokenised: {0}")]
    Encode(#[source] tokenizers::Error),
    /// Two texts of which the first leaves no room for the second.
    #[error("the first text has {tokens} tokens, and both together may have {limit} beside the special ones: shorten it")]
    NoRoom {
        /// Tokens of the first text.
        tokens: usize,
        /// The most that both may have.
        limit: usize,
    },
    /// Streaming asked of a tokenizer whose tokens' texts do not add up to the text.
    #[error("this tokenizer's text cannot be streamed: its decoder is neither byte-level nor with byte fallback")]
    NotStreamable,
}
