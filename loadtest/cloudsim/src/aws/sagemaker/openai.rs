//! A container with OpenAI's API behind an endpoint, where the path says nothing of the operation: the body does.

use super::super::error::AwsError;
use super::{Transport, model_error};
use crate::behaviour::Behaviour;
use crate::cloud::{Content, Framing};
use crate::log::Received;
use crate::openai::{Naming, hosts, serve};

/// What the operations are told apart by, as vLLM does at `/invocations`.
const OPERATIONS: [(&str, &str); 4] =
    [("messages", "/chat/completions"), ("prompt", "/completions"), ("documents", "/rerank"), ("input", "/embeddings")];

/// What the container says; the endpoint is the model.
pub(super) fn answer(
    behaviour: &Behaviour,
    endpoint: &str,
    transport: Transport,
    received: &Received,
) -> Result<Content, AwsError> {
    let naming = Naming::Path(endpoint.to_owned());
    let body = received.json();
    let path = OPERATIONS.iter().find(|(member, _)| body.get(member).is_some()).map_or("/chat/completions", |(_, path)| path);
    let content = serve(&hosts::SAGEMAKER_CONTAINER, behaviour, received, path, &naming)
        .map_err(|refusal| model_error(refusal.status, &refusal.message))?;
    match (transport, content.framing) {
        (Transport::Whole, Framing::Stream) => Err(model_error(400, "a stream was asked for where none can be sent")),
        (Transport::Frames, Framing::Document) => Err(model_error(400, "`stream` must be true for a stream of frames")),
        _ => Ok(content),
    }
}
