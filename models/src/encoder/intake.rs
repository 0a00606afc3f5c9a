//! What the handles and the two threads of an engine share: requests come in, become tokens, wait, are batched, and are answered.
//!
//! Everything here is quick; tokenising and computing are done outside the lock.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::cache::Outputs;
use super::outlook::{Bounds, Outlook};
use super::requests::{Outcome, Requests};
use super::size::{Size, Unread};
use super::waiting::{Place, Sequence, Waiting};
use super::worker::Fault;
use super::{EncodeError, Input, TokenSequence};
use crate::load::{Estimates, Forecast, Full, Pace, Work};
use crate::queue::{Clock, SubmitError};
use crate::tokenizer::TokenSpan;

/// Bytes of the inputs that are made tokens in one go, some milliseconds' worth: after that it is another request's turn.
const PIECE: usize = 16 << 10;

/// Some inputs of a request, with their places.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) request: u64,
    pub(super) inputs: Vec<(usize, Input)>,
    /// What is left of the request after them.
    pub(super) rest: Unread,
}

/// An input that the model takes.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) index: usize,
    pub(super) tokens: TokenSequence,
    /// Of the text that it was.
    pub(super) bytes: Option<usize>,
    /// Where each token comes from, if that is of use.
    pub(super) spans: Vec<TokenSpan>,
}

/// What is shared.
#[derive(Debug)]
pub(super) struct Intake {
    state: Mutex<State>,
    changed: Condvar,
    bounds: Bounds,
    clock: Clock,
    published: ArcSwap<Outlook>,
}

#[derive(Debug)]
struct State {
    requests: Requests,
    /// Inputs that are not tokens yet, by request.
    unread: VecDeque<(u64, VecDeque<(usize, Input)>)>,
    /// Whether some are just being made tokens.
    is_reading: bool,
    waiting: Waiting,
    cache: Outputs,
    /// The batch that is being computed, and since when.
    step: Option<(Work, Instant)>,
    pace: Pace,
    estimates: Estimates,
    is_open: bool,
}

impl Intake {
    /// An empty one, of an engine that computes at this pace.
    pub(super) fn new(bounds: Bounds, cache_bytes: usize, pace: Pace, clock: Clock) -> Self {
        let published = ArcSwap::from_pointee(Outlook::new(None, Vec::new(), pace.clone(), bounds));
        let state = State {
            requests: Requests::default(),
            unread: VecDeque::new(),
            is_reading: false,
            waiting: Waiting::default(),
            cache: Outputs::new(cache_bytes),
            step: None,
            pace,
            estimates: Estimates::default(),
            is_open: true,
        };
        Self { state: Mutex::new(state), changed: Condvar::new(), bounds, clock, published }
    }

    /// Takes a request in.
    pub(super) fn push(&self, inputs: Vec<Input>) -> Result<oneshot::Receiver<Outcome>, SubmitError> {
        let mut state = self.lock();
        if !state.is_open {
            return Err(SubmitError::Stopped);
        }
        if self.room().is_err() {
            state.drop_unwanted();
            self.publish(&state);
            self.room()?;
        }
        let (result, receiver) = oneshot::channel();
        let number = state.requests.accept(inputs.len(), Unread::of(&inputs), result);
        if !inputs.is_empty() {
            state.unread.push_back((number, inputs.into_iter().enumerate().collect()));
        }
        self.publish(&state);
        self.changed.notify_all();
        Ok(receiver)
    }

    /// For the thread that reads: waits for some inputs; none when there will be no more. Requests take turns.
    pub(super) fn next_unread(&self) -> Option<Piece> {
        let mut state = self.lock();
        loop {
            if let Some(piece) = state.next_unread() {
                state.is_reading = true;
                return Some(piece);
            }
            if !state.is_open {
                // Requests that were skipped just now may be what the other thread waits for.
                self.changed.notify_all();
                return None;
            }
            state = self.wait(state);
        }
    }

    /// For the same thread: what has become of them.
    pub(super) fn hand_on(&self, request: u64, read: Result<Vec<Checked>, EncodeError>, rest: Unread) {
        let mut state = self.lock();
        state.is_reading = false;
        match read {
            Ok(sequences) => state.accept(request, sequences, rest),
            Err(error) => state.requests.fail(request, error),
        }
        self.publish(&state);
        self.changed.notify_all();
    }

    /// For the thread that computes: waits for something to compute; none when there will be no more.
    pub(super) fn next_batch(&self) -> Option<Vec<Sequence>> {
        let mut state = self.lock();
        loop {
            let batch = self.form_batch(&mut state);
            if batch.is_some() {
                return batch;
            }
            if !state.is_open && !state.is_reading && state.unread.is_empty() {
                return None;
            }
            state = self.wait(state);
        }
    }

    /// For the same thread: what has become of it.
    pub(super) fn done(&self, batch: Vec<Sequence>, computed: Result<Vec<Vec<f32>>, Fault>) {
        let mut state = self.lock();
        match computed {
            Ok(outputs) => state.answer(batch, outputs, self.clock.now()),
            Err(fault) => state.blame(batch, &fault),
        }
        state.step = None;
        self.publish(&state);
    }

    /// Takes no more requests. Those that have come are still served.
    pub(super) fn close(&self) {
        self.lock().is_open = false;
        self.changed.notify_all();
    }

    /// Whether further requests are taken.
    pub(super) fn is_open(&self) -> bool {
        self.lock().is_open
    }

    /// How long a request that comes now would take. Takes no lock.
    pub(super) fn forecast(&self, tokens: usize) -> Forecast {
        self.published.load().forecast(tokens, self.clock.now())
    }

    /// How many tokens to expect of an input of so many bytes.
    pub(super) fn expected_tokens(&self, bytes: usize) -> usize {
        self.lock().estimates.prompt.expected(bytes).round() as usize
    }

    /// Whether a request that comes now would be taken. Takes no lock.
    pub(super) fn room(&self) -> Result<(), Full> {
        self.published.load().room(self.clock.now())
    }

    fn form_batch(&self, state: &mut State) -> Option<Vec<Sequence>> {
        let batch = state.next_batch(self.bounds.batch);
        if batch.is_empty() {
            return None;
        }
        state.step = Some((Size::pass(&batch), self.clock.now()));
        self.publish(state);
        Some(batch)
    }

    fn publish(&self, state: &State) {
        let waiting = state.requests.waiting(&state.estimates);
        self.published.store(Arc::new(Outlook::new(state.step, waiting, state.pace.clone(), self.bounds)));
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    /// No code panics while it holds the lock in a way that leaves the state half changed, so poison says nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next inputs, if there are any to read now.
    #[cfg(test)]
    pub(super) fn piece_of_now(&self) -> Option<Piece> {
        self.lock().next_unread()
    }

    /// The next batch, if there is anything to compute now.
    #[cfg(test)]
    pub(super) fn batch_of_now(&self) -> Option<Vec<Sequence>> {
        self.form_batch(&mut self.lock())
    }
}

impl State {
    fn drop_unwanted(&mut self) {
        self.requests.drop_unwanted();
        self.unread.retain(|(number, _)| self.requests.wants(*number));
        self.waiting.retain(|owner| self.requests.wants(owner.request));
    }

    fn next_unread(&mut self) -> Option<Piece> {
        loop {
            let (request, mut left) = self.unread.pop_front()?;
            if !self.requests.wants(request) {
                continue;
            }
            let mut bytes = 0;
            let mut inputs = Vec::new();
            while bytes < PIECE
                && let Some((index, input)) = left.pop_front()
            {
                bytes += input.bytes();
                inputs.push((index, input));
            }
            let rest = Unread::of(left.iter().map(|(_, input)| input));
            if !left.is_empty() {
                self.unread.push_back((request, left));
            }
            return Some(Piece { request, inputs, rest });
        }
    }

    /// Sequences of a request wait from now on, but for those that are known.
    fn accept(&mut self, number: u64, sequences: Vec<Checked>, rest: Unread) {
        for Checked { index, tokens, bytes, spans } in sequences {
            if let Some(bytes) = bytes {
                self.estimates.prompt.learn(bytes, tokens.len());
            }
            let owner = Place { request: number, index };
            self.requests.note_read(owner, tokens.len(), spans);
            if let Some(output) = self.cache.get(&tokens) {
                self.requests.fill(&[owner], output);
            } else if let Some(request) = self.requests.get_mut(number) {
                request.waiting += Size::of(tokens.len());
                self.waiting.push(&mut request.line, owner, tokens);
            }
        }
        if let Some(request) = self.requests.get_mut(number) {
            request.unread = rest;
        }
    }

    fn next_batch(&mut self, budget: usize) -> Vec<Sequence> {
        self.drop_unwanted();
        let mut batch = Vec::new();
        while batch.is_empty() && !self.waiting.is_empty() {
            for sequence in self.waiting.batch(budget, |tokens| self.cache.contains(tokens)) {
                let size = Size::of(sequence.tokens.len());
                self.requests.change_waiting(&sequence.owners, |waiting| *waiting -= size);
                match self.cache.get(&sequence.tokens) {
                    Some(output) => self.requests.fill(&sequence.owners, output),
                    None => batch.push(sequence),
                }
            }
        }
        batch
    }

    fn answer(&mut self, batch: Vec<Sequence>, outputs: Vec<Vec<f32>>, now: Instant) {
        if let Some((work, began)) = self.step {
            self.pace.learn(&work, now.saturating_duration_since(began), now);
        }
        for (sequence, output) in batch.into_iter().zip(outputs) {
            self.requests.fill(&sequence.owners, &output);
            self.cache.insert(sequence.tokens, output);
        }
    }

    /// One sequence of the batch is the cause: computed one by one, only those who asked for it suffer.
    fn blame(&mut self, batch: Vec<Sequence>, fault: &Fault) {
        if let [culprit] = batch.as_slice() {
            for owner in &culprit.owners {
                self.requests.fail(owner.request, fault.error());
            }
            return;
        }
        for sequence in &batch {
            let size = Size::of(sequence.tokens.len());
            self.requests.change_waiting(&sequence.owners, |waiting| *waiting += size);
        }
        self.waiting.put_back(batch);
    }
}

/// Were a thread ever to die, the engine must refuse work rather than collect it. One that has come to its end leaves nothing to drop.
#[derive(Debug)]
pub(super) struct StopOnDrop<'i>(pub(super) &'i Intake);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let mut state = self.0.lock();
        state.is_open = false;
        state.requests.clear();
        state.drop_unwanted();
        state.is_reading = false;
        state.step = None;
        self.0.publish(&state);
        self.0.changed.notify_all();
    }
}
