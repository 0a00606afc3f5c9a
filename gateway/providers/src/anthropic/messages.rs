//! Answers of the Messages API, whole and streamed.

use http::{HeaderMap, header::CONTENT_TYPE};
use tradewind_protocol::{
    anthropic::{Decoder, read_answer},
    chat::StreamDecoder,
};

use crate::{ReadError, Reply, Translate, Translated};

/// Reads answers of the Messages API; a stream must be one of server-sent events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Messages;

impl Translate for Messages {
    fn whole(&mut self, answers: &[Reply]) -> Result<Translated, ReadError> {
        let [answer] = answers else {
            return Err(ReadError::Malformed(format!("{} answers to one request", answers.len())));
        };
        Ok(Translated::Chat(read_answer(&answer.body)?))
    }

    fn stream(&mut self, headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        let kind = headers.get(CONTENT_TYPE).map(http::HeaderValue::as_bytes);
        if kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"text/event-stream")) {
            return Ok(Box::new(Decoder::new()));
        }
        let kind = kind.map_or_else(|| "no type".into(), String::from_utf8_lossy);
        Err(ReadError::Malformed(format!("a stream of `text/event-stream` was asked for, and `{kind}` came")))
    }
}
