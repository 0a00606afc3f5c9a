//! Answers of Cohere's API, whole and streamed.

use http::HeaderMap;
use tradewind_protocol::{
    chat::StreamDecoder,
    cohere::{ChatDecoder, read_chat, read_rerank},
};

use crate::{ReadError, Reply, Translate, Translated, content_type::expect_events};

/// What was asked for, and so what reads the answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    Chat,
    Rerank,
}

impl Translate for Answer {
    fn whole(&mut self, answers: &[Reply]) -> Result<Translated, ReadError> {
        let [answer] = answers else {
            return Err(ReadError::Malformed(format!("{} answers to one request", answers.len())));
        };
        Ok(match self {
            Self::Chat => Translated::Chat(read_chat(&answer.body)?),
            Self::Rerank => Translated::Rerank(read_rerank(&answer.body)?),
        })
    }

    fn stream(&mut self, headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        expect_events(headers)?;
        Ok(Box::new(ChatDecoder::default()))
    }
}
