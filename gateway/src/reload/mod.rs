//! The policy files: read at start, watched from then on.
//!
//! # When a change is taken up
//!
//! Once the folder has been quiet for a moment, because editors and copies write in steps; but not later than a second after it, because
//! something else in the folder may never be quiet. Who has begun to write into a policy file and has not closed it is waited for longer.
//! Besides, the files are looked at every two seconds, for what the system did not tell; a change that is found so counts once it
//! looks the same twice.
//!
//! # What is never in force
//!
//! A faulty policy never replaces a good one: the old one stays in force, and log, metrics and the operators' listener say why. Files that
//! cannot be read, for a moment or for good, are no reason either. What failed for a reason outside of the files is tried again with every
//! look.

mod error;
mod swap;
mod watch;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use metrics::{counter, gauge};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout_at};
use tradewind_policies::{Day, Policy, PolicyHash};

use self::{swap::Prepared, watch::Watch};
use crate::{
    in_force::{History, PolicyFiles, Why, read as read_files},
    telemetry::names,
};

pub use self::{error::LoadError, swap::Swap};

/// How long the folder must have been quiet.
const QUIET: Duration = Duration::from_millis(100);
/// How long to wait for that.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long to wait for somebody who writes a file.
const PATIENCE_WITH_WRITERS: Duration = Duration::from_secs(5);
/// How often the files are looked at without being told to.
const LOOK: Duration = Duration::from_secs(2);

/// Reads the policy in the file, or in the `.toml` files of the folder, in the order of their names.
///
/// # Errors
/// [`LoadError`] with all faults of all files.
pub fn read(path: &Path) -> Result<Policy, LoadError> {
    Ok(Policy::parse(&read_files(path)?.sources(path))?)
}

/// Says in the log where the prices that the policy goes by are likely to have changed.
pub fn warn_of_stale_prices(policy: &Policy) {
    let today = Day::of(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default());
    if let Some(stale) = policy.prices().and_then(|table| table.stale(today)) {
        tracing::warn!("{stale}");
    }
}

/// Puts new policies in force as the files change.
pub struct Reloader {
    path: PathBuf,
    swap: Swap,
    history: History,
    watch: Watch,
    /// What was found when the files were read last.
    seen: Option<Seen>,
    /// What was found when they were looked at.
    glimpsed: Option<Found>,
    /// Whether the history was told of the policy in force.
    is_remembered: bool,
}

/// What the files of a policy are, or why they cannot be read.
type Found = Result<PolicyHash, String>;

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    found: Found,
    /// Why that is not in force.
    error: Option<String>,
}

/// The files as they were read, and what is to be done about them.
struct Loaded {
    found: Found,
    files: Option<PolicyFiles>,
    result: Result<Option<Prepared>, LoadError>,
}

impl Reloader {
    /// Watches `path`, from which the policy in force was read, and replaces that; what was in force is added to `history`.
    #[must_use]
    pub fn watch(path: &Path, swap: Swap, history: History) -> Self {
        mark_in_force();
        let (path, watch) = (path.to_path_buf(), Watch::new(path));
        Self { path, swap, history, watch, seen: None, glimpsed: None, is_remembered: false }
    }

    /// Reloads for ever.
    pub async fn run(mut self) {
        // What changed after the first reading and before the watch began.
        self = self.reload().await;
        let mut looks = looks();
        loop {
            let is_told = tokio::select! {
                () = self.watch.changed() => true,
                _ = looks.tick() => false,
            };
            let is_due;
            if is_told {
                self.settle().await;
                is_due = true;
            } else {
                (self, is_due) = self.blocking(Self::look).await;
            }
            if is_due {
                self = self.reload().await;
            }
        }
    }

    /// Waits until nobody changes the files.
    async fn settle(&mut self) {
        let begin = Instant::now();
        loop {
            let is_being_written = self.watch.is_being_written();
            let latest = begin + if is_being_written { PATIENCE_WITH_WRITERS } else { PATIENCE };
            let quiet = (Instant::now() + QUIET).min(latest);
            let is_quiet = timeout_at(quiet, self.watch.changed()).await.is_err() && !is_being_written;
            if is_quiet || Instant::now() >= latest {
                return;
            }
        }
    }

    /// Whether the files have to be read, though nobody said so.
    fn look(&mut self) -> bool {
        self.watch.follow();
        let found = read_files(&self.path).map(|files| files.hash()).map_err(|error| error.to_string());
        let has_settled = self.glimpsed.as_ref() == Some(&found);
        let is_new = self.seen.as_ref().is_none_or(|seen| seen.found != found || seen.error.is_some());
        self.glimpsed = Some(found);
        is_new && has_settled && !self.watch.is_being_written()
    }

    async fn reload(self) -> Self {
        let (mut this, loaded) = self.blocking(Self::load).await;
        let Loaded { found, files, result } = loaded;
        let error = result.as_ref().err().map(ToString::to_string);
        let hash = found.clone().ok();
        let seen = Seen { found, error };
        let is_known = this.seen.as_ref() == Some(&seen);
        this.seen = Some(seen);
        match result {
            // Also after a faulty one: whoever took that back has mended it.
            Ok(None) => {
                gauge!(names::POLICY_STALE).set(0.0);
                this.swap.board().agree();
                // The policy that the gateway started with is remembered once it is known to be what the files say.
                if let Some(files) = files.filter(|_| !this.is_remembered) {
                    this.is_remembered = true;
                    (this, ()) = this.blocking(move |this| this.remember(&files, Why::Start)).await;
                }
            }
            Ok(Some(prepared)) => {
                this.swap.swap(prepared);
                mark_in_force();
                counter!(names::POLICY_RELOADS, names::RESULT => "ok").increment(1);
                this.is_remembered = true;
                if let (Some(hash), Some(files)) = (hash, files) {
                    let why;
                    (this, why) = this.blocking(move |this| this.explain(&files)).await;
                    tracing::info!(policy = %hash, why = why.as_str(), "a new policy is in force");
                }
            }
            // It was told when it was tried first.
            Err(_) if is_known => {}
            Err(error) => {
                counter!(names::POLICY_RELOADS, names::RESULT => "error").increment(1);
                gauge!(names::POLICY_STALE).set(1.0);
                tracing::error!("the changed policy is faulty; the one before stays in force:\n{error}");
                this.swap.board().refuse(error.refusal(hash));
            }
        }
        this
    }

    fn load(&mut self) -> Loaded {
        self.watch.follow();
        let files = match read_files(&self.path) {
            Ok(files) => files,
            Err(error) => {
                return Loaded { found: Err(error.to_string()), files: None, result: Err(error.into()) };
            }
        };
        let policy = Policy::parse(&files.sources(&self.path)).map_err(LoadError::from);
        let result = policy.and_then(|policy| self.swap.prepare(policy));
        Loaded { found: Ok(files.hash()), files: Some(files), result }
    }

    /// Adds what came into force to the history, with the reason that a command gave for it.
    fn explain(&mut self, files: &PolicyFiles) -> Why {
        let why = self.history.intended(&files.hash().to_string()).unwrap_or_else(|error| {
            tracing::warn!(%error, "what a command said of the new policy cannot be read");
            Why::Change
        });
        self.remember(files, why);
        why
    }

    /// A history that cannot be written is no reason not to serve.
    fn remember(&self, files: &PolicyFiles, why: Why) {
        let at = self.swap.board().subscribe().borrow().since;
        match self.history.add(files, at, why) {
            Ok(kept) => {
                for damaged in &kept.damaged {
                    tracing::warn!(file = %damaged.file.display(), problem = damaged.problem, "an entry of the policies' history is damaged");
                }
                self.swap.board().explained(why, kept);
            }
            Err(error) => tracing::warn!(%error, "the policy in force cannot be added to the history"),
        }
    }

    /// Does what blocks on the file system or takes its time.
    async fn blocking<T: Send + 'static>(mut self, work: impl FnOnce(&mut Self) -> T + Send + 'static) -> (Self, T) {
        let done = tokio::task::spawn_blocking(move || {
            let result = work(&mut self);
            (self, result)
        });
        match done.await {
            Ok(done) => done,
            // The task is never cancelled, so it can only have panicked, and the hook has said where.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

fn looks() -> Interval {
    let mut looks = interval_at(Instant::now() + LOOK, LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    looks
}

fn mark_in_force() {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    gauge!(names::POLICY_LOADED).set(now.as_secs_f64());
    gauge!(names::POLICY_STALE).set(0.0);
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").field("path", &self.path).finish_non_exhaustive()
    }
}
