//! Vectors that come in several answers, because a provider takes so many texts at a time.

use http::HeaderMap;
use tradewind_protocol::{Embeddings, Usage, chat::StreamDecoder, openai::AnswerError};

use crate::{ReadError, Reply, Translate, Translated};

/// Reads the answers to a list of texts that was sent in parts, and puts their vectors together.
#[derive(Debug)]
pub(crate) struct Vectors {
    /// Reads one answer.
    pub(crate) read: fn(&[u8]) -> Result<Embeddings, AnswerError>,
    /// How many texts were sent: a vector short would shift all that follow.
    pub(crate) texts: usize,
}

impl Translate for Vectors {
    fn whole(&mut self, answers: &[Reply]) -> Result<Translated, ReadError> {
        let mut all = Embeddings::default();
        for answer in answers {
            let part = (self.read)(&answer.body)?;
            all.vectors.extend(part.vectors);
            all.usage = match (all.usage, part.usage) {
                (Some(one), Some(other)) => Some(Usage::new(one.prompt_tokens.saturating_add(other.prompt_tokens), 0)),
                (one, other) => one.or(other),
            };
        }
        if all.vectors.len() == self.texts {
            return Ok(Translated::Embeddings(all));
        }
        Err(ReadError::Malformed(format!("{} vectors came for {} texts", all.vectors.len(), self.texts)))
    }

    fn stream(&mut self, _headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        Err(ReadError::Malformed("vectors do not come as a stream".to_owned()))
    }
}
