//! What the system tells of the folders that a policy's files are in.
//!
//! Folders are watched, not files, since most editors, and Kubernetes, replace a file rather than write into it. Where a file is a link,
//! the folder of what it leads to is watched too. It is only a hint: folders come and go, the system's queue overflows, network file
//! systems tell nothing. Whatever is missed is found by the slow look that the reloader takes besides.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind},
};
use tokio::sync::mpsc;

/// Watches the folders of one policy.
pub(super) struct Watch {
    policy: PathBuf,
    /// None, where the system does not let anything be watched.
    watcher: Option<RecommendedWatcher>,
    folders: HashMap<PathBuf, Identity>,
    changes: mpsc::Receiver<()>,
    writing: Writing,
}

/// The policy files that somebody has written to and not closed.
#[derive(Debug, Clone, Default)]
struct Writing(Arc<Mutex<HashSet<PathBuf>>>);

/// Which folder it is that has some name now. Numbers of deleted ones are used again, so the time counts too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    place: (u64, u64),
    created: Option<SystemTime>,
}

impl Watch {
    /// Begins to watch the folders of the policy at `path`.
    pub(super) fn new(path: &Path) -> Self {
        let (tell, changes) = mpsc::channel(1);
        let writing = Writing::default();
        let (noted, name) = (writing.clone(), path.file_name().map(ToOwned::to_owned));
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            let is_policy =
                |path: &PathBuf| path.extension().is_some_and(|ending| ending == "toml") || path.file_name() == name.as_deref();
            if event.map_or(true, |event| noted.note(&event, is_policy)) {
                // One message that waits says all that a second could.
                let _waiting_already = tell.try_send(());
            }
        });
        let watcher = match watcher {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::warn!(%error, "the system does not let files be watched; changes of the policy are found some seconds later");
                None
            }
        };
        let mut watch = Self { policy: path.to_path_buf(), watcher, folders: HashMap::new(), changes, writing };
        watch.follow();
        watch
    }

    /// Waits for a change. Without a watcher there are none.
    pub(super) async fn changed(&mut self) {
        if self.changes.recv().await.is_none() {
            std::future::pending().await
        }
    }

    /// Whether somebody is in the middle of writing a file.
    pub(super) fn is_being_written(&self) -> bool {
        !self.writing.files().is_empty()
    }

    /// Watches the folders that the policy's files are in now. Blocks on the file system.
    pub(super) fn follow(&mut self) {
        let Some(watcher) = &mut self.watcher else { return };
        let wanted = folders(&self.policy);
        self.folders.retain(|folder, identity| {
            let is_kept = wanted.get(folder) == Some(identity);
            if !is_kept {
                // One that was deleted is not watched any more anyway.
                let _gone_already = watcher.unwatch(folder);
            }
            is_kept
        });
        for (folder, identity) in wanted {
            if self.folders.contains_key(&folder) {
                continue;
            }
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(folder, identity);
                }
                Err(error) => {
                    tracing::debug!(folder = %folder.display(), %error, "a folder of the policy cannot be watched");
                }
            }
        }
        // Who writes is not heard any more where nobody listens.
        self.writing.files().retain(|file| file.parent().is_some_and(|folder| self.folders.contains_key(folder)));
    }
}

impl Writing {
    /// Notes who begins and ends to write; says whether anything has changed that a reader would see.
    fn note(&self, event: &Event, is_policy: impl Fn(&PathBuf) -> bool) -> bool {
        let mut files = self.files();
        match event.kind {
            EventKind::Modify(ModifyKind::Data(_)) => {
                files.extend(event.paths.iter().filter(|path| is_policy(path)).cloned());
                true
            }
            // Also of those that wrote nothing, of which there is no end.
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                let before = files.len();
                files.retain(|file| !event.paths.contains(file));
                files.len() < before
            }
            EventKind::Access(_) => false,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
                files.retain(|file| !event.paths.contains(file));
                true
            }
            _ => true,
        }
    }

    fn files(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        // No holder leaves it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The folders in which a change may be one of the policy, by their real names.
fn folders(policy: &Path) -> HashMap<PathBuf, Identity> {
    let mut folders = HashMap::new();
    let mut add = |folder: &Path| {
        if let Some((folder, identity)) =
            fs::canonicalize(folder).ok().and_then(|folder| Some((folder.clone(), identity(&folder).ok()?)))
        {
            folders.insert(folder, identity);
        }
    };
    let parent = |path: &Path| path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new(".")).to_path_buf();
    if !policy.is_dir() {
        add(&parent(policy));
        if let Ok(real) = fs::canonicalize(policy) {
            add(&parent(&real));
        }
        return folders;
    }
    add(policy);
    for entry in fs::read_dir(policy).into_iter().flatten().flatten() {
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if is_link && let Ok(real) = fs::canonicalize(entry.path()) {
            add(&parent(&real));
        }
    }
    folders
}

fn identity(folder: &Path) -> io::Result<Identity> {
    let found = fs::metadata(folder)?;
    Ok(Identity { place: (found.dev(), found.ino()), created: found.created().ok() })
}
