//! SageMaker's runtime: InvokeEndpoint and its streaming sibling, around the container's own API.
//!
//! What the container speaks the endpoint's name says: `tgi-…`, `lmi-…`, `tei-…`; any other speaks OpenAI's API.

mod native;
mod openai;
mod stream;

use super::error::AwsError;
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::log::Received;

/// The most bytes of a body.
const LIMIT: usize = 6 * 1024 * 1024;

/// Whether the caller asked for a stream of frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Whole,
    Frames,
}

/// What the container behind an endpoint says.
pub(super) fn invoke(
    behaviour: &Behaviour,
    endpoint: &str,
    transport: Transport,
    received: &Received,
) -> Result<Content, AwsError> {
    let models = behaviour.chat_models.iter().chain(&behaviour.embedding_models);
    if !models.clone().any(|known| known == endpoint) {
        return Err(invalid(&format!("Endpoint {endpoint} of account 123456789012 not found.")));
    }
    component(endpoint, received)?;
    if received.body.len() > LIMIT {
        return Err(AwsError::new(413, "ValidationError", "The body is longer than 6291456 bytes."));
    }
    let content = if endpoint.starts_with("tgi-") {
        native::generate(behaviour, received, native::Lines::Events, transport)?
    } else if endpoint.starts_with("lmi-") {
        native::generate(behaviour, received, native::Lines::Json, transport)?
    } else if endpoint.starts_with("tei-") {
        native::embed(behaviour, received)?
    } else {
        openai::answer(behaviour, endpoint, transport, received)?
    };
    let content = content.with("x-amzn-invoked-production-variant", "AllTraffic");
    match transport {
        Transport::Whole => Ok(content),
        Transport::Frames => Ok(stream::framed(content)),
    }
}

/// An endpoint that is a house of components must be told which, and no other may.
fn component(endpoint: &str, received: &Received) -> Result<(), AwsError> {
    match (endpoint.contains("-ic"), received.header("x-amzn-sagemaker-inference-component")) {
        (true, None) => Err(invalid(
            "Inference Component Name header is required for endpoints to which you plan to deploy inference components.",
        )),
        (false, Some(_)) => Err(invalid(
            "Inference Component Name header is not allowed for endpoints to which you don't plan to deploy inference components.",
        )),
        _ => Ok(()),
    }
}

/// A request that SageMaker itself refuses.
fn invalid(message: &str) -> AwsError {
    AwsError { status: 400, kind: "ValidationError", body: serde_json::json!({ "Message": message }) }
}

/// An error of the container, which SageMaker wraps.
fn model_error(status: u16, message: &str) -> AwsError {
    let kind = if status < 500 { "client" } else { "server" };
    let body = serde_json::json!({
        "ErrorCode": if status < 500 { "CLIENT_ERROR_FROM_MODEL" } else { "SERVER_ERROR_FROM_MODEL" },
        "LogStreamArn": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/sagemaker/Endpoints/sim",
        "Message": format!("Received {kind} error ({status}) from primary with message \"{message}\"."),
        "OriginalMessage": message,
        "OriginalStatusCode": status,
    });
    AwsError { status: 424, kind: "ModelError", body }
}
