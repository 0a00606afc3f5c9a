//! A credential that expires, kept fresh.
//!
//! # What a request pays
//! While the credential is good, one atomic load: no lock, no waiting. Only before the first one, after the last one's end, and after the
//! upstream refused it, a request waits.
//!
//! # Who fetches
//! One task at a time, which holds the only permit. It is a task of its own, so that a caller who goes away neither stops it nor makes
//! the next caller begin again. The first is fetched when the policy that names it is put into effect; after that, nothing is for a backend
//! that nobody uses.
//!
//! # When fetching fails
//! The old one serves until its end, and the next try waits, twice as long each time. Where there is no old one, callers get the failure
//! at once until the next try is due: an endpoint that is down is not asked once a request.
//!
//! # When the upstream refuses it
//! [`Refreshing::refused`] has it fetched anew at the next use, but only once in [`REFUSALS_APART`]: a backend that refuses everything
//! must not turn each request into one to the token endpoint.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use futures_util::future::BoxFuture;
use rand::RngExt;
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::Instant,
};

use super::{CredentialError, Fresh};

/// Between two fetches that were caused by refusals.
const REFUSALS_APART: Duration = Duration::from_secs(30);
/// After the first failure, doubling up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Where a credential comes from.
pub trait Source<T>: fmt::Debug + Send + Sync + 'static {
    /// Fetches a fresh one. It ends within a time of its own.
    ///
    /// # Errors
    /// [`CredentialError`].
    fn obtain(&self) -> BoxFuture<'_, Result<Fresh<T>, CredentialError>>;
}

/// Whether the same upstream may be asked again after it refused a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// There is a newer credential, or one will be fetched.
    Worth,
    /// It would be shown the same.
    Pointless,
}

/// A credential that is kept fresh.
#[derive(Debug)]
pub struct Refreshing<T> {
    shared: Arc<Shared<T>>,
}

/// A credential, and which it is.
#[derive(Debug, Clone)]
pub struct Held<T> {
    /// The credential.
    pub value: T,
    /// Counts the changes: what was fetched anew and is the same has the same number.
    pub generation: u64,
    refresh_at: Option<Instant>,
    end_at: Option<Instant>,
    standing: Standing,
}

/// What the upstream last said of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    Refused,
}

#[derive(Debug)]
struct Shared<T> {
    /// Whose it is, for the log.
    owner: String,
    source: Box<dyn Source<T>>,
    current: ArcSwapOption<Held<T>>,
    progress: Arc<Mutex<Progress>>,
    start: Instant,
    /// When a refusal last caused a fetch: milliseconds since `start`, plus one; 0 for never.
    refused_at: AtomicU64,
}

/// What past fetches teach about the next. Whoever holds it may fetch.
#[derive(Debug, Default)]
struct Progress {
    /// The last number given to a credential.
    generation: u64,
    /// The failures since the last success.
    failures: Option<Failures>,
}

#[derive(Debug)]
struct Failures {
    count: u32,
    next_try: Instant,
    last: CredentialError,
}

impl<T: Clone + PartialEq + fmt::Debug + Send + Sync + 'static> Refreshing<T> {
    /// Keeps what `source` gives; `owner` names whose it is in the log.
    pub fn new(owner: impl Into<String>, source: impl Source<T>) -> Self {
        let shared = Shared {
            owner: owner.into(),
            source: Box::new(source),
            current: ArcSwapOption::empty(),
            progress: Arc::default(),
            start: Instant::now(),
            refused_at: AtomicU64::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The credential. Waits only where there is no good one.
    ///
    /// # Errors
    /// Those of the source.
    pub async fn get(&self) -> Result<Arc<Held<T>>, CredentialError> {
        let now = Instant::now();
        match self.shared.good(now) {
            Some(held) => {
                if held.refresh_at.is_some_and(|at| at <= now) {
                    self.renew_behind(now);
                }
                Ok(held)
            }
            None => self.wait_for_fresh().await,
        }
    }

    /// Begins to fetch the first one, so that the first request need not wait.
    pub fn warm(&self) {
        let now = Instant::now();
        if self.shared.good(now).is_none() {
            self.renew_behind(now);
        }
    }

    /// The upstream refused the credential of that number: it is fetched anew at the next use, where that can help.
    pub fn refused(&self, generation: u64) -> Retry {
        let shared = &*self.shared;
        let Some(held) = shared.current.load_full() else {
            return Retry::Worth;
        };
        if held.generation != generation || held.standing == Standing::Refused {
            return Retry::Worth;
        }
        if held.refresh_at.is_none() || !shared.note_refusal() {
            return Retry::Pointless;
        }
        let refused = Arc::new(Held { standing: Standing::Refused, ..Held::clone(&held) });
        // Where it has just been replaced, the replacement is what comes next.
        let _replaced = shared.current.compare_and_swap(&held, Some(refused));
        Retry::Worth
    }

    /// Whether there is another credential than the one of that number, which the upstream refused; fetches it where that can help.
    ///
    /// # Errors
    /// Those of the source.
    pub async fn renew(&self, generation: u64) -> Result<bool, CredentialError> {
        match self.refused(generation) {
            Retry::Worth => Ok(self.get().await?.generation != generation),
            Retry::Pointless => Ok(false),
        }
    }

    /// Fetches in a task of its own, unless one is at it or the last failure is too recent.
    fn renew_behind(&self, now: Instant) {
        if let Ok(progress) = Arc::clone(&self.shared.progress).try_lock_owned()
            && progress.may_try(now)
        {
            drop(tokio::spawn(Arc::clone(&self.shared).renew(progress)));
        }
    }

    async fn wait_for_fresh(&self) -> Result<Arc<Held<T>>, CredentialError> {
        let progress = Arc::clone(&self.shared.progress).lock_owned().await;
        let now = Instant::now();
        // Whoever held the permit may have fetched it.
        if let Some(held) = self.shared.good(now) {
            return Ok(held);
        }
        let failure = match &progress.failures {
            Some(failures) if now < failures.next_try => failures.last.clone(),
            _ => match tokio::spawn(Arc::clone(&self.shared).renew(progress)).await {
                Ok(Ok(held)) => return Ok(held),
                Ok(Err(error)) => error,
                // A panic, which the runtime reports.
                Err(_) => CredentialError::configuration("fetching the credential broke off"),
            },
        };
        // One that was refused once is better than none: the refusal may have been the upstream's mistake.
        self.shared.current.load_full().filter(|held| !held.has_ended(Instant::now())).ok_or(failure)
    }
}

impl<T: Clone + PartialEq + Send + Sync + 'static> Shared<T> {
    fn good(&self, now: Instant) -> Option<Arc<Held<T>>> {
        self.current.load_full().filter(|held| held.standing == Standing::Good && !held.has_ended(now))
    }

    /// Whether a refusal may cause a fetch now; if so, none may for a while.
    fn note_refusal(&self) -> bool {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1);
        let last = self.refused_at.load(Ordering::Relaxed);
        let due = last == 0 || u128::from(now - last.min(now)) >= REFUSALS_APART.as_millis();
        due && self.refused_at.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    async fn renew(self: Arc<Self>, mut progress: OwnedMutexGuard<Progress>) -> Result<Arc<Held<T>>, CredentialError> {
        let Fresh { value, life } = match self.source.obtain().await {
            Ok(fresh) => fresh,
            Err(error) => {
                let pause = progress.note_failure(error.clone());
                tracing::warn!(owner = self.owner, %error, ?pause, "the credential cannot be fetched");
                return Err(error);
            }
        };
        progress.failures = None;
        if self.current.load().as_ref().is_none_or(|old| old.value != value) {
            progress.generation += 1;
        }
        let now = Instant::now();
        let held = Arc::new(Held {
            value,
            generation: progress.generation,
            refresh_at: life.refresh.map(|after| now + after),
            end_at: life.end.map(|after| now + after),
            standing: Standing::Good,
        });
        self.current.store(Some(Arc::clone(&held)));
        Ok(held)
    }
}

impl<T> Held<T> {
    fn has_ended(&self, now: Instant) -> bool {
        self.end_at.is_some_and(|end| end <= now)
    }
}

impl Progress {
    fn may_try(&self, now: Instant) -> bool {
        self.failures.as_ref().is_none_or(|failures| failures.next_try <= now)
    }

    fn note_failure(&mut self, error: CredentialError) -> Duration {
        let before = self.failures.as_ref().map_or(0, |failures| failures.count);
        let pause = RETRY_MAX.min(RETRY_MIN * 2_u32.saturating_pow(before.min(16)));
        // Within a tenth, so that the gateways of a fleet do not ask in step.
        let pause = pause.mul_f64(rand::rng().random_range(0.9..1.1));
        self.failures = Some(Failures { count: before + 1, next_try: Instant::now() + pause, last: error });
        pause
    }
}
