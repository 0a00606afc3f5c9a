//! What a script does to a right answer on its way out.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use tokio::sync::Notify;

use crate::body::{Play, Step};
use crate::cloud::{Content, Document, Framing, Manner};
use crate::log::{Ended, Exchange};
use crate::pace::Paced;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::service::plain;

/// Sends the right answer as far as the reply lets it.
pub(crate) async fn play(
    content: Content,
    manner: &'static dyn Manner,
    pace: Paced,
    reply: Reply,
    mut exchange: Exchange,
    reset: Arc<Notify>,
) -> Response<Play> {
    let Content { content_type, headers, framing, parts } = content;
    let whole: usize = parts.iter().map(Bytes::len).sum();
    let paced = |parts: &[Bytes]| parts.iter().cloned().enumerate().flat_map(|part| pace.steps(part)).collect::<Vec<_>>();
    let sent = |events: usize, then: &[fn() -> Step]| {
        let mut steps = paced(parts.get(..events).unwrap_or(&parts));
        steps.extend(then.iter().map(|step| step()));
        steps
    };
    let (length, steps) = match reply {
        Reply::Normal => (Some(whole), sent(usize::MAX, &[])),
        Reply::Status { status, headers, body } => {
            let mut document = manner.refuse(&Refusal::scripted(status));
            document.headers.extend(headers);
            if let Some(body) = body {
                (document.body, document.content_type) = (body.into(), "application/json");
            }
            return send(document, exchange, reset);
        }
        Reply::RateLimited { seconds } => {
            let refusal = Refusal::rate_limited(Duration::from_secs(seconds));
            return send(manner.refuse(&refusal), exchange, reset);
        }
        Reply::Expired => return send(manner.refuse(&Refusal::expired()), exchange, reset),
        Reply::SuccessWithError => {
            let refused = manner.refuse(&Refusal::scripted(500));
            return send(Document::of(200, "application/json", refused.body), exchange, reset);
        }
        Reply::InStreamError { .. } if framing == Framing::Document => {
            return send(manner.refuse(&Refusal::scripted(500)), exchange, reset);
        }
        Reply::InStreamError { events } => {
            let error = manner.refuse_in_stream(&Refusal::scripted(503));
            let mut steps = sent(events, &[]);
            steps.push(Step::Data(error));
            (None, steps)
        }
        Reply::EmptyStream => (None, Vec::new()),
        Reply::CutFrame { events } => {
            let mut steps = sent(events, &[]);
            steps.extend(parts.get(events).map(|part| Step::Data(part.slice(..part.len() / 2))));
            (None, steps)
        }
        Reply::BadChecksum { events } => {
            let mut parts = parts.clone();
            if let Some(part) = parts.get_mut(events) {
                *part = damaged(part);
            }
            (Some(whole), paced(&parts))
        }
        Reply::HangBeforeHeaders => std::future::pending().await,
        Reply::ResetBeforeHeaders => {
            exchange.end(Ended::CutOff);
            reset.notify_one();
            std::future::pending().await
        }
        Reply::HangBeforeFirstToken => (Some(whole), vec![Step::Hang]),
        Reply::StallAfter { events } => (Some(whole), sent(events, &[|| Step::Hang])),
        Reply::ResetAfter { events } => (Some(whole), sent(events, &[|| Step::Flush, || Step::Reset])),
        Reply::CloseAfter { events } => (Some(whole), sent(events, &[|| Step::Flush, || Step::Close])),
        Reply::EndAfter { events } => (None, sent(events, &[])),
        Reply::Html => {
            let page = "<!doctype html><title>Welcome</title><h1>Please log in</h1>";
            return send(Document::of(200, "text/html", page), exchange, reset);
        }
        Reply::Garbage => {
            let garbage = &b"\xff\xfe\x00{]data:\r\r: \xc3\x28"[..];
            return send(Document::of(200, content_type, garbage), exchange, reset);
        }
        Reply::Gated(gate) => {
            let gated = parts.iter().flat_map(|part| [Step::Wait(gate.clone()), Step::Data(part.clone())]);
            (Some(whole), gated.collect())
        }
    };
    let mut response = Response::builder().status(200).header(header::CONTENT_TYPE, content_type);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    // A stream's length is not known to whoever sends it.
    if let Some(length) = length.filter(|_| framing == Framing::Document) {
        response = response.header(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    finish(response, Play::new(steps, exchange, reset))
}

impl Paced {
    /// One part of an answer and what is waited before it.
    fn steps(self, (index, part): (usize, Bytes)) -> impl Iterator<Item = Step> {
        let wait = if index == 0 { self.first } else { self.each };
        let pause = Some(wait).filter(|wait| !wait.is_zero()).map(Step::Pause);
        pause.into_iter().chain([Step::Data(part)])
    }
}

/// The same bytes but for one bit of the last that is no end of a line.
fn damaged(part: &Bytes) -> Bytes {
    let mut bytes = part.to_vec();
    if let Some(byte) = bytes.iter_mut().rev().find(|byte| **byte != b'\n') {
        *byte ^= 1;
    }
    bytes.into()
}

/// A complete response.
pub(crate) fn send(document: Document, exchange: Exchange, reset: Arc<Notify>) -> Response<Play> {
    let Document { status, content_type, headers, body } = document;
    let response =
        Response::builder().status(status).header(header::CONTENT_TYPE, content_type).header(header::CONTENT_LENGTH, body.len());
    let response = headers.iter().fold(response, |response, (name, value)| response.header(name, value));
    finish(response, Play::new([Step::Data(body)], exchange, reset))
}

fn finish(response: http::response::Builder, body: Play) -> Response<Play> {
    match response.body(body) {
        Ok(response) => response,
        Err(error) => plain(StatusCode::NOT_IMPLEMENTED, &format!("the scripted reply cannot be sent: {error}")),
    }
}
