//! What was learnt of backends, kept over a restart.
//!
//! A file that cannot be used costs some guesses at the start, so it is told and done without; it is never a reason not to serve.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tradewind_policies::select::Learnt;

use crate::{
    home::{Home, HomeError},
    snapshot::Snapshot,
};

/// What the file is written as. A later format has another number, and is not guessed at.
const VERSION: u32 = 1;
/// How often it is written, if there is something new.
const EVERY: Duration = Duration::from_secs(30);
/// What is older says nothing of today's traffic.
const OLDEST: Duration = Duration::from_hours(7 * 24);

/// What was learnt, by the name of a backend and what it calls the model.
#[derive(Debug)]
pub struct Memory {
    home: Home,
    entries: BTreeMap<(String, String), Entry>,
    /// Whether the file says the same.
    is_kept: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Entry {
    /// When it was learnt, in seconds since 1970.
    at: u64,
    learnt: Learnt,
}

/// The file.
#[derive(Debug, Serialize, Deserialize)]
struct File {
    version: u32,
    deployments: Vec<Line>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    backend: String,
    model: String,
    at: u64,
    #[serde(flatten)]
    learnt: Learnt,
}

/// What was kept in `home` of the speed of backends, without what is too old at `now`.
///
/// # Errors
/// Why the file cannot be used.
pub fn kept(home: &Home, now: SystemTime) -> Result<BTreeMap<(String, String), Learnt>, String> {
    let mut memory = Memory { home: home.clone(), entries: read(home)?, is_kept: true };
    memory.forget(now);
    Ok(memory.entries.into_iter().map(|(place, entry)| (place, entry.learnt)).collect())
}

impl Memory {
    /// What an earlier process kept in `home`. What is too old at `now` is forgotten.
    #[must_use]
    pub fn open(home: Home, now: SystemTime) -> Self {
        let entries = read(&home).unwrap_or_else(|reason| {
            let file = home.learnt_file();
            tracing::warn!(file = %file.display(), reason, "what was learnt of backends cannot be recalled and is learnt again");
            BTreeMap::new()
        });
        let mut memory = Self { home, entries, is_kept: true };
        memory.forget(now);
        memory
    }

    /// Tells the deployments of `snapshot` what was learnt of them.
    pub fn recall(&self, snapshot: &Snapshot) {
        for (backend, deployment) in snapshot.deployments() {
            let place = (backend.name.to_string(), deployment.model().to_string());
            if let Some(entry) = self.entries.get(&place) {
                deployment.recall(&entry.learnt);
            }
        }
    }

    /// Keeps what the deployments in force learn, every now and then, until `end`; and once more then.
    pub async fn keep(mut self, snapshot: Arc<ArcSwap<Snapshot>>, end: CancellationToken) {
        while end.run_until_cancelled(sleep(EVERY)).await.is_some() {
            self = self.note_and_write(&snapshot.load_full()).await;
        }
        self.note_and_write(&snapshot.load_full()).await;
    }

    async fn note_and_write(mut self, snapshot: &Snapshot) -> Self {
        self.note(snapshot, SystemTime::now());
        let written = tokio::task::spawn_blocking(move || {
            let result = self.write();
            (self, result)
        });
        let (this, result) = match written.await {
            Ok(done) => done,
            // The task is never cancelled, so it can only have panicked, and the hook has said where.
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        if let Err(error) = result {
            tracing::warn!(%error, "what was learnt of backends cannot be kept");
        }
        this
    }

    /// Takes in what the deployments of `snapshot` have learnt. Of those that it does not have, and of those that were not heard of since
    /// the start, what was known before stays.
    fn note(&mut self, snapshot: &Snapshot, now: SystemTime) {
        for (backend, deployment) in snapshot.deployments() {
            let Some(learnt) = deployment.learnt().filter(Learnt::is_sane) else { continue };
            let place = (backend.name.to_string(), deployment.model().to_string());
            // What has not moved was not heard again: it keeps its age.
            if self.entries.get(&place).is_none_or(|known| known.learnt != learnt) {
                self.entries.insert(place, Entry { at: seconds(now), learnt });
                self.is_kept = false;
            }
        }
        self.forget(now);
    }

    /// Writes the file, unless it says the same already.
    fn write(&mut self) -> Result<(), WriteError> {
        if self.is_kept {
            return Ok(());
        }
        let line = |((backend, model), entry): (&(String, String), &Entry)| Line {
            backend: backend.clone(),
            model: model.clone(),
            at: entry.at,
            learnt: entry.learnt,
        };
        let file = File { version: VERSION, deployments: self.entries.iter().map(line).collect() };
        self.home.keep_learnt(&serde_json::to_string_pretty(&file)?)?;
        self.is_kept = true;
        Ok(())
    }

    fn forget(&mut self, now: SystemTime) {
        let oldest = seconds(now).saturating_sub(OLDEST.as_secs());
        let before = self.entries.len();
        self.entries.retain(|_, entry| entry.at >= oldest);
        self.is_kept &= self.entries.len() == before;
    }
}

/// Why the file is not written.
#[derive(Debug, thiserror::Error)]
enum WriteError {
    #[error(transparent)]
    Home(#[from] HomeError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

fn read(home: &Home) -> Result<BTreeMap<(String, String), Entry>, String> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let Some(text) = home.learnt().map_err(|error| error.to_string())? else { return Ok(BTreeMap::new()) };
    let Version { version } = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if version != VERSION {
        return Err(format!("it is of version {version}; known is {VERSION}"));
    }
    let File { deployments, .. } = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(deployments.into_iter().map(|Line { backend, model, at, learnt }| ((backend, model), Entry { at, learnt })).collect())
}

/// Since 1970. A clock before that is wrong, and what it dates is too old for any other.
fn seconds(moment: SystemTime) -> u64 {
    moment.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;
    use tradewind_policies::{
        Policy, SourceFile,
        select::{Ask, Outcome},
    };

    use super::*;
    use crate::context::testing::builder;

    const DAY: Duration = Duration::from_hours(24);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
    }

    /// Backends of these names, of which nothing is known.
    fn snapshot(names: &[&str]) -> Snapshot {
        let backend = |name: &&str| format!("[backend.{name}]\nprovider = \"openai\"\nmodels.m = {{}}\n");
        let text = format!("version = 1\n{}", names.iter().map(backend).collect::<String>());
        let policy = Policy::parse(&[SourceFile::new("policy.toml", text)]).unwrap();
        Snapshot::build(policy, &builder(), None).unwrap()
    }

    /// One request is answered by every backend.
    fn use_once(snapshot: &Snapshot) {
        for (_, deployment) in snapshot.deployments() {
            let mut run = deployment.start(&Ask::default(), None).unwrap();
            run.first_token();
            run.ended(Outcome::Success { output_tokens: 0 });
        }
    }

    /// What an idle backend is thought to take, in whole microseconds: the file may lose the last digit.
    fn base(snapshot: &Snapshot) -> u64 {
        let seconds: f64 =
            snapshot.deployments().map(|(_, deployment)| deployment.outlook(&Ask::default()).first_token.base).sum();
        (seconds * 1e6).round() as u64
    }

    fn recalled(home: &Home, now: SystemTime) -> u64 {
        let snapshot = snapshot(&["a"]);
        Memory::open(home.clone(), now).recall(&snapshot);
        base(&snapshot)
    }

    fn kept_of(names: &[&str]) -> (TempDir, Home, Snapshot) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(&folder.path().join("home")).unwrap();
        let snapshot = snapshot(names);
        use_once(&snapshot);
        let mut memory = Memory::open(home.clone(), now());
        memory.note(&snapshot, now());
        memory.write().unwrap();
        (folder, home, snapshot)
    }

    #[test]
    fn what_was_learnt_is_recalled_for_a_week() {
        let (_folder, home, learnt) = kept_of(&["a"]);
        let unknown = base(&snapshot(&["a"]));
        assert_ne!(base(&learnt), unknown);
        assert_eq!(recalled(&home, now() + 6 * DAY), base(&learnt));
        assert_eq!(recalled(&home, now() + 8 * DAY), unknown);
    }

    #[test]
    fn what_was_not_heard_of_again_is_kept_and_grows_old() {
        let (_folder, home, learnt) = kept_of(&["a"]);
        for day in 1..=6 {
            let mut memory = Memory::open(home.clone(), now() + day * DAY);
            let (known, other) = (snapshot(&["a"]), snapshot(&["b"]));
            memory.recall(&known);
            use_once(&other);
            memory.note(&known, now() + day * DAY);
            memory.note(&other, now() + day * DAY);
            memory.write().unwrap();
        }
        assert_eq!(recalled(&home, now() + 6 * DAY), base(&learnt));
        assert_ne!(recalled(&home, now() + 8 * DAY), base(&learnt));
    }

    #[test]
    fn a_file_that_cannot_be_used_is_done_without_and_replaced() {
        let (_folder, home, learnt) = kept_of(&["a"]);
        let good = std::fs::read_to_string(home.learnt_file()).unwrap();
        let unknown = base(&snapshot(&["a"]));
        for bad in ["", "{", "[]", "{\"version\":2,\"deployments\":[]}", &good.replace("\"at\"", "\"when\"")] {
            std::fs::write(home.learnt_file(), bad).unwrap();
            assert_eq!(recalled(&home, now()), unknown, "{bad}");
        }
        let mut memory = Memory::open(home.clone(), now());
        memory.note(&learnt, now());
        memory.write().unwrap();
        assert_eq!(std::fs::read_to_string(home.learnt_file()).unwrap(), good);
    }

    #[test]
    fn nothing_is_written_where_nothing_is_new() {
        let (_folder, home, learnt) = kept_of(&["a"]);
        std::fs::remove_file(home.learnt_file()).unwrap();
        let mut memory = Memory::open(home.clone(), now());
        memory.write().unwrap();
        assert!(!home.learnt_file().exists());
        memory.note(&learnt, now());
        memory.write().unwrap();
        assert!(home.learnt_file().exists());
    }
}
