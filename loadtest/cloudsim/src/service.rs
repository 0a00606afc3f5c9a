//! One request: record it, check it, and do with it what the script says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::Notify;

use crate::answer::{self, Content};
use crate::behaviour::Behaviour;
use crate::body::{Answer, Play, Step};
use crate::check::{Ask, check};
use crate::control;
use crate::log::{Ended, Exchange, Log, Received};
use crate::reply::Reply;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) behaviour: Behaviour,
    pub(crate) log: Log,
    script: Mutex<VecDeque<Reply>>,
}

impl Cloud {
    pub(crate) fn new(behaviour: Behaviour) -> Self {
        Self { behaviour, log: Log::new(), script: Mutex::default() }
    }

    /// Adds replies to the end of the script.
    pub(crate) fn script(&self, replies: impl IntoIterator<Item = Reply>) {
        // Pushing cannot leave a deque half-done, so a panic elsewhere has not spoilt it.
        self.script.lock().unwrap_or_else(PoisonError::into_inner).extend(replies);
    }

    fn next(&self) -> Reply {
        let mut script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.pop_front().unwrap_or(Reply::Normal)
    }
}

/// Answers one request. `reset` resets the connection it came on.
pub(crate) async fn handle(cloud: Arc<Cloud>, reset: Arc<Notify>, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let Ok(body) = body.collect().await else {
        // Half a request is nobody's request: the connection is gone, and this answer reaches nobody.
        return Ok(plain(StatusCode::BAD_REQUEST, "the request body was cut off"));
    };
    let received = Received { method: head.method, path, headers: head.headers, body: body.to_bytes() };
    if received.path.starts_with(control::PREFIX) {
        return Ok(control::handle(&cloud, &received));
    }
    let ask = check(&cloud.behaviour, &received);
    let exchange = cloud.log.begin(received);
    Ok(match ask {
        Err(refusal) => {
            let body = answer::refused(&refusal).to_string();
            document(refusal.status, &[], "application/json", body, exchange, reset)
        }
        Ok(ask @ Ask::Models) => play(answer::content(&cloud.behaviour, &ask), Reply::Normal, exchange, reset).await,
        Ok(ask) => play(answer::content(&cloud.behaviour, &ask), cloud.next(), exchange, reset).await,
    })
}

/// Sends the right answer as far as the reply lets it.
async fn play(content: Content, reply: Reply, mut exchange: Exchange, reset: Arc<Notify>) -> Response<Play> {
    let Content { content_type, parts } = content;
    let whole: usize = parts.iter().map(Bytes::len).sum();
    let sent = |events: usize, then: &[fn() -> Step]| {
        let data = parts.iter().take(events).cloned().map(Step::Data);
        data.chain(then.iter().map(|step| step())).collect::<Vec<_>>()
    };
    let (length, steps) = match reply {
        Reply::Normal => (Some(whole), sent(usize::MAX, &[])),
        Reply::Status { status, headers, body } => {
            let body = body.unwrap_or_else(|| answer::status(status).to_string());
            return document(status, &headers, "application/json", body, exchange, reset);
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
            return document(200, &[], "text/html", page, exchange, reset);
        }
        Reply::Garbage => {
            return document(200, &[], content_type, &b"\xff\xfe\x00{]data:\r\r: \xc3\x28"[..], exchange, reset);
        }
        Reply::Gated(gate) => {
            let gated = parts.iter().flat_map(|part| [Step::Wait(gate.clone()), Step::Data(part.clone())]);
            (Some(whole), gated.collect())
        }
    };
    let mut response = Response::new(Play::new(steps, exchange, reset));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    // A stream's length is not known to whoever sends it.
    if let Some(length) = length.filter(|_| content_type == "application/json") {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    response
}

/// A complete response with this body.
fn document(
    status: u16,
    headers: &[(String, String)],
    content_type: &'static str,
    body: impl Into<Bytes>,
    exchange: Exchange,
    reset: Arc<Notify>,
) -> Response<Play> {
    let body = body.into();
    let response =
        Response::builder().status(status).header(header::CONTENT_TYPE, content_type).header(header::CONTENT_LENGTH, body.len());
    let response = headers.iter().fold(response, |response, (name, value)| response.header(name, value));
    match response.body(Play::new([Step::Data(body)], exchange, reset)) {
        Ok(response) => response,
        Err(error) => plain(StatusCode::NOT_IMPLEMENTED, &format!("the scripted reply cannot be sent: {error}")),
    }
}

/// A response outside of any exchange.
pub(crate) fn plain(status: StatusCode, text: &str) -> Response<Play> {
    let mut response = Response::new(Play::of(text.to_owned()));
    *response.status_mut() = status;
    response
}
