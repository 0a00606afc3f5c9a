//! A stream that several read, each from its beginning, and that is kept when it ends well.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use tokio::sync::OwnedSemaphorePermit;

use super::{
    execution::Execution,
    ledger::{Fate, Registration},
    listeners::Listeners,
    whole::{Head, Whole},
};
use crate::{
    body::Body,
    error::{Error, Kind},
};

/// What a piece takes besides its bytes: its handle, and its share of the buffer it was read into.
const PIECE_OVERHEAD: usize = 64;

/// A stream under way and what has come of it.
pub(super) struct Recording {
    /// Held while the stream is polled, which never waits; only those who share the stream meet here.
    tape: Mutex<Tape>,
    listeners: Arc<Listeners>,
}

struct Tape {
    /// Nothing after the end, nor after a panic in the stream.
    live: Option<Live>,
    /// The last pieces; all of them, as long as there is room.
    pieces: VecDeque<Bytes>,
    /// How many came before these.
    forgotten: usize,
    /// What `pieces` take.
    taken: usize,
    /// Whether `pieces` is all there was. If not, it gets no more room than it has.
    complete: bool,
    room: Option<OwnedSemaphorePermit>,
    end: Option<Result<(), Error>>,
}

struct Live {
    body: Body,
    head: Head,
    registration: Registration,
}

impl Recording {
    pub(super) fn new(head: Head, body: Body, registration: Registration) -> Arc<Self> {
        let tape = Tape {
            live: Some(Live { body, head, registration }),
            pieces: VecDeque::new(),
            forgotten: 0,
            taken: 0,
            complete: true,
            room: None,
            end: None,
        };
        Arc::new(Self { tape: Mutex::new(tape), listeners: Arc::default() })
    }

    /// Whether one who comes now would get the stream from its beginning.
    pub(super) fn is_complete(&self) -> bool {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner).complete
    }

    fn poll_piece(&self, number: usize, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        // After a panic in the stream, the tape is whole but for the stream.
        let mut tape = self.tape.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if number < tape.forgotten {
                return Poll::Ready(Some(Err(too_slow())));
            }
            if let Some(piece) = tape.pieces.get(number - tape.forgotten) {
                return Poll::Ready(Some(Ok(piece.clone())));
            }
            if let Some(end) = &tape.end {
                return Poll::Ready(end.clone().err().map(Err));
            }
            // Before the stream is asked: it may wake them at any moment from there on.
            self.listeners.add(cx.waker());
            let everybody = Waker::from(Arc::clone(&self.listeners));
            if tape.advance(&mut Context::from_waker(&everybody)).is_pending() {
                return Poll::Pending;
            }
            self.listeners.wake_others(cx.waker());
        }
    }
}

/// The room for what is kept is used up, and what this reader wants next is gone.
fn too_slow() -> Error {
    Error::new(Kind::StreamInterrupted, "The answer is too large to be kept for a reader this far behind.")
}

impl Tape {
    /// Gets the next piece, or the end.
    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Taken out while it is polled, so that it is gone if that panics.
        let Some(mut live) = self.live.take() else {
            self.end = Some(Err(Error::new(Kind::Internal, "Internal error.")));
            return Poll::Ready(());
        };
        match live.body.poll_piece(cx) {
            Poll::Pending => {
                self.live = Some(live);
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(piece))) => {
                self.record(piece, &live.registration);
                self.live = Some(live);
            }
            Poll::Ready(Some(Err(broken))) => {
                live.registration.end(Fate::Interrupted);
                self.end = Some(Err(broken));
            }
            Poll::Ready(None) => {
                self.keep(live);
                self.end = Some(Ok(()));
            }
        }
        Poll::Ready(())
    }

    fn record(&mut self, piece: Bytes, registration: &Registration) {
        let taken = piece.len() + PIECE_OVERHEAD;
        self.complete = self.complete && self.make_room(taken, registration);
        let held = self.room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        while !self.complete
            && self.taken + taken > held
            && let Some(oldest) = self.pieces.pop_front()
        {
            self.forgotten += 1;
            self.taken -= oldest.len() + PIECE_OVERHEAD;
        }
        self.taken += taken;
        self.pieces.push_back(piece);
    }

    /// Makes room for one more piece.
    fn make_room(&mut self, taken: usize, registration: &Registration) -> bool {
        if self.bytes() + taken - PIECE_OVERHEAD > registration.largest() {
            return false;
        }
        let Some(more) = registration.reserve(taken) else { return false };
        match &mut self.room {
            Some(room) => room.merge(more),
            None => self.room = Some(more),
        }
        true
    }

    /// The length of `pieces`.
    fn bytes(&self) -> usize {
        self.taken - self.pieces.len() * PIECE_OVERHEAD
    }

    fn keep(&self, live: Live) {
        let Live { head, registration, .. } = live;
        if !self.complete {
            return registration.end(Fate::TooLarge);
        }
        // In one piece of its own: the pieces share large buffers with what nobody needs any more.
        let mut body = BytesMut::with_capacity(self.bytes());
        self.pieces.iter().for_each(|piece| body.extend_from_slice(piece));
        let first = registration.first();
        registration.keep(Arc::new(Whole { head, body: body.freeze(), first }));
    }
}

/// One who reads a recording from its beginning. Holds the execution, so that others can join as long as somebody reads.
pub(super) struct Reader {
    recording: Arc<Recording>,
    _execution: Arc<Execution>,
    next: usize,
}

impl Reader {
    pub(super) const fn new(recording: Arc<Recording>, execution: Arc<Execution>) -> Self {
        Self { recording, _execution: execution, next: 0 }
    }
}

impl Stream for Reader {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let polled = self.recording.poll_piece(self.next, cx);
        if let Poll::Ready(Some(Ok(_))) = &polled {
            self.next += 1;
        }
        polled
    }
}
