//! What a well-behaved cloud says, in OpenAI's shapes.

use bytes::Bytes;

use crate::behaviour::Behaviour;
use crate::check::{Ask, Framing};

mod chat;
mod embeddings;
mod error;
mod models;

pub(crate) use error::{refused, status};

/// The moment of every answer: the same answer every time.
const CREATED: u64 = 1_700_000_000;

/// An answer, before anything happens to it.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) content_type: &'static str,
    /// What is sent: the events of a stream, or the two halves of a document.
    pub(crate) parts: Vec<Bytes>,
}

/// The right answer.
pub(crate) fn content(behaviour: &Behaviour, ask: &Ask) -> Content {
    match ask {
        Ask::Chat(chat) if chat.framing == Framing::Whole => Content::document(chat::whole(behaviour, chat)),
        Ask::Chat(chat) => Content { content_type: "text/event-stream; charset=utf-8", parts: chat::events(behaviour, chat) },
        Ask::Embeddings(embeddings) => Content::document(embeddings::whole(behaviour, embeddings)),
        Ask::Models => Content::document(models::list(behaviour)),
    }
}

impl Content {
    fn document(json: serde_json::Value) -> Self {
        let mut first = Bytes::from(json.to_string());
        let second = first.split_off(first.len() / 2);
        Self { content_type: "application/json", parts: vec![first, second] }
    }
}
