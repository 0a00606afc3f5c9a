//! Reading a GGUF file: metadata by type, tensors by name.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use candle_core::Device;
use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::quantized::{GgmlDType, QTensor};

use crate::load::LoadError;

/// An open GGUF file.
pub(crate) struct Gguf {
    content: Content,
    reader: BufReader<File>,
}

/// What is known of a tensor before it is read.
pub(crate) struct TensorHead {
    pub(crate) stored: GgmlDType,
    pub(crate) elements: usize,
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
            .and_then(Self::integer)
            .and_then(|number| usize::try_from(number).ok())
            .ok_or_else(|| LoadError::metadata(key, "a number", value))
    }

    pub(crate) fn float(&self, key: &str) -> Result<f32, LoadError> {
        match self.content.metadata.get(key) {
            Some(Value::F32(number)) => Ok(*number),
            other => Err(LoadError::metadata(key, "a 32-bit float", other)),
        }
    }

    pub(crate) fn flag(&self, key: &str) -> Result<bool, LoadError> {
        match self.content.metadata.get(key) {
            Some(Value::Bool(flag)) => Ok(*flag),
            other => Err(LoadError::metadata(key, "true or false", other)),
        }
    }

    /// What `read` finds under the key, or nothing if the file does not have it.
    pub(crate) fn optional<'a, T>(
        &'a self,
        key: &str,
        read: impl FnOnce(&'a Self, &str) -> Result<T, LoadError>,
    ) -> Result<Option<T>, LoadError> {
        if self.has(key) { read(self, key).map(Some) } else { Ok(None) }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.content.metadata.contains_key(key)
    }

    /// A matrix `[out, in]` or a vector, as it is stored.
    pub(crate) fn tensor(&mut self, name: &str, device: &Device) -> Result<QTensor, LoadError> {
        Ok(self.content.tensor(&mut self.reader, name, device)?)
    }

    /// What the file says of its tensors.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = TensorHead> {
        self.content.tensor_infos.values().map(|info| {
            let (stored, elements) = (info.ggml_dtype, info.shape.elem_count());
            TensorHead { stored, elements, bytes: elements / stored.block_size() * stored.type_size() }
        })
    }

    pub(crate) fn has_tensor(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// A vector of numbers.
    pub(crate) fn numbers(&mut self, name: &str) -> Result<Vec<f32>, LoadError> {
        Ok(self.tensor(name, &Device::Cpu)?.dequantize(&Device::Cpu)?.flatten_all()?.to_vec1()?)
    }

    pub(crate) fn list(&self, key: &str) -> Result<&[Value], LoadError> {
        match self.content.metadata.get(key) {
            Some(Value::Array(values)) => Ok(values),
            other => Err(LoadError::metadata(key, "a list", other)),
        }
    }

    pub(crate) fn texts(&self, key: &str) -> Result<Vec<String>, LoadError> {
        let texts = self.list(key)?.iter().map(|value| match value {
            Value::String(text) => Ok(text.clone()),
            other => Err(LoadError::metadata(key, "a list of texts", Some(other))),
        });
        texts.collect()
    }

    /// An integer of whatever width the writer chose.
    pub(crate) fn integer(value: &Value) -> Option<i64> {
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
}
