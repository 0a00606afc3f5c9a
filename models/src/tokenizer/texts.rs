//! Texts as an encoder reads them: two of them in one sequence, or one with the place of each token in it.

use std::ops::Range;

use tokenizers::{Encoding, PostProcessor, TruncationDirection, TruncationParams, TruncationStrategy, truncate_encodings};

use super::{Tokenizer, TokenizerError};

/// What becomes of two texts that are too long together. Hugging Face calls these `do_not_truncate`, `only_second` and `longest_first`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overlong {
    /// They are refused.
    #[default]
    Refuse,
    /// The second loses its end; a first that leaves no room for any of it is refused.
    CutSecond {
        /// How many tokens of the second text are read in any case.
        most: Option<usize>,
    },
    /// The longer loses its end, until both are as long; then both do.
    CutLonger,
}

/// Two texts in one sequence, special tokens included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairTokens {
    /// The ids.
    pub ids: Vec<u32>,
    /// How many of them count as the first text; those after them have the token type 1.
    pub first: usize,
}

/// Where a token comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSpan {
    /// Its place in the text, in bytes.
    pub bytes: Range<usize>,
    /// The number of its word. Special tokens belong to none.
    pub word: Option<u32>,
}

impl Tokenizer {
    /// Two texts with the special tokens around and between them that the tokenizer's own template has, of at most `limit` tokens unless
    /// `overlong` says that they are not to be cut.
    ///
    /// # Errors
    /// When a text has a piece for which the vocabulary has no token, or the first text leaves no room for the second.
    pub fn encode_pair(&self, first: &str, second: &str, overlong: Overlong, limit: usize) -> Result<PairTokens, TokenizerError> {
        let encode = |text| self.inner.encode_fast(text, false).map_err(TokenizerError::Encode);
        let (mut first, mut second) = (encode(first)?, encode(second)?);
        if let Overlong::CutSecond { most: Some(most) } = overlong {
            second.truncate(most, 0, TruncationDirection::Right);
        }
        let strategy = match overlong {
            Overlong::Refuse => None,
            Overlong::CutSecond { .. } => Some(TruncationStrategy::OnlySecond),
            Overlong::CutLonger => Some(TruncationStrategy::LongestFirst),
        };
        if let Some(strategy) = strategy {
            (first, second) = cut(first, second, strategy, limit.saturating_sub(self.added_to_pairs()))?;
        }
        let pair = self.inner.post_process(first, Some(second), true).map_err(TokenizerError::Encode)?;
        let ids = pair.get_ids().to_vec();
        let first = pair.get_type_ids().iter().position(|kind| *kind != 0).unwrap_or(ids.len());
        Ok(PairTokens { ids, first })
    }

    /// The ids of a text as [`encode`](Self::encode) has them, and where each comes from.
    ///
    /// # Errors
    /// When the text has a piece for which the vocabulary has no token.
    pub fn encode_with_spans(&self, text: &str) -> Result<(Vec<u32>, Vec<TokenSpan>), TokenizerError> {
        let encoding = self.inner.encode(text, true).map_err(TokenizerError::Encode)?;
        let places = encoding.get_offsets().iter().zip(encoding.get_word_ids()).zip(encoding.get_special_tokens_mask());
        let span = |((bytes, word), special): ((&(usize, usize), &Option<u32>), &u32)| TokenSpan {
            bytes: bytes.0..bytes.1,
            word: word.filter(|_| *special == 0),
        };
        Ok((encoding.get_ids().to_vec(), places.map(span).collect()))
    }

    fn added_to_pairs(&self) -> usize {
        self.inner.get_post_processor().map_or(0, |processor| processor.added_tokens(true))
    }
}

/// Cuts two texts to so many tokens together.
fn cut(
    first: Encoding,
    second: Encoding,
    strategy: TruncationStrategy,
    limit: usize,
) -> Result<(Encoding, Encoding), TokenizerError> {
    // What cannot be cut enough is refused here rather than by the algorithm, which does not say by how much.
    if matches!(strategy, TruncationStrategy::OnlySecond) && first.len() >= limit && first.len() + second.len() > limit {
        return Err(TokenizerError::NoRoom { tokens: first.len(), limit });
    }
    let params = TruncationParams { direction: TruncationDirection::Right, max_length: limit, strategy, stride: 0 };
    let (first, second) = truncate_encodings(first, Some(second), &params).map_err(TokenizerError::Encode)?;
    Ok((first, second.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;
    use std::sync::Arc;

    use super::*;

    /// Words of a letter each, with BERT's template.
    fn tokenizer() -> Tokenizer {
        let json = r#"{
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": {"type": "Whitespace"}, "decoder": null,
            "post_processor": {"type": "BertProcessing", "sep": ["S", 1], "cls": ["C", 0]},
            "model": {"type": "WordLevel", "vocab": {"C": 0, "S": 1, "a": 2, "b": 3, "c": 4, "ü": 5}, "unk_token": "c"}
        }"#;
        let inner = tokenizers::Tokenizer::from_str(json).unwrap();
        Tokenizer { inner: Arc::new(inner), bytes: None, begin: None }
    }

    fn pair(overlong: Overlong, limit: usize) -> Result<(Vec<u32>, usize), TokenizerError> {
        let pair = tokenizer().encode_pair("a a", "b b b b", overlong, limit)?;
        Ok((pair.ids, pair.first))
    }

    #[test]
    fn a_pair_has_the_template_s_tokens_and_types() {
        let whole = (vec![0, 2, 2, 1, 3, 3, 3, 3, 1], 4);
        assert_eq!(pair(Overlong::Refuse, 5).unwrap(), whole);
        assert_eq!(pair(Overlong::CutSecond { most: None }, 9).unwrap(), whole);
        assert_eq!(pair(Overlong::CutLonger, 9).unwrap(), whole);
    }

    #[test]
    fn what_is_too_long_is_cut_where_it_is_told_to_be() {
        assert_eq!(pair(Overlong::CutSecond { most: None }, 7).unwrap(), (vec![0, 2, 2, 1, 3, 3, 1], 4));
        assert_eq!(pair(Overlong::CutSecond { most: Some(1) }, 9).unwrap(), (vec![0, 2, 2, 1, 3, 1], 4));
        assert_eq!(pair(Overlong::CutLonger, 6).unwrap(), (vec![0, 2, 1, 3, 3, 1], 3));
        let error = pair(Overlong::CutSecond { most: None }, 5).unwrap_err();
        assert!(matches!(error, TokenizerError::NoRoom { tokens: 2, limit: 2 }), "{error}");
    }

    #[test]
    fn each_token_knows_its_place_and_its_word() {
        let (ids, spans) = tokenizer().encode_with_spans("a  ü-b").unwrap();
        assert_eq!(ids, [0, 2, 5, 4, 3, 1]);
        let words: Vec<_> = spans.iter().map(|span| span.word).collect();
        assert_eq!(words, [None, Some(0), Some(1), Some(2), Some(3), None]);
        assert_eq!(spans[2].bytes, 3..5);
    }
}
