//! Explains decisions: one that was recorded, or how a request that nobody has sent would be decided just now.

use std::{path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{
    HeaderValue, Method, Response, StatusCode,
    header::{ACCEPT, ORIGIN},
    request::Parts,
};
use http_body::Body;
use http_body_util::{BodyExt, Full, Limited};
use serde::Serialize;

use super::{JSON, TEXT, response, text, wrong_method};
use crate::{
    decision::{Decisions, Described, FindError, Means, explain, find, show_decision, show_explanation},
    snapshot::Snapshot,
};

/// No description of a request is longer, in bytes.
const LONGEST: usize = 64 << 10;

/// The decision log.
#[derive(Debug, Clone)]
pub struct Journal {
    /// What writes it.
    pub log: Decisions,
    /// Where it is.
    pub dir: PathBuf,
}

/// What is asked about decisions.
#[derive(Debug)]
pub(super) enum Question {
    /// How this request was decided.
    Recorded(String),
    /// How one would be.
    Described,
}

/// What a request asks about decisions, if it does.
pub(super) fn question(head: &Parts) -> Option<Question> {
    match head.uri.path().strip_prefix("/explain")? {
        "" | "/" => Some(Question::Described),
        rest => rest.strip_prefix('/').map(|id| Question::Recorded(id.to_owned())),
    }
}

/// Answers it, in JSON; in text for those that accept `text/plain` alone.
pub(super) async fn answer<B>(
    question: Question,
    head: &Parts,
    body: B,
    journal: &Journal,
    snapshot: &ArcSwap<Snapshot>,
) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let wants_text = head.headers.get(ACCEPT).is_some_and(|accept| accept == HeaderValue::from_static("text/plain"));
    match question {
        Question::Recorded(_) if head.method != Method::GET && head.method != Method::HEAD => wrong_method("GET, HEAD"),
        Question::Recorded(id) => recorded(id, journal, wants_text).await,
        Question::Described if head.method != Method::POST => wrong_method("POST"),
        // As with orders: what a page in an operator's browser asks here is not asked by the operator.
        Question::Described if head.headers.contains_key(ORIGIN) => {
            text(StatusCode::FORBIDDEN, "pages in a browser are told nothing here\n")
        }
        Question::Described => described(body, &snapshot.load_full(), wants_text).await,
    }
}

async fn recorded(id: String, journal: &Journal, wants_text: bool) -> Response<Full<Bytes>> {
    journal.log.flush().await;
    let dir = journal.dir.clone();
    let found = tokio::task::spawn_blocking(move || find(&dir, &id)).await;
    match found {
        Ok(Ok(decision)) if wants_text => shown(show_decision(&decision)),
        Ok(Ok(decision)) => as_json(&decision),
        Ok(Err(error)) => {
            let status = match error {
                FindError::NoId(_) => StatusCode::BAD_REQUEST,
                FindError::NotThere { .. } => StatusCode::NOT_FOUND,
                FindError::Io { .. } | FindError::Damaged { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            };
            text(status, format!("{error}\n"))
        }
        Err(error) => {
            tracing::error!(%error, "the decision log could not be searched");
            text(StatusCode::INTERNAL_SERVER_ERROR, "the decision log could not be searched; the gateway's log says why\n")
        }
    }
}

async fn described<B>(body: B, snapshot: &Arc<Snapshot>, wants_text: bool) -> Response<Full<Bytes>>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let bytes = match Limited::new(body, LONGEST).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return text(StatusCode::BAD_REQUEST, format!("the description cannot be read: {error}\n")),
    };
    let described: Described = match serde_json::from_slice(&bytes) {
        Ok(described) => described,
        Err(error) => return text(StatusCode::BAD_REQUEST, format!("this describes no request: {error}\n")),
    };
    match explain(&described, Means::Live(snapshot)) {
        Ok(explanation) if wants_text => shown(show_explanation(&explanation)),
        Ok(explanation) => as_json(&explanation),
        Err(error) => text(StatusCode::BAD_REQUEST, format!("this describes no request: {error}\n")),
    }
}

fn shown(text: Result<String, std::fmt::Error>) -> Response<Full<Bytes>> {
    match text {
        Ok(text) => response(StatusCode::OK, TEXT, text),
        Err(error) => unwritable(&error),
    }
}

fn as_json(value: &impl Serialize) -> Response<Full<Bytes>> {
    match serde_json::to_string_pretty(value) {
        Ok(json) => response(StatusCode::OK, JSON, json + "\n"),
        Err(error) => unwritable(&error),
    }
}

fn unwritable(error: &dyn std::fmt::Display) -> Response<Full<Bytes>> {
    tracing::error!(%error, "an explanation cannot be written");
    text(StatusCode::INTERNAL_SERVER_ERROR, "the explanation cannot be written; the log says why\n")
}
