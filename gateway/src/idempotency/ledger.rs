//! Which requests are under way, and the answers that are kept.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use metrics::{counter, gauge};
use quick_cache::{Weighter, unsync::Cache};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, MissedTickBehavior, interval_at},
};

use super::{
    asked::{Asked, Fingerprint, Scope},
    execution::Execution,
    whole::Whole,
};
use crate::{config::IdempotencySettings, context::RequestId, telemetry::names};

/// How often answers that are too old are looked for. Nobody gets one, but they are nobody's business any more either.
const SWEEP: Duration = Duration::from_secs(30);
/// What an answer takes besides its body: head, digests, and its places in the cache.
const ANSWER_OVERHEAD: u64 = 1024;

/// What was asked with a key, and what came of it. Clones are the same ledger.
#[derive(Clone)]
pub struct Ledger(Arc<Shared>);

struct Shared {
    settings: IdempotencySettings,
    /// A permit is a byte of an answer under way.
    room: Arc<Semaphore>,
    /// One lock for both halves, so that a request is always in one of them. Held for a look into two maps.
    book: Mutex<Book>,
}

struct Book {
    running: HashMap<Scope, Running>,
    stored: Cache<Scope, Stored, Weigh>,
    /// Tells one execution from the next of the same key.
    next: u64,
}

struct Running {
    number: u64,
    fingerprint: Fingerprint,
    /// Only those who wait keep it alive.
    execution: Weak<Execution>,
}

#[derive(Clone)]
struct Stored {
    fingerprint: Fingerprint,
    whole: Arc<Whole>,
    expires: Instant,
}

/// What the ledger knows of a request.
pub(super) enum Found {
    /// It was answered.
    Stored(Arc<Whole>),
    /// It is under way.
    Running(Arc<Execution>),
    /// It is new, and now under way.
    Started(Arc<Execution>),
    /// Its key belongs to another request.
    Reused,
}

/// What became of an execution.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    /// Its answer is kept.
    Stored,
    /// Its answer is too large to be kept.
    TooLarge,
    /// It brought no success.
    Failed,
    /// Its stream broke off.
    Interrupted,
    /// Nobody waited for it any more.
    Abandoned,
}

impl Fate {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::TooLarge => "too_large",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Abandoned => "abandoned",
        }
    }
}

impl Ledger {
    /// An empty one.
    #[must_use]
    pub fn new(settings: IdempotencySettings) -> Self {
        let (memory, answers) = (settings.memory.0, settings.answers.get());
        // A heavy enough least weight bounds the number of answers too.
        let weigh = Weigh { least: memory.div_ceil(answers as u64) };
        let book = Book { running: HashMap::new(), stored: Cache::with_weighter(answers, memory, weigh), next: 0 };
        let room = usize::try_from(memory).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Shared { settings, room: Arc::new(Semaphore::new(room)), book: Mutex::new(book) }))
    }

    /// Removes answers that are too old, for ever.
    pub async fn keep_tidy(&self) {
        let mut ticks = interval_at(Instant::now() + SWEEP, SWEEP);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = Instant::now();
            let mut book = self.book();
            book.stored.retain(|_, stored| stored.expires > now);
            book.measure();
        }
    }

    /// Looks up what the request `from` asks. If that is new it is registered, and `begin` says how it is executed.
    pub(super) fn find(&self, asked: &Asked, from: RequestId, begin: impl FnOnce(Registration) -> Execution) -> Found {
        let mut book = self.book();
        if let Some(running) = book.running.get(&asked.scope) {
            // No execution may be dropped here, as that would come back for the book: so it is upgraded only to be returned.
            if running.fingerprint != asked.fingerprint && running.execution.strong_count() > 0 {
                return Found::Reused;
            }
            if running.fingerprint == asked.fingerprint
                && let Some(execution) = running.execution.upgrade()
            {
                return Found::Running(execution);
            }
        } else if let Some(stored) = book.stored.get(&asked.scope).cloned() {
            if stored.expires > Instant::now() {
                return if stored.fingerprint == asked.fingerprint { Found::Stored(stored.whole) } else { Found::Reused };
            }
            book.stored.remove(&asked.scope);
        }
        book.next += 1;
        let number = book.next;
        let registration = Registration { ledger: self.clone(), asked: *asked, number, first: from, fate: Fate::Abandoned };
        let execution = Arc::new(begin(registration));
        let running = Running { number, fingerprint: asked.fingerprint, execution: Arc::downgrade(&execution) };
        book.running.insert(asked.scope, running);
        Found::Started(execution)
    }

    /// How many answers are kept.
    #[cfg(test)]
    pub(super) fn stored(&self) -> usize {
        self.book().stored.len()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing in here panics half-way through a change.
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}

impl Book {
    fn measure(&self) {
        gauge!(names::IDEMPOTENCY_STORED_ANSWERS).set(self.stored.len() as f64);
        gauge!(names::IDEMPOTENCY_STORED_BYTES).set(self.stored.weight() as f64);
    }
}

/// What a stored answer counts for, in bytes.
#[derive(Clone)]
struct Weigh {
    least: u64,
}

impl Weighter<Scope, Stored> for Weigh {
    fn weight(&self, _: &Scope, stored: &Stored) -> u64 {
        (stored.whole.body.len() as u64 + ANSWER_OVERHEAD).max(self.least)
    }
}

/// The place of an execution in the ledger, which it leaves when this is dropped.
pub(super) struct Registration {
    ledger: Ledger,
    asked: Asked,
    number: u64,
    first: RequestId,
    fate: Fate,
}

impl Registration {
    /// The request that is executed.
    pub(super) const fn first(&self) -> RequestId {
        self.first
    }

    /// How many bytes an answer may have that is to be kept.
    pub(super) fn largest(&self) -> usize {
        usize::try_from(self.ledger.0.settings.answer.0).unwrap_or(usize::MAX)
    }

    /// Room for so many bytes of an answer under way, if there is as much.
    pub(super) fn reserve(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.ledger.0.room).try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
    }

    /// It has ended with an answer for everybody.
    pub(super) fn keep(mut self, whole: Arc<Whole>) {
        let expires = Instant::now() + self.ledger.0.settings.ttl;
        let stored = Stored { fingerprint: self.asked.fingerprint, whole, expires };
        self.ledger.book().stored.insert(self.asked.scope, stored);
        self.fate = Fate::Stored;
    }

    /// It has ended otherwise.
    pub(super) fn end(mut self, fate: Fate) {
        self.fate = fate;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut book = self.ledger.book();
        // Between the last one's leaving and this, somebody may have started over.
        if book.running.get(&self.asked.scope).is_some_and(|running| running.number == self.number) {
            book.running.remove(&self.asked.scope);
        }
        book.measure();
        counter!(names::IDEMPOTENCY_EXECUTIONS, names::OUTCOME => self.fate.as_str()).increment(1);
    }
}
