//! `generateContent`, whole and streamed, wherever it lives.

use http::HeaderMap;
use tradewind_protocol::{
    Operation,
    chat::{Dropped, StreamDecoder, Target},
    gemini::{self, ChatDecoder, Options, Service},
};

use super::model::schema_form;
use crate::{Ask, PrepareError, ReadError, Reply, Translate, Translated, content_type::expect_events};

/// What is called on a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// A whole answer.
    Generate,
    /// A stream of server-sent events: without `alt=sse`, it would be one JSON array.
    Stream,
}

impl Method {
    /// What stands behind the model in the address.
    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Generate => ":generateContent",
            Self::Stream => ":streamGenerateContent?alt=sse",
        }
    }
}

/// Reads answers to one request.
#[derive(Debug)]
pub(crate) struct Generate {
    choices: u32,
}

impl Generate {
    /// The body that asks for a chat or a text completion, what to call, and what reads the answer.
    pub(crate) fn of(ask: &Ask<'_>, service: Service, dropped: &mut Dropped) -> Result<(Vec<u8>, Method, Self), PrepareError> {
        let chat = if ask.operation == Operation::Completions { ask.payload.completion()? } else { ask.payload.chat()? };
        let target = Target { model: ask.model, capabilities: ask.capabilities };
        let options = Options { service, schema: schema_form(ask.model) };
        let body = gemini::encode_chat(chat, &target, options, dropped)?;
        let method = if chat.stream { Method::Stream } else { Method::Generate };
        Ok((body, method, Self { choices: chat.n.unwrap_or(1) }))
    }
}

impl Translate for Generate {
    fn whole(&mut self, answers: &[Reply]) -> Result<Translated, ReadError> {
        let [answer] = answers else {
            return Err(ReadError::Malformed(format!("{} answers to one request", answers.len())));
        };
        Ok(Translated::Chat(gemini::read_chat(&answer.body)?))
    }

    fn stream(&mut self, headers: &HeaderMap) -> Result<Box<dyn StreamDecoder>, ReadError> {
        expect_events(headers)?;
        Ok(Box::new(ChatDecoder::new(self.choices)))
    }
}
