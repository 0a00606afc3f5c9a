//! Anthropic's Messages API, as Anthropic serves it and as other clouds do.

use http::Method;
use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::cloud::{Answered, Cloud, Content, Document, named_event};
use crate::credential;
use crate::json::{Object, body};
use crate::log::Received;
use crate::refusal::Refusal;
use crate::scene::{perform, words};

mod answer;
mod blocks;
mod check;
mod error;
mod events;
mod history;
mod thinking;
mod tools;
mod version;

pub(crate) use error::Messages;
pub(crate) use version::{Version, of_body};

/// One host of the Messages API.
#[derive(Debug)]
pub(crate) struct Anthropic {
    /// What the paths begin with; `/messages` follows.
    pub(crate) base: &'static str,
    /// The headers in which a credential is accepted.
    pub(crate) door: &'static [&'static str],
}

/// What a request in this dialect must say, which depends on who serves it.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) version: Version,
    /// The model, where it is not named in the body.
    pub(crate) model: Option<String>,
    /// How the answer is asked for, where the body does not say it.
    pub(crate) delivery: Option<Delivery>,
}

/// Whether an answer comes whole or in events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    Events,
}

/// An answer in this dialect, not yet framed.
#[derive(Debug)]
pub(crate) enum Told {
    Whole(Value),
    /// Each event with its name, which its `type` repeats.
    Events(Vec<(&'static str, Value)>),
}

impl Cloud for Anthropic {
    fn answer(&self, behaviour: &Behaviour, request: &Received) -> Answered {
        if let Err(refusal) = credential::check(behaviour, request, self.door) {
            return Answered::of(Err(refusal), &Messages);
        }
        match (&request.method, request.route().strip_prefix(self.base)) {
            (&Method::GET, Some("/models")) => Answered::Aside(Document::json(200, &models(behaviour))),
            (&Method::POST, Some("/messages/count_tokens")) => Answered::of(count(behaviour, request), &Messages),
            (&Method::POST, Some("/messages")) => Answered::of(speak(behaviour, request), &Messages),
            (method, _) => Answered::of(Err(Refusal::unknown_url(method, request.route())), &Messages),
        }
    }
}

/// The answer to a request whose version is in its header.
pub(crate) fn speak(behaviour: &Behaviour, request: &Received) -> Result<Content, Refusal> {
    let rules = Rules { version: version::of_header(request)?, model: None, delivery: None };
    version::betas(request)?;
    let members = body(request)?;
    Ok(content(tell(behaviour, &Object::root(&members), &rules)?))
}

/// The answer to the body of a request.
pub(crate) fn tell(behaviour: &Behaviour, body: &Object<'_>, rules: &Rules) -> Result<Told, Refusal> {
    let (prompt, delivery) = check::read(behaviour, body, rules)?;
    let performance = perform(behaviour, &prompt);
    Ok(match delivery {
        Delivery::Whole => Told::Whole(answer::whole(&prompt, &performance)),
        Delivery::Events => Told::Events(events::events(&prompt, &performance)),
    })
}

/// An answer framed for HTTP.
pub(crate) fn content(told: Told) -> Content {
    match told {
        Told::Whole(document) => Content::json(&document),
        Told::Events(events) => Content::events(events.iter().map(|(name, data)| named_event(name, data)).collect()),
    }
    .with("request-id", error::REQUEST)
}

fn count(behaviour: &Behaviour, request: &Received) -> Result<Content, Refusal> {
    let rules = Rules { version: version::of_header(request)?, model: None, delivery: Some(Delivery::Whole) };
    let mut members = body(request)?;
    // The limit is not asked of those who only count.
    members.entry("max_tokens").or_insert(json!(1));
    let (prompt, _) = check::read(behaviour, &Object::root(&members), &rules)?;
    Ok(Content::json(&json!({ "input_tokens": words(&prompt.text) })))
}

fn models(behaviour: &Behaviour) -> Value {
    let model = |id: &String| json!({ "type": "model", "id": id, "display_name": id, "created_at": "2023-11-14T22:13:20Z" });
    let data: Vec<_> = behaviour.chat_models.iter().map(model).collect();
    json!({ "data": data, "has_more": false, "first_id": behaviour.chat_models.first(), "last_id": behaviour.chat_models.last() })
}
