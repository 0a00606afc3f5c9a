//! `llama`: SentencePiece's merging of characters, the likeliest token first: <https://arxiv.org/abs/1808.06226>.
//!
//! Spaces are written as `▁` and are like any other character, so that a token may have some within it. A character without a token is
//! written as its bytes.

use std::cmp::Ordering;

use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::sequence::Sequence as Decoders;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::{Prepend, Replace, Sequence as Normalizers};
use tokenizers::{NormalizerWrapper, Tokenizer};

use super::{GgufVocabulary, TokenKind};
use crate::tokenizer::TokenizerError;

/// How a space is written.
pub(in crate::tokenizer) const SPACE: char = '▁';

/// Two tokens that are one together, and how likely that one is.
struct Merge {
    score: f32,
    left: String,
    right: String,
}

pub(super) fn build(vocabulary: &GgufVocabulary) -> Result<Tokenizer, TokenizerError> {
    let (tokens, scores) = (vocabulary.tokens.len(), vocabulary.scores.len());
    if tokens != scores {
        return Err(TokenizerError::Scores { tokens, scores });
    }
    let ids: Vocab = (0..).zip(&vocabulary.tokens).map(|(id, (token, _))| (token.clone(), id)).collect();
    let merges = merges(vocabulary, &ids);
    let mut bpe = BPE::builder().vocab_and_merges(ids, merges).byte_fallback(true).fuse_unk(true);
    if let Some((unknown, _)) = vocabulary.tokens.iter().find(|(_, kind)| *kind == TokenKind::Unknown) {
        bpe = bpe.unk_token(unknown.clone());
    }
    let mut tokenizer = Tokenizer::new(bpe.build().map_err(TokenizerError::Vocabulary)?);
    let normalizers = Normalizers::new(normalizers(vocabulary)?);
    tokenizer.with_normalizer(Some(normalizers)).map_err(TokenizerError::Vocabulary)?;
    let spaces = Replace::new(SPACE.to_string(), " ").map_err(TokenizerError::Vocabulary)?;
    tokenizer.with_decoder(Some(Decoders::new(vec![spaces.into(), ByteFallback::new().into()])));
    Ok(tokenizer)
}

fn normalizers(vocabulary: &GgufVocabulary) -> Result<Vec<NormalizerWrapper>, TokenizerError> {
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if vocabulary.adds_space.unwrap_or(true) {
        steps.push(Prepend::new(SPACE.to_string()).into());
    }
    steps.push(Replace::new(" ", SPACE.to_string()).map_err(TokenizerError::Vocabulary)?.into());
    Ok(steps)
}

/// Every way to make a token of two others; those of the likeliest token first, and of equals those of the earlier one.
fn merges(vocabulary: &GgufVocabulary, ids: &Vocab) -> Vec<(String, String)> {
    let mut merges = Vec::new();
    for ((token, kind), score) in vocabulary.tokens.iter().zip(&vocabulary.scores) {
        if *kind != TokenKind::Text {
            continue;
        }
        for (place, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(place);
            if ids.contains_key(left) && ids.contains_key(right) {
                merges.push(Merge { score: *score, left: left.to_owned(), right: right.to_owned() });
            }
        }
    }
    merges.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(Ordering::Equal));
    merges.into_iter().map(|Merge { left, right, .. }| (left, right)).collect()
}
