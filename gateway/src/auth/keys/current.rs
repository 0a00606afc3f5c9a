//! An issuer's keys as they are now: a snapshot that requests read without waiting, and the one fetch that renews it.
//!
//! # When keys are fetched
//!
//! * Every ten minutes, more or less, by the background task; after a failure sooner, at doubling intervals.
//! * When a token names a key that is not in the snapshot: an issuer that has just rotated its keys is followed at the
//!   first new token. An attacker can name any key, so this happens at most twice in any 30 seconds. Twice rather than
//!   once, so that one stray token does not delay a rotation.
//! * When there are no keys at all, but not before the interval after the last failure is over.
//!
//! A fetch is a task of its own that holds the only permit to fetch: a caller who goes away neither stops it nor starts
//! another, and all who wait look at its result first.
//!
//! # When fetching fails
//!
//! The snapshot stays for [`KEEP`]; after that the issuer counts as unknown territory and its tokens are answered 503.
//! Until the next success an unknown key is answered 503 too: it may be a new one.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::Uri;
use rand::RngExt;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::set::KeySet;
use super::source::{Ask, LoadError, Source};
use crate::auth::{AuthError, Fetch};

/// Between two regular fetches; key rotation is announced hours ahead where it is announced at all.
const REFRESH: Duration = Duration::from_secs(600);
/// How long keys serve that could not be renewed: a night and the morning after.
const KEEP: Duration = Duration::from_secs(24 * 3600);
/// The window in which unknown keys cause at most [`LOOKS`] fetches.
const WINDOW: Duration = Duration::from_secs(30);
const LOOKS: usize = 2;
/// After the first failure, doubling up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(60);

/// One issuer's keys.
pub(in crate::auth) struct Keys {
    issuer: Arc<str>,
    /// `None` where the keys were given once and for all.
    source: Option<Arc<Source>>,
    fetch: Arc<dyn Fetch>,
    current: ArcSwapOption<Snapshot>,
    progress: Arc<Mutex<Progress>>,
}

/// The keys between two fetches.
#[derive(Debug)]
pub(in crate::auth) struct Snapshot {
    pub(in crate::auth) set: Arc<KeySet>,
    /// Counts the changes of the set: what was verified under an older one is verified again.
    pub(in crate::auth) generation: u64,
    /// `None` where the keys cannot grow old.
    good_until: Option<Instant>,
}

/// What past fetches teach about the next.
#[derive(Debug, Default)]
struct Progress {
    /// When unknown keys last caused a fetch, oldest first.
    looks: [Option<Instant>; LOOKS],
    /// Since the last success: how many, and when to try again.
    failures: Option<(u32, Instant)>,
    /// The last success.
    renewed: Option<Instant>,
    /// Where discovery led.
    jwks_uri: Option<Uri>,
}

impl Keys {
    /// Keys that never change.
    pub(in crate::auth) fn fixed(issuer: Arc<str>, set: KeySet, fetch: Arc<dyn Fetch>) -> Self {
        Self::new(issuer, None, Some(Snapshot { set: Arc::new(set), generation: 0, good_until: None }), fetch)
    }

    /// Keys that are loaded from `source`, beginning with `set` where there is one already.
    pub(in crate::auth) fn loaded(issuer: Arc<str>, source: Source, set: Option<KeySet>, fetch: Arc<dyn Fetch>) -> Self {
        let first = set.map(|set| Snapshot { set: Arc::new(set), generation: 0, good_until: Some(Instant::now() + KEEP) });
        Self::new(issuer, Some(Arc::new(source)), first, fetch)
    }

    fn new(issuer: Arc<str>, source: Option<Arc<Source>>, first: Option<Snapshot>, fetch: Arc<dyn Fetch>) -> Self {
        let current = ArcSwapOption::from_pointee(first);
        Self { issuer, source, fetch, current, progress: Arc::default() }
    }

    /// Whether what was verified under that generation still holds.
    pub(in crate::auth) fn still(&self, generation: u64) -> bool {
        let current = self.current.load();
        current.as_ref().is_some_and(|snapshot| snapshot.generation == generation && snapshot.is_good())
    }

    /// A snapshot with the key of that name; waits for a fetch where one may help.
    ///
    /// # Errors
    /// `UnknownKey` where the issuer has no such key, `Unavailable` where that cannot be known.
    pub(in crate::auth) async fn with(self: &Arc<Self>, kid: Option<&str>) -> Result<Arc<Snapshot>, AuthError> {
        if let Some(snapshot) = self.good().filter(|snapshot| snapshot.set.has(kid)) {
            return Ok(snapshot);
        }
        let Some(source) = self.source.clone() else {
            return Err(AuthError::UnknownKey);
        };
        let mut progress = Arc::clone(&self.progress).lock_owned().await;
        // Whoever held the permit may have fetched what we need.
        let known = self.good();
        let snapshot = match known {
            Some(snapshot) if snapshot.set.has(kid) => snapshot,
            known => {
                self.may_fetch(&mut progress, known.is_some())?;
                let this = Arc::clone(self);
                let fetch = async move { this.renew(&source, &mut progress, Ask::IfNotKnown).await };
                // A panic of the task is reported by the runtime; for the caller it is a failed fetch.
                let fetched = tokio::spawn(fetch).await.unwrap_or(Err(RETRY_MIN));
                fetched.map_err(|retry_after| self.unavailable(retry_after))?
            }
        };
        if snapshot.set.has(kid) { Ok(snapshot) } else { Err(AuthError::UnknownKey) }
    }

    /// Fetches at the regular times, for ever.
    pub(in crate::auth) async fn keep_fresh(&self) {
        let Some(source) = self.source.as_ref() else {
            return std::future::pending().await;
        };
        let mut due = Instant::now() + if self.good().is_some() { jitter(REFRESH) } else { Duration::ZERO };
        loop {
            tokio::time::sleep_until(due).await;
            let mut progress = self.progress.lock().await;
            // A request's fetch may have come first.
            due = match progress.renewed.map(|at| at + REFRESH / 2) {
                Some(early) if Instant::now() < early => early + REFRESH / 2,
                _ => match self.renew(source, &mut progress, Ask::Anew).await {
                    Ok(_) => Instant::now() + jitter(REFRESH),
                    Err(pause) => Instant::now() + pause,
                },
            };
        }
    }

    /// The snapshot, unless there is none or it has grown too old.
    fn good(&self) -> Option<Arc<Snapshot>> {
        self.current.load_full().filter(|snapshot| snapshot.is_good())
    }

    fn may_fetch(&self, progress: &mut Progress, has_keys: bool) -> Result<(), AuthError> {
        let now = Instant::now();
        if let Some((_, next)) = progress.failures
            && now < next
        {
            return Err(self.unavailable(next - now));
        }
        if has_keys {
            let [oldest, newest] = progress.looks;
            if let Some(again) = oldest.map(|at| at + WINDOW).filter(|again| now < *again) {
                let failing = progress.failures.is_some();
                return Err(if failing { self.unavailable(again - now) } else { AuthError::UnknownKey });
            }
            progress.looks = [newest, Some(now)];
        }
        Ok(())
    }

    /// Fetches once; after a failure says how long to wait before the next time.
    async fn renew(&self, source: &Source, progress: &mut Progress, ask: Ask) -> Result<Arc<Snapshot>, Duration> {
        let set = match source.load(&*self.fetch, &mut progress.jwks_uri, ask).await {
            Ok(set) => set,
            Err(error) => return Err(self.note_failure(&error, progress)),
        };
        if set.is_empty() {
            tracing::warn!(issuer = &*self.issuer, "the issuer publishes no usable key: its tokens are refused");
        }
        let (set, generation) = match self.current.load_full() {
            Some(old) if *old.set == set => (Arc::clone(&old.set), old.generation),
            Some(old) => (Arc::new(set), old.generation + 1),
            None => (Arc::new(set), 0),
        };
        let now = Instant::now();
        let snapshot = Arc::new(Snapshot { set, generation, good_until: Some(now + KEEP) });
        self.current.store(Some(Arc::clone(&snapshot)));
        (progress.failures, progress.renewed) = (None, Some(now));
        Ok(snapshot)
    }

    fn note_failure(&self, error: &LoadError, progress: &mut Progress) -> Duration {
        let before = progress.failures.map_or(0, |(count, _)| count);
        let pause = jitter(RETRY_MAX.min(RETRY_MIN * 2_u32.saturating_pow(before)));
        progress.failures = Some((before.saturating_add(1), Instant::now() + pause));
        tracing::warn!(issuer = &*self.issuer, %error, ?pause, "the issuer's keys cannot be fetched");
        pause
    }

    fn unavailable(&self, retry_after: Duration) -> AuthError {
        AuthError::Unavailable { issuer: Arc::clone(&self.issuer), retry_after }
    }
}

impl Snapshot {
    fn is_good(&self) -> bool {
        self.good_until.is_none_or(|until| Instant::now() < until)
    }
}

/// Within a tenth of the duration, so that the gateways of a fleet do not fetch in step.
fn jitter(duration: Duration) -> Duration {
    duration.mul_f64(rand::rng().random_range(0.9..1.1))
}
