//! Reads the answers of OpenAI-shaped hosts into the canonical form, where they cannot pass through.

use http::{HeaderMap, header::CONTENT_TYPE};
use tradewind_protocol::{
    Operation,
    chat::StreamDecoder,
    openai::{ChunkDecoder, read_chat_answer, read_embeddings_answer, read_rerank_answer},
};

use crate::{ReadError, Reply, Translate, Translated};

/// Reads the answers to one operation.
#[derive(Debug)]
pub(crate) struct Answers(pub(crate) Operation);

impl Translate for Answers {
    fn whole(&mut self, answers: &[Reply]) -> Result<Translated, ReadError> {
        let [answer] = answers else {
            return Err(ReadError::Malformed(format!("{} answers to one request", answers.len())));
        };
        Ok(match self.0 {
            Operation::Chat | Operation::Completions => Translated::Chat(read_chat_answer(&answer.body)?),
            Operation::Embeddings => Translated::Embeddings(read_embeddings_answer(&answer.body)?),
            Operation::Rerank => Translated::Rerank(read_rerank_answer(&answer.body)?),
        })
    }

    fn stream(&mut self, headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        check_event_stream(headers)?;
        Ok(Box::new(ChunkDecoder::default()))
    }
}

/// A body of another type is no stream: a web page, or an error that came with a success. A host that names no type is believed.
pub(crate) fn check_event_stream(headers: &HeaderMap) -> Result<(), ReadError> {
    match headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default()) {
        Some(kind) if !kind.trim_start().to_ascii_lowercase().starts_with("text/event-stream") => {
            Err(ReadError::Malformed(format!("events were asked for, and `{kind}` came")))
        }
        _ => Ok(()),
    }
}
