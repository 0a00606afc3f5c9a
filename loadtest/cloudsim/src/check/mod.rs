//! The strictness: what a request must look like to get an answer.

use http::{HeaderMap, Method, header};

use self::fields::fields;
use crate::behaviour::Behaviour;
use crate::log::Received;

mod chat;
mod embeddings;
mod fields;
mod refusal;

pub(crate) use chat::{Chat, Framing};
pub(crate) use embeddings::{Embeddings, Encoding};
pub(crate) use refusal::Refusal;

/// What a request asks for.
#[derive(Debug)]
pub(crate) enum Ask {
    Chat(Chat),
    Embeddings(Embeddings),
    Models,
}

/// What a request asks for, if it is well-formed and allowed.
pub(crate) fn check(behaviour: &Behaviour, received: &Received) -> Result<Ask, Refusal> {
    authenticate(behaviour, &received.headers)?;
    match (&received.method, received.path.as_str()) {
        (&Method::GET, "/v1/models") => Ok(Ask::Models),
        (&Method::POST, "/v1/chat/completions") => {
            chat::check(&fields(received, chat::FIELDS)?, &behaviour.chat_models).map(Ask::Chat)
        }
        (&Method::POST, "/v1/embeddings") => {
            embeddings::check(&fields(received, embeddings::FIELDS)?, &behaviour.embedding_models).map(Ask::Embeddings)
        }
        (method, path) => Err(Refusal::new(404, Some("unknown_url"), format!("Unknown request URL: {method} {path}"))),
    }
}

fn authenticate(behaviour: &Behaviour, headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(token) = &behaviour.token else {
        return Ok(());
    };
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let expected = format!("Bearer {token}");
    match (given.next(), given.next()) {
        (Some(value), None) if value.as_bytes() == expected.as_bytes() => Ok(()),
        (None, _) => Err(Refusal::new(401, None, "You didn't provide an API key.")),
        _ => Err(Refusal::new(401, Some("invalid_api_key"), "Incorrect API key provided.")),
    }
}
