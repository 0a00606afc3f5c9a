//! What a request is told, at the pace at which it is read.
//!
//! A channel holds a few events. What finds no room in it waits here, and as long as anything does, the request takes no further step: so
//! there is never more than one step has made, and nothing is lost. The last event has a place of its own, so that even a reader who never
//! reads is told in the end why there is no more.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::time::Instant;

use super::{Event, Usage};

/// How many events a channel holds: some seconds of an answer.
pub(super) const ROOM: usize = 64;

/// How long a request may wait for its reader.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The events of one request.
#[derive(Debug)]
pub(super) struct Outbox {
    events: mpsc::Sender<Event>,
    /// Room for the last; none if the reader is gone.
    last: Option<OwnedPermit<Event>>,
    waiting: VecDeque<Event>,
    /// Since when something waits.
    held_since: Option<Instant>,
}

impl Outbox {
    pub(super) fn new(events: mpsc::Sender<Event>) -> Self {
        let last = events.clone().try_reserve_owned().ok();
        Self { events, last, waiting: VecDeque::new(), held_since: None }
    }

    /// Whether nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.last.is_none() || self.events.is_closed()
    }

    /// Whether something waits to be read before there may be more.
    pub(super) fn is_held(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether it has waited for too long.
    pub(super) fn is_overdue(&self, now: Instant) -> bool {
        self.held_since.is_some_and(|since| now.saturating_duration_since(since) > PATIENCE)
    }

    /// Tells something.
    pub(super) fn tell(&mut self, event: Event) {
        if self.is_held() {
            self.waiting.push_back(event);
        } else if let Err(TrySendError::Full(event)) = self.events.try_send(event) {
            self.waiting.push_back(event);
        }
    }

    /// Hands over what there is room for now.
    pub(super) fn flush(&mut self, now: Instant) {
        while let Some(event) = self.waiting.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => self.held_since = Some(now),
                Err(TrySendError::Full(event)) => {
                    self.waiting.push_front(event);
                    self.held_since.get_or_insert(now);
                    return;
                }
                // Noticed before the next step.
                Err(TrySendError::Closed(_)) => {}
            }
        }
        self.held_since = None;
    }

    /// The last event. What still waits is not told any more.
    pub(super) fn end(self, event: Event) {
        if let Some(last) = self.last {
            last.send(event);
        }
    }

    /// The last event of a request that was answered.
    pub(super) fn done(self, usage: Usage) {
        self.end(Event::Done { usage });
    }
}
