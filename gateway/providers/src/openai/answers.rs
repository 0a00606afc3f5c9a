//! Reads the answers of OpenAI-shaped hosts into the canonical form, where they cannot pass through.

use http::HeaderMap;
use tradewind_protocol::{
    Operation,
    chat::StreamDecoder,
    openai::{ChunkDecoder, read_chat_answer, read_embeddings_answer, read_rerank_answer},
};

use crate::{ReadError, Reply, Translate, Translated, content_type::expect_events};

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
            Operation::Infer => return Err(ReadError::Malformed("an answer to what is not asked of this API".to_owned())),
        })
    }

    fn stream(&mut self, headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        expect_events(headers)?;
        Ok(Box::new(ChunkDecoder::default()))
    }
}
