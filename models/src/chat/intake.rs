//! The way into the engine: a bounded queue for two threads, one that makes prompts and one that computes them.
//!
//! A plain channel would not do: a full one has to make room by dropping the work of clients who have left, whoever is turned away should
//! learn when to come back, and a router wants to know how long a request will wait before it hands one in. So what the engine
//! [publishes](super::outlook) of its load is kept here, with what has come since.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::time::Instant;

use super::outlook::{Bounds, CacheUse, Held, Outlook};
use super::prompt::{ChatJob, Ready};
use crate::load::{Estimates, Forecast, Full};
use crate::queue::{Clock, SubmitError};

/// What is shared between an engine's handles and its threads.
#[derive(Debug)]
pub(super) struct Intake {
    state: Mutex<State>,
    raw_changed: Condvar,
    ready_changed: Condvar,
    bounds: Bounds,
    clock: Clock,
    published: ArcSwap<Outlook>,
    has_stopped: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// Requests without prompts, the earliest first, with the tokens that are expected.
    raw: VecDeque<(ChatJob, f64)>,
    /// The tokens that are expected of the request whose prompt is being made.
    being_made: Option<f64>,
    /// Requests with prompts.
    ready: VecDeque<Ready>,
    estimates: Estimates,
    is_open: bool,
}

impl Intake {
    /// An empty one, of an engine that has this to tell.
    pub(super) fn new(bounds: Bounds, estimates: Estimates, outlook: Outlook, clock: Clock) -> Self {
        let state = State { raw: VecDeque::new(), being_made: None, ready: VecDeque::new(), estimates, is_open: true };
        Self {
            state: Mutex::new(state),
            raw_changed: Condvar::new(),
            ready_changed: Condvar::new(),
            bounds,
            clock,
            published: ArcSwap::from_pointee(outlook),
            has_stopped: AtomicBool::new(false),
        }
    }

    /// Takes a request in.
    pub(super) fn push(&self, job: ChatJob) -> Result<(), SubmitError> {
        let mut state = self.lock();
        if !state.is_open {
            return Err(SubmitError::Stopped);
        }
        if self.room().is_err() {
            state.raw.retain(|(job, _)| !job.events.is_closed());
            state.ready.retain(|ready| !ready.job.events.is_closed());
            self.republish(&state);
            self.room()?;
        }
        let tokens = job.request.expected_tokens(&state.estimates);
        state.raw.push_back((job, tokens));
        self.republish(&state);
        self.raw_changed.notify_one();
        Ok(())
    }

    /// For the thread that makes prompts: waits for the next request; none when there will be no more.
    pub(super) fn next_raw(&self) -> Option<ChatJob> {
        let mut state = self.lock();
        loop {
            if let Some((job, tokens)) = state.raw.pop_front() {
                state.being_made = Some(tokens);
                return Some(job);
            }
            if !state.is_open {
                return None;
            }
            state = self.raw_changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// For the same thread: what has become of that request.
    pub(super) fn hand_on(&self, ready: Option<Ready>) {
        let mut state = self.lock();
        state.being_made = None;
        if !self.has_stopped() {
            state.ready.extend(ready);
        }
        self.republish(&state);
        self.ready_changed.notify_one();
    }

    /// For the thread that computes: what has come, as it is.
    pub(super) fn take(&self) -> VecDeque<Ready> {
        std::mem::take(&mut self.lock().ready)
    }

    /// The same, but waits until something has; none when there will be no more.
    pub(super) fn wait(&self) -> Option<VecDeque<Ready>> {
        let mut state = self.lock();
        loop {
            if !state.ready.is_empty() {
                return Some(std::mem::take(&mut state.ready));
            }
            if !state.is_open && state.raw.is_empty() && state.being_made.is_none() {
                return None;
            }
            state = self.ready_changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The same, but waits no longer than that.
    pub(super) fn wait_at_most(&self, time: Duration) -> VecDeque<Ready> {
        let state = self.lock();
        let nothing = |state: &mut State| state.ready.is_empty();
        let (mut state, _) = self.ready_changed.wait_timeout_while(state, time, nothing).unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.ready)
    }

    /// For the same thread, before each step: what it has taken on.
    pub(super) fn publish(&self, outlook: &Outlook) {
        let state = self.lock();
        self.published.store(Arc::new(outlook.with(state.unseen())));
    }

    /// Takes no more requests. Those that have come are still served.
    pub(super) fn close(&self) {
        self.lock().is_open = false;
        self.raw_changed.notify_all();
        self.ready_changed.notify_all();
    }

    /// Serves nobody any more.
    pub(super) fn stop(&self) {
        let mut state = self.lock();
        self.has_stopped.store(true, Ordering::Release);
        state.is_open = false;
        state.raw.clear();
        state.ready.clear();
        self.republish(&state);
        self.raw_changed.notify_all();
        self.ready_changed.notify_all();
    }

    /// Whether the engine has ended, or broken down. Takes no lock.
    pub(super) fn has_stopped(&self) -> bool {
        self.has_stopped.load(Ordering::Acquire)
    }

    /// How long a request that comes now would take. Takes no lock.
    pub(super) fn forecast(&self, prompt: usize, output: usize) -> Forecast {
        self.published.load().forecast(prompt, output, self.clock.now())
    }

    /// Whether a request that comes now would be taken. Takes no lock.
    pub(super) fn room(&self) -> Result<(), Full> {
        self.published.load().room(self.bounds, self.clock.now())
    }

    /// How long it would wait. Takes no lock.
    pub(super) fn time_to_wait(&self) -> Duration {
        self.published.load().wait(self.clock.now())
    }

    /// What is held of the cache. Takes no lock.
    pub(super) fn cache_use(&self) -> CacheUse {
        self.published.load().cache()
    }

    /// What is known of requests.
    pub(super) fn estimates(&self) -> Estimates {
        self.lock().estimates
    }

    /// Learns something of requests.
    pub(super) fn learn(&self, learn: impl FnOnce(&mut Estimates)) {
        learn(&mut self.lock().estimates);
    }

    /// The time.
    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    fn republish(&self, state: &State) {
        self.published.store(Arc::new(self.published.load().with(state.unseen())));
    }

    /// No code panics while it holds the lock in a way that leaves the state half changed, so poison says nothing.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What the thread that computes does not know of.
    fn unseen(&self) -> Held {
        let expected = self.raw.iter().map(|(_, tokens)| tokens).chain(&self.being_made);
        let ready = self.ready.iter().map(|ready| ready.prompt.len() as f64);
        Held {
            requests: self.raw.len() + usize::from(self.being_made.is_some()) + self.ready.len(),
            tokens: expected.sum::<f64>() + ready.sum::<f64>(),
        }
    }
}

/// Were the thread that computes ever to die, the engine must refuse work rather than collect it.
#[derive(Debug)]
pub(super) struct StopOnDrop<'i>(pub(super) &'i Intake);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// The submitting side. Clones share it; when the last one is gone, the engine ends after its last request.
#[derive(Debug, Clone)]
pub(super) struct Door(Arc<CloseOnDrop>);

#[derive(Debug)]
struct CloseOnDrop(Arc<Intake>);

impl Door {
    pub(super) fn new(intake: Arc<Intake>) -> Self {
        Self(Arc::new(CloseOnDrop(intake)))
    }

    pub(super) fn intake(&self) -> &Intake {
        &self.0.0
    }

    /// The same, for a thread: it does not hold the door open.
    pub(super) fn intake_of_thread(&self) -> Arc<Intake> {
        Arc::clone(&self.0.0)
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}
