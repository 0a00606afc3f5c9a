//! Bedrock's InvokeModel and InvokeModelWithResponseStream: the body is the model's own.

mod claude;
mod embed;

use super::error::AwsError;
use crate::anthropic::Delivery;
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::log::Received;

/// What a model says to its own kind of body.
pub(super) fn invoke(behaviour: &Behaviour, model: &str, received: &Received) -> Result<Content, AwsError> {
    if behaviour.embedding_models.iter().any(|known| known == model) {
        return embed::embed(behaviour, model, received);
    }
    claude::speak(behaviour, model, Delivery::Whole, received)
}

/// The same in events.
pub(super) fn invoke_stream(behaviour: &Behaviour, model: &str, received: &Received) -> Result<Content, AwsError> {
    if behaviour.embedding_models.iter().any(|known| known == model) {
        return Err(AwsError::validation("The model is unsupported for streaming"));
    }
    claude::speak(behaviour, model, Delivery::Events, received)
}
