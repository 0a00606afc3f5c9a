//! What arrived and how it ended, as events that tests wait for.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use tokio::sync::watch;

/// A request as it arrived, body and all.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: Method,
    /// The path, with the query if there was one.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Received {
    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The value of a header, if it is there and is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The path without the query.
    pub fn route(&self) -> &str {
        self.path.split_once('?').map_or(self.path.as_str(), |(path, _)| path)
    }

    /// The value of a parameter of the query, as it was written.
    pub fn query(&self, name: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name)).map(|(_, value)| value)
    }

    /// The token of `Authorization: Bearer`.
    pub(crate) fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The parameters of a form, decoded; of a name that comes twice, the first counts.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        let body = std::str::from_utf8(&self.body).ok()?;
        let (_, value) = body.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name))?;
        Some(percent_decoded(&value.replace('+', " ")))
    }
}

/// A text with its `%XX` resolved; those that are none stay.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The answer was handed to the socket to its end.
    Completed,
    /// The simulator ended it, as it was told to.
    CutOff,
    /// The client closed the connection before the answer was complete.
    Disconnected,
}

/// Everything that happened. Clones are the same log.
#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<watch::Sender<State>>);

#[derive(Debug, Default)]
struct State {
    connections: usize,
    under_way: usize,
    exchanges: Vec<(Received, Option<Ended>)>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(State::default())))
    }

    pub(crate) fn accepted(&self) {
        self.0.send_modify(|state| state.connections += 1);
    }

    pub(crate) fn connections(&self) -> usize {
        self.0.borrow().connections
    }

    /// How many requests have come whose exchange has not ended.
    pub(crate) fn under_way(&self) -> usize {
        self.0.borrow().under_way
    }

    /// Notes a request; the exchange ends when what is returned is told so or dropped.
    pub(crate) fn begin(&self, received: Received) -> Exchange {
        let mut number = 0;
        self.0.send_modify(|state| {
            number = state.exchanges.len();
            state.under_way += 1;
            state.exchanges.push((received, None));
        });
        Exchange { log: self.clone(), number, ended: false }
    }

    pub(crate) fn requests(&self) -> Vec<Received> {
        self.0.borrow().exchanges.iter().map(|(received, _)| received.clone()).collect()
    }

    /// Waits until `find` finds something in the exchange of that number.
    pub(crate) async fn wait_for<T>(&self, number: usize, find: impl Fn(&Received, Option<Ended>) -> Option<T>) -> Option<T> {
        let found = |state: &State| state.exchanges.get(number).and_then(|(received, ended)| find(received, *ended));
        let mut changes = self.0.subscribe();
        let state = changes.wait_for(|state| found(state).is_some()).await.ok()?;
        found(&state)
    }
}

/// An exchange that is under way. Dropped before its end is known, it was the client that left.
#[derive(Debug)]
pub(crate) struct Exchange {
    log: Log,
    number: usize,
    ended: bool,
}

impl Exchange {
    /// Notes the end; only the first one counts.
    pub(crate) fn end(&mut self, how: Ended) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        self.log.0.send_modify(|state| {
            state.under_way -= 1;
            if let Some((_, ended)) = state.exchanges.get_mut(self.number) {
                *ended = Some(how);
            }
        });
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(Ended::Disconnected);
    }
}
