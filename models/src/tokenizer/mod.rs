//! Text to token ids and back, from either kind of file that models come with.
//!
//! The algorithms are the `tokenizers` crate's. What is ours is the reading of a GGUF vocabulary, because the file
//! names its pre-tokenizer by a word that every reader must know, and streaming, because text that is still being
//! generated ends in the middle of a character more often than not.

mod gguf;
mod stream;

use std::path::Path;
use std::sync::Arc;

use tokenizers::DecoderWrapper;

pub use self::gguf::{GgufVocabulary, TokenKind};
pub use self::stream::StreamDecoder;
use self::stream::TokenBytes;

/// A model's tokenizer. Clones share the vocabulary.
#[derive(Debug, Clone)]
pub struct Tokenizer {
    inner: Arc<tokenizers::Tokenizer>,
    /// Absent for tokenizers that do not work on bytes.
    bytes: Option<Arc<TokenBytes>>,
}

impl Tokenizer {
    /// Builds the tokenizer that a GGUF file describes in its metadata.
    ///
    /// # Errors
    /// When the file's kind of tokenizer is not known here, or its vocabulary is inconsistent.
    pub fn from_gguf(vocabulary: GgufVocabulary) -> Result<Self, TokenizerError> {
        gguf::build(vocabulary).map(Self::new)
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
        Ok(Self::new(inner))
    }

    fn new(inner: tokenizers::Tokenizer) -> Self {
        let bytes = match inner.get_decoder() {
            Some(DecoderWrapper::ByteLevel(_)) => Some(Arc::new(TokenBytes::of(&inner))),
            _ => None,
        };
        Self { inner: Arc::new(inner), bytes }
    }

    /// The ids of a text. Text that spells a special token becomes that token, and the special tokens that the
    /// tokenizer always adds, such as BERT's `[CLS]` and `[SEP]`, are there.
    ///
    /// # Errors
    /// When the text has a piece for which the vocabulary has no token.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        let encoding = self.inner.encode_fast(text, true).map_err(TokenizerError::Encode)?;
        Ok(encoding.get_ids().to_vec())
    }

    /// How many ids there are.
    pub fn vocabulary_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// What the token adds to a text: none for structure that is not shown, and for a tokenizer that does not work on bytes.
    pub fn bytes_of(&self, token: u32) -> &[u8] {
        self.bytes.as_deref().map_or(&[], |bytes| bytes.get(token))
    }

    /// A decoder for one answer.
    ///
    /// # Errors
    /// When the tokenizer does not work on bytes, so that its text cannot be streamed exactly.
    pub fn stream_decoder(&self) -> Result<StreamDecoder, TokenizerError> {
        let bytes = self.bytes.clone().ok_or(TokenizerError::NotByteLevel)?;
        Ok(StreamDecoder::new(bytes))
    }
}

/// A tokenizer that cannot be built or cannot encode.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// A GGUF file with a tokenizer that is not written yet.
    #[error("tokenizer `{model}` with pre-tokenizer `{pre}` is not supported: use a model with gpt2 and smollm")]
    Unsupported {
        /// `tokenizer.ggml.model` of the file.
        model: String,
        /// `tokenizer.ggml.pre` of the file.
        pre: String,
    },
    /// A merge rule that does not name two tokens.
    #[error("merge rule `{0}` does not name two tokens: the file is damaged")]
    Merge(String),
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
    /// Streaming asked of a tokenizer that does not work on bytes.
    #[error("this tokenizer does not work on bytes, so that its text cannot be streamed")]
    NotByteLevel,
}
