//! `POST /v1/embeddings`, in full.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::{Unsupported, UsageBody};

/// A request to turn texts into vectors.
#[derive(Debug, Clone, Deserialize)]
pub struct EmbeddingRequest {
    /// The model asked for.
    pub model: String,
    /// What to embed.
    pub input: EmbeddingInput,
    /// How to write the vectors.
    #[serde(default)]
    pub encoding_format: Option<EncodingFormat>,
    /// The length of the vectors, where a model offers a choice.
    #[serde(default)]
    pub dimensions: Option<u64>,
    /// Everything else.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

impl EmbeddingRequest {
    /// The first field that would have to be ignored although it may change the answer.
    #[must_use]
    pub fn unsupported(&self) -> Option<Unsupported> {
        let is_hint = |name: &str| matches!(name, "user" | "stream" | "stream_options");
        let asked = self.rest.iter().find(|(name, value)| !is_hint(name) && !value.is_null());
        asked.map(|(name, _)| Unsupported { param: name.clone(), accepted: "nothing" })
    }
}

/// One text or several, as text or as token ids.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "`input` must be a string, an array of strings, an array of token ids or an array of such arrays")]
pub enum EmbeddingInput {
    /// One text.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
    /// One text, tokenised by the caller.
    Tokens(Vec<u32>),
    /// Several texts, tokenised by the caller.
    TokenLists(Vec<Vec<u32>>),
}

/// How vectors are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncodingFormat {
    /// A JSON array of numbers.
    #[default]
    Float,
    /// Little-endian `f32`s in base64.
    Base64,
}

/// The answer.
#[derive(Debug, Clone, Serialize)]
pub struct EmbeddingList<'a> {
    /// Always `list`.
    pub object: &'static str,
    /// One vector an input, in the order of the inputs.
    pub data: Vec<Embedding<'a>>,
    /// The model that made them.
    pub model: &'a str,
    /// Tokens read.
    pub usage: UsageBody,
}

/// One vector.
#[derive(Debug, Clone, Serialize)]
pub struct Embedding<'a> {
    /// Always `embedding`.
    pub object: &'static str,
    /// Which input it belongs to.
    pub index: usize,
    /// The vector.
    pub embedding: Vector<'a>,
}

/// A vector in one of the two spellings.
#[derive(Debug, Clone, Copy)]
pub struct Vector<'a> {
    /// The values.
    pub values: &'a [f32],
    /// How to write them.
    pub format: EncodingFormat,
}

impl Serialize for Vector<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.format {
            EncodingFormat::Float => serializer.collect_seq(self.values),
            EncodingFormat::Base64 => {
                let bytes: Vec<u8> = self.values.iter().flat_map(|value| value.to_le_bytes()).collect();
                serializer.serialize_str(&STANDARD.encode(bytes))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_four_kinds_of_input() {
        let input = |json: &str| serde_json::from_str::<EmbeddingInput>(json).map_err(|error| error.to_string());
        assert_eq!(input(r#""a""#), Ok(EmbeddingInput::Text("a".to_owned())));
        assert_eq!(input(r#"["a","b"]"#), Ok(EmbeddingInput::Texts(vec!["a".to_owned(), "b".to_owned()])));
        assert_eq!(input("[1,2]"), Ok(EmbeddingInput::Tokens(vec![1, 2])));
        assert_eq!(input("[[1],[2]]"), Ok(EmbeddingInput::TokenLists(vec![vec![1], vec![2]])));
        assert!(input("[-1]").unwrap_err().contains("array of token ids"));
    }

    #[test]
    fn writes_base64_as_little_endian_floats() {
        let json = |format| serde_json::to_string(&Vector { values: &[1.0, -2.5], format }).unwrap();
        assert_eq!(json(EncodingFormat::Float), "[1.0,-2.5]");
        assert_eq!(json(EncodingFormat::Base64), "\"AACAPwAAIMA=\"");
    }
}
