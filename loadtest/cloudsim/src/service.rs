//! One request: record it, have the cloud answer it, and do with the answer what the script says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::sync::Notify;

use crate::aws;
use crate::behaviour::Behaviour;
use crate::body::{Answer, Play};
use crate::cloud::{Answered, Cloud};
use crate::control;
use crate::interfere::{play, send};
use crate::kind::CloudKind;
use crate::log::{Log, Received};
use crate::reply::Reply;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) log: Log,
    cloud: Box<dyn Cloud>,
    health_page: Option<&'static str>,
    behaviour: Behaviour,
    script: Mutex<VecDeque<Reply>>,
}

impl Server {
    pub(crate) fn new(kind: CloudKind, behaviour: Behaviour) -> Self {
        Self { log: Log::new(), cloud: kind.cloud(), health_page: kind.health_page(), behaviour, script: Mutex::default() }
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
pub(crate) async fn handle(server: Arc<Server>, reset: Arc<Notify>, request: Request<Incoming>) -> Answer {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let Ok(body) = body.collect().await else {
        // Half a request is nobody's request: the connection is gone, and this answer reaches nobody.
        return Ok(plain(StatusCode::BAD_REQUEST, "the request body was cut off"));
    };
    let received = Received { method: head.method, path, headers: head.headers, body: body.to_bytes() };
    if received.path.starts_with(control::PREFIX) {
        return Ok(control::handle(&server, &received));
    }
    // Whoever looks after a server asks all the time: that is no part of the play, and not recorded.
    if received.method == Method::GET && server.health_page == Some(received.path.as_str()) {
        return Ok(plain(StatusCode::OK, ""));
    }
    let answered = server.cloud.answer(&server.behaviour, &received);
    let bytes = received.body.len();
    let shown = (received.bearer().map(str::to_owned), aws::signer(&received).map(str::to_owned));
    let exchange = server.log.begin(received);
    Ok(match answered {
        Answered::Aside(document) => send(document, exchange, reset),
        Answered::Scene { content, manner } => {
            let reply = server.next();
            if matches!(reply, Reply::Expired) {
                let (bearer, signer) = shown;
                bearer.iter().for_each(|token| server.behaviour.tokens.revoke(token));
                signer.iter().for_each(|key| server.behaviour.access_keys.expire(key, SystemTime::now()));
            }
            let pace = server.behaviour.pace.drawn(bytes, server.log.under_way(), &mut rand::rng());
            play(content, manner, pace, reply, exchange, reset).await
        }
    })
}

/// A response outside of any exchange.
pub(crate) fn plain(status: StatusCode, text: &str) -> Response<Play> {
    let mut response = Response::new(Play::of(text.to_owned()));
    *response.status_mut() = status;
    response
}
