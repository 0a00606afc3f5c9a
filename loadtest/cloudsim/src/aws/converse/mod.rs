//! Bedrock's Converse and ConverseStream.

mod answer;
mod read;
mod rules;
mod shape;

use super::body::body;
use super::error::AwsError;
use crate::behaviour::Behaviour;
use crate::cloud::Content;
use crate::log::Received;
use crate::scene::{Performance, perform};

/// The whole answer of that model.
pub(super) fn converse(behaviour: &Behaviour, model: &str, received: &Received) -> Result<Content, AwsError> {
    Ok(answer::whole(&performance(behaviour, model, received)?))
}

/// The same in events.
pub(super) fn converse_stream(behaviour: &Behaviour, model: &str, received: &Received) -> Result<Content, AwsError> {
    Ok(answer::events(&performance(behaviour, model, received)?))
}

fn performance(behaviour: &Behaviour, model: &str, received: &Received) -> Result<Performance, AwsError> {
    let body = body(received, &shape::BODY)?;
    rules::check(&body)?;
    Ok(perform(behaviour, &read::prompt(&body, model)?))
}
