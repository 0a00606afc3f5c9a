//! `gpt2`: a text is split into words, and in each word bytes are merged by rules.
//!
//! The file only names the split, and the split decides ids: `smollm` splits off every digit and adds no space in front, where the usual
//! byte-level default keeps runs of digits and adds one, also after each special token.

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer};

use super::GgufVocabulary;
use crate::tokenizer::TokenizerError;

/// Llama 3: digits by threes.
const LLAMA3: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Qwen 2: digits one by one.
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Mistral Nemo: also where capitals begin.
const TEKKEN: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|",
    r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);
/// What llama.cpp does for files that name no split, one after the other; GPT-2's expression stands between the first and the others.
const PUNCTUATION: &str = r"[\p{P}\$\+<=>\^\~\|]+";
const NUMBERS: &str = r"\p{N}+";
const THREE_DIGITS: &str = "[0-9][0-9][0-9]";

/// A split by its name.
struct Words {
    steps: Vec<PreTokenizerWrapper>,
    /// Whether a word that is a token is not made by merging.
    takes_whole_words: bool,
    /// Whether texts begin with a special token unless the file says otherwise.
    begins: bool,
}

/// The tokenizer, and whether texts begin with a special token unless the file says otherwise.
pub(super) fn build(vocabulary: &GgufVocabulary) -> Result<(Tokenizer, bool), TokenizerError> {
    let words = words(vocabulary)?;
    let merges = vocabulary.merges.iter().map(|merge| parse_merge(merge)).collect::<Result<Vec<_>, _>>()?;
    let ids: Vocab = (0..).zip(&vocabulary.tokens).map(|(id, (token, _))| (token.clone(), id)).collect();
    let bpe = BPE::builder().vocab_and_merges(ids, merges).ignore_merges(words.takes_whole_words);
    let mut tokenizer = Tokenizer::new(bpe.build().map_err(TokenizerError::Vocabulary)?);
    tokenizer.with_pre_tokenizer(Some(Sequence::new(words.steps)));
    tokenizer.with_decoder(Some(bytes(false)));
    Ok((tokenizer, words.begins))
}

fn words(vocabulary: &GgufVocabulary) -> Result<Words, TokenizerError> {
    let usual = |steps| Words { steps, takes_whole_words: false, begins: false };
    Ok(match vocabulary.pre.as_str() {
        "smollm" => usual(vec![Digits::new(true).into(), bytes(true).into()]),
        "gpt-2" | "phi-2" => usual(vec![bytes(true).into()]),
        "qwen2" | "deepseek-r1-qwen" => usual(vec![split(QWEN2)?, bytes(false).into()]),
        "llama-bpe" | "llama3" | "llama-v3" => {
            Words { steps: vec![split(LLAMA3)?, bytes(false).into()], takes_whole_words: true, begins: true }
        }
        "tekken" => Words { steps: vec![split(TEKKEN)?, bytes(false).into()], takes_whole_words: true, begins: true },
        "default" => usual(vec![split(PUNCTUATION)?, split(GPT2)?, split(NUMBERS)?, split(THREE_DIGITS)?, bytes(false).into()]),
        _ => return Err(TokenizerError::Unsupported { model: vocabulary.model.clone(), pre: vocabulary.pre.clone() }),
    })
}

/// GPT-2's expression, which [`bytes`] has built in, for where something follows it.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

fn split(expression: &str) -> Result<PreTokenizerWrapper, TokenizerError> {
    let pattern = SplitPattern::Regex(expression.to_owned());
    let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false).map_err(TokenizerError::Vocabulary)?;
    Ok(split.into())
}

/// Bytes as printable characters, no space added in front; split into words by GPT-2's expression if that is asked for.
fn bytes(splits: bool) -> ByteLevel {
    ByteLevel::new(false, false, splits)
}

fn parse_merge(merge: &str) -> Result<(String, String), TokenizerError> {
    let (left, right) = merge.split_once(' ').ok_or_else(|| TokenizerError::Merge(merge.to_owned()))?;
    Ok((left.to_owned(), right.to_owned()))
}
