//! The tokenizer that a GGUF file describes in its metadata.
//!
//! The file carries vocabulary and merge rules, but only a *name* for the step before them, the split into words. That
//! name decides ids: `smollm` splits off every digit and adds no space in front, where the usual byte-level default
//! keeps runs of digits and adds one, also after each special token.

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::{AddedToken, PreTokenizerWrapper, Tokenizer};

use super::TokenizerError;

/// What a GGUF file's metadata says of its tokenizer; the field names are those of the keys `tokenizer.ggml.*`.
#[derive(Debug, Clone)]
pub struct GgufVocabulary {
    /// The algorithm, for example `gpt2`.
    pub model: String,
    /// The split before the algorithm, for example `smollm`.
    pub pre: String,
    /// The tokens in the order of their ids, with their kinds.
    pub tokens: Vec<(String, TokenKind)>,
    /// Pairs to merge, the first ones first: two tokens with a space between them.
    pub merges: Vec<String>,
}

/// How a token's text is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Part of ordinary text.
    Text,
    /// Structure: recognised as a whole when encoding, never shown when decoding.
    Control,
    /// Added by the model's maker: recognised as a whole, and shown.
    UserDefined,
}

pub(super) fn build(vocabulary: GgufVocabulary) -> Result<Tokenizer, TokenizerError> {
    let GgufVocabulary { model, pre, tokens, merges } = vocabulary;
    let split = match (model.as_str(), pre.as_str()) {
        ("gpt2", "smollm") => {
            Sequence::new(vec![PreTokenizerWrapper::Digits(Digits::new(true)), PreTokenizerWrapper::ByteLevel(byte_level())])
        }
        _ => return Err(TokenizerError::Unsupported { model, pre }),
    };

    let merges = merges.iter().map(|merge| parse_merge(merge)).collect::<Result<Vec<_>, _>>()?;
    let ids: Vocab = (0..).zip(&tokens).map(|(id, (token, _))| (token.clone(), id)).collect();
    let bpe = BPE::builder().vocab_and_merges(ids, merges).build().map_err(TokenizerError::Vocabulary)?;

    let mut tokenizer = Tokenizer::new(bpe);
    tokenizer.with_pre_tokenizer(Some(split));
    tokenizer.with_decoder(Some(byte_level()));
    let whole = |kind| {
        tokens
            .iter()
            .filter(move |(_, of)| *of == kind)
            .map(|(token, of)| AddedToken::from(token.clone(), *of == TokenKind::Control).normalized(false))
            .collect::<Vec<_>>()
    };
    tokenizer.add_special_tokens(whole(TokenKind::Control)).map_err(TokenizerError::Vocabulary)?;
    tokenizer.add_tokens(whole(TokenKind::UserDefined)).map_err(TokenizerError::Vocabulary)?;
    Ok(tokenizer)
}

/// Bytes as printable characters, split into words by GPT-2's expression, no space added in front.
fn byte_level() -> ByteLevel {
    ByteLevel::new(false, false, true)
}

fn parse_merge(merge: &str) -> Result<(String, String), TokenizerError> {
    let (left, right) = merge.split_once(' ').ok_or_else(|| TokenizerError::Merge(merge.to_owned()))?;
    Ok((left.to_owned(), right.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::Tokenizer;
    use super::*;

    fn vocabulary() -> GgufVocabulary {
        let text = ["h", "i", "Ġ", "1", "2", "hi", "Ġhi", "12"].map(|token| (token.to_owned(), TokenKind::Text));
        let mut tokens = vec![("<|end|>".to_owned(), TokenKind::Control), ("<tool>".to_owned(), TokenKind::UserDefined)];
        tokens.extend(text);
        GgufVocabulary {
            model: "gpt2".to_owned(),
            pre: "smollm".to_owned(),
            tokens,
            merges: ["h i", "Ġ hi", "1 2"].map(str::to_owned).to_vec(),
        }
    }

    #[test]
    fn digits_stand_alone_and_no_space_is_added() {
        let tokenizer = Tokenizer::from_gguf(vocabulary()).unwrap();
        assert_eq!(tokenizer.encode("hi hi12").unwrap(), [7, 8, 5, 6]);
        assert_eq!(tokenizer.vocabulary_size(), 10);
    }

    #[test]
    fn special_tokens_are_found_inside_text_and_add_no_space_after_them() {
        let tokenizer = Tokenizer::from_gguf(vocabulary()).unwrap();
        assert_eq!(tokenizer.encode("hi<|end|>hi<tool>hi").unwrap(), [7, 0, 7, 1, 7]);
    }

    #[test]
    fn a_tokenizer_of_another_kind_is_refused_by_name() {
        let error = Tokenizer::from_gguf(GgufVocabulary { pre: "qwen2".to_owned(), ..vocabulary() }).unwrap_err();
        assert!(error.to_string().contains("`qwen2`"), "{error}");
    }

    #[test]
    fn a_damaged_merge_rule_is_refused() {
        let error = Tokenizer::from_gguf(GgufVocabulary { merges: vec!["hi".to_owned()], ..vocabulary() }).unwrap_err();
        assert!(matches!(error, TokenizerError::Merge(_)), "{error}");
    }
}
