//! The tokenizer that a GGUF file describes in its metadata.
//!
//! There are two kinds: `gpt2` merges [bytes of words](words), `llama` merges [characters of whole texts](pieces). The file carries
//! vocabulary and merge rules or likelihoods; the rest is only named, and is what llama.cpp takes it to be.

mod pieces;
mod words;

use tokenizers::{AddedToken, Tokenizer};

pub(super) use self::pieces::SPACE;
use super::TokenizerError;

/// What a GGUF file's metadata says of its tokenizer; the field names are those of the keys `tokenizer.ggml.*` unless noted.
#[derive(Debug, Clone, Default)]
pub struct GgufVocabulary {
    /// The algorithm, for example `gpt2`.
    pub model: String,
    /// The split before the algorithm, for example `smollm`.
    pub pre: String,
    /// The tokens in the order of their ids, with their kinds.
    pub tokens: Vec<(String, TokenKind)>,
    /// Pairs to merge, the first ones first: two tokens with a space between them. Only of `gpt2`.
    pub merges: Vec<String>,
    /// How likely each token is; the likeliest is merged first. Only of `llama`.
    pub scores: Vec<f32>,
    /// The token that begins a sequence (`bos_token_id`).
    pub begin: Option<u32>,
    /// Whether it is put before every text (`add_bos_token`); as usual for the kind of tokenizer, if the file does not say.
    pub adds_begin: Option<bool>,
    /// Whether a space is put before text (`add_space_prefix`); it is unless the file says otherwise. Only of `llama`.
    pub adds_space: Option<bool>,
    /// What becomes of white space after structure, which no key says.
    pub after_structure: AfterStructure,
}

/// What becomes of white space after structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AfterStructure {
    /// It is text like any other.
    #[default]
    Kept,
    /// It belongs to the structure, as Phi-3 was taught.
    Dropped,
}

/// Tokens after which white space is text even then.
const NEVER_DROPPED: [&str; 3] = ["<unk>", "<s>", "<|endoftext|>"];

/// How a token's text is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Part of ordinary text.
    Text,
    /// What stands for text that has no token.
    Unknown,
    /// Structure: recognised as a whole when encoding, never shown when decoding.
    Control,
    /// Added by the model's maker: recognised as a whole, and shown.
    UserDefined,
    /// A place that is free.
    Unused,
    /// One byte, of a character that has no token.
    Byte,
}

impl TokenKind {
    /// Whether it is structure: recognised as a whole, never shown.
    fn is_structure(self) -> bool {
        matches!(self, Self::Control | Self::Unknown)
    }
}

/// The tokenizer, and the token that it puts before every text.
pub(super) fn build(vocabulary: GgufVocabulary) -> Result<(Tokenizer, Option<u32>), TokenizerError> {
    let (mut tokenizer, usually_begins) = match vocabulary.model.as_str() {
        "gpt2" => words::build(&vocabulary)?,
        "llama" => (pieces::build(&vocabulary)?, true),
        _ => return Err(TokenizerError::Unsupported { model: vocabulary.model, pre: vocabulary.pre }),
    };
    let added = |of: &dyn Fn(TokenKind) -> bool| {
        let tokens = vocabulary.tokens.iter().filter(|(_, kind)| of(*kind));
        let drops = |token: &str| vocabulary.after_structure == AfterStructure::Dropped && !NEVER_DROPPED.contains(&token);
        let added = tokens
            .map(|(token, kind)| AddedToken::from(token.clone(), kind.is_structure()).normalized(false).rstrip(drops(token)));
        added.collect::<Vec<_>>()
    };
    tokenizer.add_special_tokens(added(&TokenKind::is_structure)).map_err(TokenizerError::Vocabulary)?;
    tokenizer.add_tokens(added(&|kind| kind == TokenKind::UserDefined)).map_err(TokenizerError::Vocabulary)?;
    let begin = vocabulary.begin.filter(|_| vocabulary.adds_begin.unwrap_or(usually_begins));
    Ok((tokenizer, begin))
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
            begin: Some(0),
            ..GgufVocabulary::default()
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
    fn a_text_begins_once_whether_or_not_it_says_so_itself() {
        let tokenizer = Tokenizer::from_gguf(GgufVocabulary { adds_begin: Some(true), ..vocabulary() }).unwrap();
        for text in ["hi", "<|end|>hi"] {
            assert_eq!(tokenizer.encode(text).unwrap(), [0, 7]);
        }
        assert_eq!(tokenizer.encode("").unwrap(), [0]);
    }

    #[test]
    fn a_tokenizer_of_another_kind_is_refused_by_name() {
        let error = Tokenizer::from_gguf(GgufVocabulary { pre: "poro-chat".to_owned(), ..vocabulary() }).unwrap_err();
        assert!(error.to_string().contains("`poro-chat`"), "{error}");
        let error = Tokenizer::from_gguf(GgufVocabulary { model: "bert".to_owned(), ..vocabulary() }).unwrap_err();
        assert!(error.to_string().contains("`bert`"), "{error}");
    }

    #[test]
    fn a_damaged_merge_rule_is_refused() {
        let error = Tokenizer::from_gguf(GgufVocabulary { merges: vec!["hi".to_owned()], ..vocabulary() }).unwrap_err();
        assert!(matches!(error, TokenizerError::Merge(_)), "{error}");
    }

    #[test]
    fn a_vocabulary_without_as_many_likelihoods_is_refused() {
        let error = Tokenizer::from_gguf(GgufVocabulary { model: "llama".to_owned(), ..vocabulary() }).unwrap_err();
        assert!(matches!(error, TokenizerError::Scores { tokens: 10, scores: 0 }), "{error}");
    }
}
