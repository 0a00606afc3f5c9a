//! The policy files: read at start, watched from then on.
//!
//! A change is taken up once the folder has been quiet for a moment, because editors and copies write in steps; but not later than a second
//! after it, because something else in the folder may never be quiet. A faulty policy never
//! replaces a good one: the old one stays in force, and log and metrics say why. What is watched is the folder around the file, since most editors,
//! and Kubernetes, replace a file rather than write into it.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use metrics::{counter, gauge};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, timeout_at},
};
use tradewind_models::registry::RegistryErrors;
use tradewind_policies::{InvalidName, Policy, PolicyErrors, SourceFile};

use crate::{
    backend::Named,
    snapshot::{BuildError, Builder, Snapshot},
    telemetry::names,
};

/// How long the folder must have been quiet.
const QUIET: Duration = Duration::from_millis(100);
/// How long to wait for that.
const PATIENCE: Duration = Duration::from_secs(1);

/// Why a policy is not in force.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file cannot be read.
    #[error("cannot read the policy {path}: {source}")]
    Unreadable {
        /// The file or folder.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
    /// A folder without a policy in it.
    #[error("the policy folder {0} holds no .toml file")]
    NoFiles(String),
    /// The models of the built-in policy have names that no policy could give them.
    #[error("the built-in policy is unusable: {0}")]
    BuiltIn(InvalidName),
    /// What it says is faulty.
    #[error(transparent)]
    Faulty(#[from] PolicyErrors),
    /// The manifests of local models.
    #[error("the manifests of local models cannot be used:\n{0}")]
    Manifests(#[from] RegistryErrors),
    /// What it says of a local model contradicts itself.
    #[error("{0}")]
    Local(String),
    /// What it says cannot be set up.
    #[error("{}", list(.0))]
    Unbuildable(Vec<BuildError>),
}

fn list(faults: &[BuildError]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Reads the policy in the file, or in the `.toml` files of the folder, in the order of their names.
///
/// # Errors
/// [`LoadError`] with all faults of all files.
pub fn read(path: &Path) -> Result<Policy, LoadError> {
    let unreadable = |path: &Path| {
        let path = path.display().to_string();
        move |source| LoadError::Unreadable { path, source }
    };
    let mut files = Vec::new();
    for path in policy_files(path).map_err(unreadable(path))? {
        let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
        files.push(SourceFile::new(path.display().to_string(), text));
    }
    if files.is_empty() {
        return Err(LoadError::NoFiles(path.display().to_string()));
    }
    Ok(Policy::parse(&files)?)
}

/// Names that begin with a dot are an editor's, or Kubernetes' own.
fn policy_files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !std::fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if !hidden && path.extension().is_some_and(|extension| extension == "toml") && path.is_file() {
            files.push(path);
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Puts new policies in force as the files change.
pub struct Reloader {
    path: PathBuf,
    builder: Builder,
    current: Arc<ArcSwap<Snapshot>>,
    /// Told whenever that is another.
    replaced: Arc<Notify>,
    changes: mpsc::Receiver<()>,
    /// Watches for as long as it lives.
    _watcher: RecommendedWatcher,
}

impl Reloader {
    /// Watches `path` and replaces `current`, which was built from it by `builder`; each time, `replaced` is told.
    ///
    /// # Errors
    /// The system does not let the path be watched.
    pub fn watch(path: &Path, builder: Builder, current: Arc<ArcSwap<Snapshot>>, replaced: Arc<Notify>) -> notify::Result<Self> {
        let (tell, changes) = mpsc::channel(1);
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let is_change = event.as_ref().map_or(true, |event| !event.kind.is_access());
            if is_change {
                // One message that waits says all that a second could.
                let _waiting_already = tell.try_send(());
            }
        })?;
        let folder =
            if path.is_dir() { path } else { path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")) };
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        mark_in_force();
        Ok(Self { path: path.to_path_buf(), builder, current, replaced, changes, _watcher: watcher })
    }

    /// Reloads for ever.
    pub async fn run(mut self) {
        // What changed after the first reading and before the watch began.
        self = self.reload().await;
        while self.changes.recv().await.is_some() {
            let latest = Instant::now() + PATIENCE;
            while let Ok(Some(())) = timeout_at(latest.min(Instant::now() + QUIET), self.changes.recv()).await {}
            self = self.reload().await;
        }
    }

    async fn reload(self) -> Self {
        let reloaded = tokio::task::spawn_blocking(move || {
            let result = self.load();
            (self, result)
        });
        let (this, result) = match reloaded.await {
            Ok(done) => done,
            // The task is never cancelled, so it can only have panicked, and the hook has said where.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        match result {
            // Also after a faulty one: whoever took that back has mended it.
            Ok(None) => gauge!(names::POLICY_STALE).set(0.0),
            Ok(Some((snapshot, named))) => {
                let hash = snapshot.policy_hash();
                snapshot.warm();
                this.current.store(Arc::new(snapshot));
                this.builder.engines().follow(&named);
                this.replaced.notify_one();
                mark_in_force();
                counter!(names::POLICY_RELOADS, names::RESULT => "ok").increment(1);
                tracing::info!(policy = &*hash, "a new policy is in force");
            }
            Err(error) => {
                counter!(names::POLICY_RELOADS, names::RESULT => "error").increment(1);
                gauge!(names::POLICY_STALE).set(1.0);
                tracing::error!("the changed policy is faulty; the one before stays in force:\n{error}");
            }
        }
        this
    }

    /// Nothing, if the files say what is in force already.
    fn load(&self) -> Result<Option<(Snapshot, Named)>, LoadError> {
        let policy = read(&self.path)?;
        self.builder.engines().reread()?;
        let named = Named::of(&policy).map_err(LoadError::Local)?;
        let current = self.current.load();
        let snapshot = Snapshot::build(policy, &self.builder, Some(&current)).map_err(LoadError::Unbuildable)?;
        Ok((snapshot.policy.hash() != current.policy.hash()).then_some((snapshot, named)))
    }
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
