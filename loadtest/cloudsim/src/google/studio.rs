//! Google AI Studio's paths: `/v1beta/models/MODEL:METHOD`, or `/v1`.

use super::embed;
use super::error;
use super::gemini::{Surface, generate};
use super::vertex::{served, wanted};
use crate::behaviour::Behaviour;
use crate::cloud::Answered;
use crate::credential;
use crate::log::Received;
use crate::refusal::Refusal;

/// What a model says; `call` is `MODEL:METHOD`.
pub(super) fn answer(behaviour: &Behaviour, call: &str, received: &Received) -> Answered {
    let (model, method) = call.rsplit_once(':').unwrap_or((call, ""));
    let admitted = credential::check(behaviour, received, &["x-goog-api-key"]).and_then(|()| served(behaviour, model));
    let answer = admitted.and_then(|()| match (wanted(method, received), method) {
        (Some(wanted), _) => generate(behaviour, model, Surface::AiStudio, wanted, received),
        (None, "batchEmbedContents") => embed::batch(behaviour, model, received),
        (None, "embedContent") => embed::one(behaviour, received),
        _ => Err(Refusal::unknown_url(&received.method, received.route())),
    });
    Answered::of(answer, &error::AiStudio)
}
