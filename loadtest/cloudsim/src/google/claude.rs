//! Claude on Vertex AI: Anthropic's own body, without a model, through `rawPredict` and `streamRawPredict`.

use crate::anthropic::{Delivery, Messages, Rules, content, of_body, tell};
use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Content};
use crate::json::{Object, body};
use crate::log::Received;
use crate::refusal::Refusal;

const VERSION: &str = "vertex-2023-10-16";

/// What it says. Errors of the model are in Anthropic's manner, those of the platform around it in Google's.
pub(super) fn answer(behaviour: &Behaviour, model: &str, method: &str, received: &Received) -> Answered {
    Answered::of(speak(behaviour, model, method, received), &Messages)
}

fn speak(behaviour: &Behaviour, model: &str, method: &str, received: &Received) -> Result<Content, Refusal> {
    let delivery = match method {
        "rawPredict" => Delivery::Whole,
        "streamRawPredict" => Delivery::Events,
        _ => return Err(Refusal::unknown_url(&received.method, received.route())),
    };
    let mut members = body(received)?;
    let version = of_body(&mut members, VERSION);
    let body = Object::root(&members);
    // The path and the body both say it here, and must agree.
    if body.flag("stream")? != (delivery == Delivery::Events) {
        return Err(body.wrong("stream", "must be true for streamRawPredict and only there"));
    }
    let rules = Rules { version, model: Some(model.to_owned()), delivery: Some(delivery) };
    Ok(content(tell(behaviour, &body, &rules)?))
}
