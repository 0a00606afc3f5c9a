//! Vertex AI's paths: `/v1/projects/P/locations/L/publishers/WHO/models/MODEL:METHOD`.

use super::claude;
use super::embed;
use super::error;
use super::gemini::{Surface, Wanted, generate};
use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Manner};
use crate::credential;
use crate::log::Received;
use crate::refusal::Refusal;

/// A model and what is wanted of it.
#[derive(Debug)]
pub(super) struct Target<'a> {
    publisher: &'a str,
    model: &'a str,
    method: &'a str,
}

impl<'a> Target<'a> {
    /// The target of a path, if it is one of Vertex AI's.
    pub(super) fn of(path: &'a str) -> Option<Self> {
        let segments: Vec<_> = path.split('/').collect();
        match segments[..] {
            ["", "v1" | "v1beta1", "projects", _, "locations", _, "publishers", publisher, "models", call] => {
                let (model, method) = call.rsplit_once(':')?;
                Some(Self { publisher, model, method })
            }
            _ => None,
        }
    }
}

/// What a model on Vertex AI says.
pub(super) fn answer(behaviour: &Behaviour, target: &Target<'_>, received: &Received) -> Answered {
    let Target { publisher, model, method } = *target;
    let wanted = wanted(method, received);
    let manner: &'static dyn Manner = if wanted == Some(Wanted::Array) { &error::Array } else { &error::Vertex };
    if let Err(refusal) = credential::bearer(behaviour, received).and_then(|()| served(behaviour, model)) {
        return Answered::of(Err(refusal), manner);
    }
    let answer = match (publisher, wanted) {
        ("google", Some(wanted)) => generate(behaviour, model, Surface::Vertex, wanted, received),
        ("anthropic", _) => return claude::answer(behaviour, model, method, received),
        ("google", None) => match method {
            "predict" => embed::predict(behaviour, received),
            "embedContent" => embed::one(behaviour, received),
            "batchEmbedContents" => embed::batch(behaviour, model, received),
            _ => Err(Refusal::unknown_url(&received.method, received.route())),
        },
        _ => Err(Refusal::unknown_url(&received.method, received.route())),
    };
    Answered::of(answer, manner)
}

/// What the method of `generateContent`'s family is asked for; none if it is another.
pub(super) fn wanted(method: &str, received: &Received) -> Option<Wanted> {
    match method {
        "generateContent" => Some(Wanted::Whole),
        "streamGenerateContent" if received.query("alt") == Some("sse") => Some(Wanted::Events),
        "streamGenerateContent" => Some(Wanted::Array),
        "countTokens" => Some(Wanted::Count),
        _ => None,
    }
}

/// Whether the model is served here.
pub(super) fn served(behaviour: &Behaviour, model: &str) -> Result<(), Refusal> {
    let known = behaviour.chat_models.iter().chain(&behaviour.embedding_models).any(|known| known == model);
    if known { Ok(()) } else { Err(Refusal::unknown_model(model)) }
}
