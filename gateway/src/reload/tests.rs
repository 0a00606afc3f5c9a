//! Over a real file system, with the system's own watcher. Each test waits for what follows from what it did to the files.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    os::unix::fs::symlink,
    sync::Arc,
};

use arc_swap::ArcSwap;
use tempfile::TempDir;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;
use tradewind_policies::SourceFile;

use super::*;
use crate::{
    context::testing::builder,
    home::Home,
    in_force::{Board, Status},
    snapshot::Snapshot,
};

/// It only bounds the wait of a test that fails.
const SOON: Duration = Duration::from_secs(60);

/// The text of a policy with one backend of this name.
fn text(name: &str) -> String {
    format!("version = 1\n[backend.{name}]\nprovider = \"openai\"\nmodels.m = {{}}\n")
}

fn hash(texts: &[&str]) -> PolicyHash {
    PolicyHash::of_files(&texts.iter().map(|text| SourceFile::new("", *text)).collect::<Vec<_>>())
}

/// A reloader at work.
struct Running {
    home: TempDir,
    status: watch::Receiver<Status>,
    _reloader: AbortOnDropHandle<()>,
}

impl Running {
    /// With what is at `path` in force, as the history tells.
    async fn start(path: &Path) -> Self {
        let home = tempfile::tempdir().unwrap();
        let snapshot = Snapshot::build(read(path).unwrap(), &builder(), None).unwrap();
        let board = Arc::new(Board::new(snapshot.policy.hash(), Some(path)));
        let status = board.subscribe();
        let swap = Swap::new(builder(), Arc::new(ArcSwap::from_pointee(snapshot)), board);
        let reloader = Reloader::watch(path, swap, History::of(Home::open(home.path()).unwrap()));
        let mut running = Self { home, status, _reloader: AbortOnDropHandle::new(tokio::spawn(reloader.run())) };
        running.until(|status| !status.history.is_empty()).await;
        running
    }

    async fn until(&mut self, condition: impl FnMut(&Status) -> bool) -> Status {
        timeout(SOON, self.status.wait_for(condition)).await.expect("what a test waits for has to happen").unwrap().clone()
    }

    /// Waits until these texts are in force.
    async fn until_in_force(&mut self, texts: &[&str]) {
        let hash = hash(texts);
        self.until(|status| status.hash == hash && status.history.first().is_some_and(|last| last.hash == hash.to_string()))
            .await;
    }

    /// All that were in force, the newest first.
    fn were_in_force(&self) -> Vec<String> {
        self.status.borrow().history.iter().map(|past| past.hash.clone()).collect()
    }

    fn is_in_force(&self, texts: &[&str]) -> bool {
        self.status.borrow().hash == hash(texts)
    }
}

fn hashes(policies: &[&[&str]]) -> Vec<String> {
    policies.iter().map(|texts| hash(texts).to_string()).collect()
}

/// Mounts files as Kubernetes does, or swaps them for others.
fn mount(folder: &Path, version: &str, files: &[(&str, &str)]) {
    let data = folder.join(format!("..{version}"));
    fs::create_dir_all(&data).unwrap();
    for (name, text) in files {
        fs::write(data.join(name), text).unwrap();
    }
    symlink(format!("..{version}"), folder.join("..data_tmp")).unwrap();
    fs::rename(folder.join("..data_tmp"), folder.join("..data")).unwrap();
    for (name, _) in files {
        if fs::symlink_metadata(folder.join(name)).is_err() {
            symlink(format!("..data/{name}"), folder.join(name)).unwrap();
        }
    }
}

fn folder_with(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

#[tokio::test]
async fn the_files_of_a_config_map_are_swapped_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b, c, d) = (text("a"), text("b"), text("c"), text("d"));
    mount(folder.path(), "v1", &[("1.toml", &a), ("2.toml", &b)]);
    let mut running = Running::start(folder.path()).await;
    for round in 0..3 {
        mount(folder.path(), &format!("v2-{round}"), &[("1.toml", &c), ("2.toml", &d)]);
        running.until_in_force(&[&c, &d]).await;
        mount(folder.path(), &format!("v3-{round}"), &[("1.toml", &a), ("2.toml", &b)]);
        running.until_in_force(&[&a, &b]).await;
        fs::remove_dir_all(folder.path().join(format!("..v2-{round}"))).unwrap();
    }
    let (ab, cd): (&[&str], &[&str]) = (&[&a, &b], &[&c, &d]);
    assert_eq!(running.were_in_force(), hashes(&[ab, cd, ab, cd, ab, cd, ab]));
}

#[tokio::test]
async fn one_file_of_a_config_map_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (text("a"), text("b"));
    mount(folder.path(), "v1", &[("policy.toml", &a)]);
    let mut running = Running::start(&folder.path().join("policy.toml")).await;
    mount(folder.path(), "v2", &[("policy.toml", &b)]);
    running.until_in_force(&[&b]).await;
}

#[tokio::test]
async fn a_file_that_is_replaced_by_renaming_is_followed() {
    let (a, b, c) = (text("a"), text("b"), text("c"));
    let folder = folder_with(&[("policy.toml", &a)]);
    let path = folder.path().join("policy.toml");
    let mut running = Running::start(&path).await;
    fs::write(folder.path().join(".policy.toml.swp"), &b).unwrap();
    fs::rename(folder.path().join(".policy.toml.swp"), &path).unwrap();
    running.until_in_force(&[&b]).await;
    // The other way round: the old file is put aside and a new one is written.
    fs::rename(&path, folder.path().join("policy.toml~")).unwrap();
    fs::write(&path, &c).unwrap();
    running.until_in_force(&[&c]).await;
    assert_eq!(running.were_in_force(), hashes(&[&[&c], &[&b], &[&a]]));
}

#[tokio::test]
async fn what_is_half_written_is_waited_for() {
    let (a, b, c) = (text("a"), text("b"), text("c"));
    let folder = folder_with(&[("policy.toml", &a)]);
    let path = folder.path().join("policy.toml");
    let mut running = Running::start(&path).await;
    running.status.mark_unchanged();
    let mut file = OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
    // What stands there now is empty, and then a policy that nobody wants.
    for part in ["", b.as_str()] {
        file.write_all(part.as_bytes()).unwrap();
        file.sync_all().unwrap();
        let nothing = timeout(4 * QUIET, running.status.changed()).await;
        assert!(nothing.is_err() && running.is_in_force(&[&a]), "{part}");
    }
    file.write_all(c.replace("version = 1\n", "").as_bytes()).unwrap();
    drop(file);
    let whole = format!("{b}{}", c.replace("version = 1\n", ""));
    running.until_in_force(&[&whole]).await;
    assert_eq!(running.were_in_force(), hashes(&[&[&whole], &[&a]]));
}

#[tokio::test]
async fn who_never_closes_a_file_is_not_waited_for_forever() {
    let (a, b) = (text("a"), text("b"));
    let folder = folder_with(&[("policy.toml", &a)]);
    let path = folder.path().join("policy.toml");
    let mut running = Running::start(&path).await;
    let mut file = File::create(&path).unwrap();
    file.write_all(b.as_bytes()).unwrap();
    running.until_in_force(&[&b]).await;
    drop(file);
}

#[tokio::test]
async fn a_file_that_vanishes_leaves_its_policy_in_force_and_may_come_back() {
    let a = text("a");
    let folder = folder_with(&[("policy.toml", &a)]);
    let path = folder.path().join("policy.toml");
    let mut running = Running::start(&path).await;
    fs::remove_file(&path).unwrap();
    let status = running.until(|status| status.refused.is_some()).await;
    let refused = status.refused.unwrap();
    assert!(refused.error.starts_with("cannot read the policy") && refused.hash.is_none(), "{refused:?}");
    assert!(running.is_in_force(&[&a]));
    fs::write(&path, &a).unwrap();
    running.until(|status| status.refused.is_none()).await;
    assert_eq!(running.were_in_force(), hashes(&[&[&a]]));
}

#[tokio::test]
async fn a_folder_that_is_deleted_and_made_again_is_followed() {
    let (a, b, c) = (text("a"), text("b"), text("c"));
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("policies");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("1.toml"), &a).unwrap();
    let mut running = Running::start(&folder).await;
    fs::remove_dir_all(&folder).unwrap();
    running.until(|status| status.refused.is_some()).await;
    assert!(running.is_in_force(&[&a]));
    for texts in [&b, &c] {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("1.toml"), texts).unwrap();
        running.until_in_force(&[texts]).await;
    }
    assert_eq!(running.were_in_force(), hashes(&[&[&c], &[&b], &[&a]]));
}

#[tokio::test]
async fn what_no_event_tells_is_found_by_looking() {
    let (a, b) = (text("a"), text("b"));
    let folder = tempfile::tempdir().unwrap();
    for (release, text) in [("1", &a), ("2", &b)] {
        fs::create_dir(folder.path().join(release)).unwrap();
        fs::write(folder.path().join(release).join("policy.toml"), text).unwrap();
    }
    let (current, configured) = (folder.path().join("current"), tempfile::tempdir().unwrap());
    symlink("1", &current).unwrap();
    symlink(current.join("policy.toml"), configured.path().join("policy.toml")).unwrap();
    let mut running = Running::start(&configured.path().join("policy.toml")).await;
    // Neither where the first link lies nor where the file lies does anything change.
    symlink("2", folder.path().join("next")).unwrap();
    fs::rename(folder.path().join("next"), &current).unwrap();
    running.until_in_force(&[&b]).await;
}

#[tokio::test]
async fn a_policy_is_taken_up_from_a_folder_that_is_never_quiet() {
    let (a, b) = (text("a"), text("b"));
    let folder = folder_with(&[("policy.toml", &a)]);
    let mut running = Running::start(&folder.path().join("policy.toml")).await;
    let noise = folder.path().join("noise");
    let busy = AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            fs::write(&noise, "x").unwrap();
            sleep(QUIET / 10).await;
        }
    }));
    fs::write(folder.path().join("policy.toml"), &b).unwrap();
    running.until_in_force(&[&b]).await;
    drop(busy);
}

#[tokio::test]
async fn of_very_many_changes_the_last_is_in_force() {
    let (a, b, last) = (text("a"), text("b"), text("last"));
    let folder = folder_with(&[("policy.toml", &a)]);
    let path = folder.path().join("policy.toml");
    let mut running = Running::start(&path).await;
    let changes = tokio::task::spawn_blocking(move || {
        for round in 0..5_000 {
            fs::write(&path, if round % 2 == 0 { &b } else { &a }).unwrap();
        }
        fs::write(&path, &last).unwrap();
    });
    changes.await.unwrap();
    running.until_in_force(&[&text("last")]).await;
}

#[tokio::test]
async fn a_faulty_policy_is_told_with_all_its_faults_and_mended() {
    let (a, b) = (text("a"), text("b"));
    let folder = folder_with(&[("policy.toml", &a)]);
    let path = folder.path().join("policy.toml");
    let mut running = Running::start(&path).await;
    let faulty = format!("{b}[backend.c]\nprovider = \"nobody\"\n[backend.d]\nprovider = \"openai\"\nmodel = 1\n");
    fs::write(&path, &faulty).unwrap();
    let refused = running.until(|status| status.refused.is_some()).await.refused.unwrap();
    assert_eq!(refused.hash, Some(hash(&[&faulty]).to_string()));
    assert!(refused.faults.len() >= 2, "{refused:?}");
    assert!(refused.faults.iter().any(|fault| fault.line == Some(6) && fault.key == "backend.c.provider"), "{refused:?}");
    assert!(running.is_in_force(&[&a]));
    fs::write(&path, &b).unwrap();
    running.until_in_force(&[&b]).await;
    assert_eq!(running.status.borrow().refused, None);
}

#[tokio::test]
async fn what_failed_for_a_reason_outside_of_the_files_is_tried_again() {
    let a = text("a");
    let folder = folder_with(&[("policy.toml", &a)]);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut running = Running::start(&folder.path().join("policy.toml")).await;
    let authority = elsewhere.path().join("ca.pem");
    let b = format!("{}ca_file = \"{}\"\n", text("b"), authority.display());
    fs::write(folder.path().join("policy.toml"), &b).unwrap();
    running.until(|status| status.refused.is_some()).await;
    fs::copy(Home::at(running.home.path().to_path_buf()).tls_certificate(), &authority).unwrap();
    running.until_in_force(&[&b]).await;
}

#[tokio::test]
async fn the_history_says_why_a_policy_came() {
    let (a, b, c) = (text("a"), text("b"), text("c"));
    let folder = folder_with(&[("policy.toml", &a)]);
    let path = folder.path().join("policy.toml");
    let mut running = Running::start(&path).await;
    let history = History::of(Home::at(running.home.path().to_path_buf()));
    history.intend(hash(&[&b]), Why::Rollback).unwrap();
    fs::write(&path, &b).unwrap();
    running.until_in_force(&[&b]).await;
    // What was said of one policy does not hold for others.
    history.intend(hash(&[&b]), Why::Apply).unwrap();
    fs::write(&path, &c).unwrap();
    running.until_in_force(&[&c]).await;
    let whys: Vec<_> = running.status.borrow().history.iter().map(|past| past.why).collect();
    assert_eq!(whys, [Why::Change, Why::Rollback, Why::Start]);
}
