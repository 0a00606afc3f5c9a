//! Tokenizer, template and ends from a GGUF file's metadata.

use candle_core::quantized::gguf_file::Value;
use tradewind_models::template::SpecialTokens;
use tradewind_models::tokenizer::{AfterStructure, GgufVocabulary, TokenKind, Tokenizer};

use super::Text;
use crate::decoder::Gguf;
use crate::load::LoadError;

/// `tokenizer.ggml.token_type` values, from llama.cpp's `llama_token_type`.
const UNKNOWN: i64 = 2;
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;
const UNUSED: i64 = 5;
const BYTE: i64 = 6;

/// The keys of tokens that end a turn, or a message of several in a turn.
const ENDS: [&str; 3] = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

pub(super) fn text(gguf: &Gguf) -> Result<Text, LoadError> {
    let vocabulary = vocabulary(gguf)?;
    let text_of = |id: Option<u32>| id.and_then(|id| vocabulary.tokens.get(id as usize)).map(|(token, _)| token.clone());
    let ends = ENDS.iter().map(|key| gguf.optional(key, token));
    let ends: Vec<Option<u32>> = ends.collect::<Result<_, _>>()?;
    let names = SpecialTokens { bos: text_of(vocabulary.begin), eos: text_of(ends.first().copied().flatten()) };
    let template = gguf.optional("tokenizer.chat_template", Gguf::text)?.map(str::to_owned);
    let tokenizer = Tokenizer::from_gguf(vocabulary)?;
    Ok(Text { tokenizer, template, names, ends: ends.into_iter().flatten().collect() })
}

/// What the file says of its tokenizer.
fn vocabulary(gguf: &Gguf) -> Result<GgufVocabulary, LoadError> {
    const TYPES: &str = "tokenizer.ggml.token_type";
    let model = gguf.text("tokenizer.ggml.model")?;
    let pre = gguf.optional("tokenizer.ggml.pre", Gguf::text)?.unwrap_or("default");
    let kinds = gguf.list(TYPES)?.iter().map(|value| kind(value).ok_or_else(|| wrong(TYPES, value)));
    let tokens = gguf.texts("tokenizer.ggml.tokens")?;
    let scores = gguf.optional("tokenizer.ggml.scores", |gguf, key| {
        let scores = gguf.list(key)?.iter().map(|value| match value {
            Value::F32(score) => Ok(*score),
            other => Err(wrong(key, other)),
        });
        scores.collect()
    })?;
    Ok(GgufVocabulary {
        model: model.to_owned(),
        pre: pre.to_owned(),
        tokens: tokens.into_iter().zip(kinds).map(|(token, kind)| Ok((token, kind?))).collect::<Result<_, LoadError>>()?,
        merges: gguf.optional("tokenizer.ggml.merges", Gguf::texts)?.unwrap_or_default(),
        scores: scores.unwrap_or_default(),
        begin: gguf.optional("tokenizer.ggml.bos_token_id", token)?,
        adds_begin: gguf.optional("tokenizer.ggml.add_bos_token", Gguf::flag)?,
        adds_space: gguf.optional("tokenizer.ggml.add_space_prefix", Gguf::flag)?,
        after_structure: if is_phi3(gguf)? { AfterStructure::Dropped } else { AfterStructure::Kept },
    })
}

/// Only the model's name tells: Phi-4 has the same architecture.
fn is_phi3(gguf: &Gguf) -> Result<bool, LoadError> {
    let name = gguf.optional("general.name", Gguf::text)?.unwrap_or_default().to_lowercase();
    Ok(["phi-3", "phi3"].iter().any(|phi| name.contains(phi)))
}

fn kind(value: &Value) -> Option<TokenKind> {
    match Gguf::integer(value)? {
        UNKNOWN => Some(TokenKind::Unknown),
        CONTROL => Some(TokenKind::Control),
        USER_DEFINED => Some(TokenKind::UserDefined),
        UNUSED => Some(TokenKind::Unused),
        BYTE => Some(TokenKind::Byte),
        _ => Some(TokenKind::Text),
    }
}

fn token(gguf: &Gguf, key: &str) -> Result<u32, LoadError> {
    let number = gguf.number(key)?;
    number.try_into().map_err(|_| LoadError::Metadata {
        key: key.to_owned(),
        expected: "the number of a token",
        found: number.to_string(),
    })
}

fn wrong(key: &str, value: &Value) -> LoadError {
    LoadError::metadata(key, "a list of numbers", Some(value))
}
