//! Reading a GGUF file: metadata by type, the tokenizer's description, tensors by name.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use candle_core::Device;
use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use tradewind_models::tokenizer::{GgufVocabulary, TokenKind};

use crate::load::LoadError;

/// `tokenizer.ggml.token_type` values, from llama.cpp's `llama_token_type`.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

/// An open GGUF file.
pub(crate) struct Gguf {
    content: Content,
    reader: BufReader<File>,
}

/// What is known of a tensor before it is read.
pub(crate) struct TensorHead<'a> {
    pub(crate) name: &'a str,
    pub(crate) stored: GgmlDType,
    pub(crate) elements: usize,
    /// Of a matrix, its outputs; of a table, its entries.
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
}

impl Gguf {
    pub(crate) fn open(path: &Path) -> Result<Self, LoadError> {
        let file = File::open(path).map_err(|source| LoadError::File { path: path.to_owned(), source })?;
        let mut reader = BufReader::new(file);
        let content = Content::read(&mut reader)?;
        Ok(Self { content, reader })
    }

    pub(crate) fn text(&self, key: &str) -> Result<&str, LoadError> {
        match self.content.metadata.get(key) {
            Some(Value::String(text)) => Ok(text),
            other => Err(LoadError::metadata(key, "text", other)),
        }
    }

    pub(crate) fn number(&self, key: &str) -> Result<usize, LoadError> {
        let value = self.content.metadata.get(key);
        value
            .and_then(integer)
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| LoadError::metadata(key, "a number", value))
    }

    pub(crate) fn float(&self, key: &str) -> Result<f32, LoadError> {
        match self.content.metadata.get(key) {
            Some(Value::F32(number)) => Ok(*number),
            other => Err(LoadError::metadata(key, "a 32-bit float", other)),
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.content.metadata.contains_key(key)
    }

    /// A matrix `[out, in]` or a vector, as it is stored.
    pub(crate) fn tensor(&mut self, name: &str, device: &Device) -> Result<QTensor, LoadError> {
        Ok(self.content.tensor(&mut self.reader, name, device)?)
    }

    /// What the file says of its tensors.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = TensorHead<'_>> {
        self.content.tensor_infos.iter().map(|(name, info)| {
            let (stored, elements) = (info.ggml_dtype, info.shape.elem_count());
            let bytes = elements / stored.block_size() * stored.type_size();
            let rows = info.shape.dims().first().copied().unwrap_or(0);
            TensorHead { name, stored, elements, rows, bytes }
        })
    }

    pub(crate) fn has_tensor(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// How the weights are stored, for the log.
    pub(crate) fn storage_of(&self, name: &str) -> Option<GgmlDType> {
        self.content.tensor_infos.get(name).map(|info| info.ggml_dtype)
    }

    /// What the file says of its tokenizer.
    pub(crate) fn vocabulary(&self) -> Result<GgufVocabulary, LoadError> {
        const TYPES: &str = "tokenizer.ggml.token_type";
        let kinds = self.list(TYPES)?.iter().map(|value| match integer(value) {
            Some(CONTROL) => Ok(TokenKind::Control),
            Some(USER_DEFINED) => Ok(TokenKind::UserDefined),
            Some(_) => Ok(TokenKind::Text),
            None => Err(LoadError::metadata(TYPES, "a list of numbers", Some(value))),
        });
        let tokens = self.texts("tokenizer.ggml.tokens")?;
        Ok(GgufVocabulary {
            model: self.text("tokenizer.ggml.model")?.to_owned(),
            pre: self.text("tokenizer.ggml.pre")?.to_owned(),
            tokens: tokens.into_iter().zip(kinds).map(|(token, kind)| Ok((token, kind?))).collect::<Result<_, LoadError>>()?,
            merges: self.texts("tokenizer.ggml.merges")?,
        })
    }

    fn list(&self, key: &str) -> Result<&[Value], LoadError> {
        match self.content.metadata.get(key) {
            Some(Value::Array(values)) => Ok(values),
            other => Err(LoadError::metadata(key, "a list", other)),
        }
    }

    fn texts(&self, key: &str) -> Result<Vec<String>, LoadError> {
        let texts = self.list(key)?.iter().map(|value| match value {
            Value::String(text) => Ok(text.clone()),
            other => Err(LoadError::metadata(key, "a list of texts", Some(other))),
        });
        texts.collect()
    }
}

/// An integer of whatever width the writer chose.
fn integer(value: &Value) -> Option<i64> {
    match *value {
        Value::U8(number) => Some(number.into()),
        Value::I8(number) => Some(number.into()),
        Value::U16(number) => Some(number.into()),
        Value::I16(number) => Some(number.into()),
        Value::U32(number) => Some(number.into()),
        Value::I32(number) => Some(number.into()),
        Value::U64(number) => i64::try_from(number).ok(),
        Value::I64(number) => Some(number),
        _ => None,
    }
}
