//! Embeddings and rerank requests for hosts that have their own form of them.

use bytes::Bytes;
use serde::Serialize;
use tradewind_protocol::{
    chat::{ConvertError, Dropped},
    openai::EmbeddingInput,
};

use super::{
    body::{unreadable, unwritable},
    object::Object,
};
use crate::{Ask, PrepareError};

/// Mistral's embeddings: `dimensions` has another name, and nobody is named.
pub(crate) fn mistral_embeddings(ask: &Ask<'_>, dropped: &mut Dropped) -> Result<Bytes, PrepareError> {
    let mut object = Object::read(ask.payload.body()).map_err(unreadable)?;
    object.rename("dimensions", "output_dimension");
    if object.remove("user") {
        dropped.note("user");
    }
    object.set("model", ask.model).map_err(unwritable)?;
    object.write().map(Bytes::from).map_err(unwritable)
}

#[derive(Serialize)]
struct SnowflakeEmbed<'a> {
    model: &'a str,
    text: Vec<&'a str>,
}

/// Snowflake's `inference:embed`.
pub(crate) fn snowflake_embeddings(ask: &Ask<'_>, dropped: &mut Dropped) -> Result<Bytes, PrepareError> {
    let request = ask.payload.embeddings()?;
    if request.dimensions.is_some() {
        let message = "`dimensions` is not offered by this model, whose vectors have one length: leave it out.";
        return Err(ConvertError::unsupported("dimensions", message).into());
    }
    if request.rest.contains_key("user") {
        dropped.note("user");
    }
    written(&SnowflakeEmbed { model: ask.model, text: texts(&request.input)? })
}

/// The texts to embed, for targets that take no token ids.
pub(crate) fn texts(input: &EmbeddingInput) -> Result<Vec<&str>, ConvertError> {
    match input {
        EmbeddingInput::Text(text) => Ok(vec![text]),
        EmbeddingInput::Texts(texts) => Ok(texts.iter().map(String::as_str).collect()),
        EmbeddingInput::Tokens(_) | EmbeddingInput::TokenLists(_) => {
            let message = "`input` holds token ids, which this model does not take: send a string or a list of strings.";
            Err(ConvertError::unsupported("input", message))
        }
    }
}

#[derive(Serialize)]
struct TeiRerank<'a> {
    query: &'a str,
    texts: Vec<&'a str>,
    truncate: bool,
}

/// The rerank request of text embeddings servers. `top_n` and `return_documents` are the gateway's affair, which writes the answer.
pub(crate) fn tei_rerank(ask: &Ask<'_>, dropped: &mut Dropped) -> Result<Bytes, PrepareError> {
    let request = ask.payload.rerank()?;
    dropped.note_if(&request.max_tokens_per_doc, "max_tokens_per_doc");
    let texts = request.documents.iter().map(tradewind_protocol::rerank::Document::text).collect();
    written(&TeiRerank { query: &request.query, texts, truncate: true })
}

pub(crate) fn written<T: Serialize>(body: &T) -> Result<Bytes, PrepareError> {
    serde_json::to_vec(body).map(Bytes::from).map_err(unwritable)
}
