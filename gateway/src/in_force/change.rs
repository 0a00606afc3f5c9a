//! A change of several files of a folder as one.
//!
//! Files are renamed one by one, so there is a time in which some are old and some are new, and no end of it where the power fails then. So
//! what the folder is going to hold is written first, into one hidden file beside the others. From the moment that it has its name, it is the
//! policy: whoever reads the folder takes it for that, until the last file is in its place and the hidden one is removed. That works in any
//! folder that can be written to, a mounted one too, and asks nothing of who made it.
//!
//! A file that is neither what it was nor what it is to be was changed by somebody else since. What they meant is not guessed at.

use std::{collections::BTreeMap, fs, io, os::unix::fs::PermissionsExt, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    read::{PolicyFile, PolicyFiles, ReadError, Stamp, list},
    write::{Staged, WriteError},
};

/// The hidden file. It is no policy file by its name.
const NAME: &str = ".tradewind-change.json";
/// What it is written as. A later format has another number, and is not guessed at.
const VERSION: u32 = 1;
/// As policy files usually are; less where one of them is kept from others.
const USUAL_MODE: u32 = 0o644;

/// A change that was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    version: u32,
    /// The files there were.
    before: BTreeMap<String, Stamp>,
    /// The files that are to be there.
    after: Vec<PolicyFile>,
}

impl Change {
    /// Begins the change of the policy in `folder` to `new`: from now on, that is the policy.
    pub(super) fn begin(folder: &Path, new: &PolicyFiles) -> Result<(), WriteError> {
        let at = folder.join(NAME);
        let (_, found) = list(folder).map_err(|error| WriteError::at(folder)(io::Error::other(error)))?;
        let modes = found.iter().filter_map(|(path, _)| Some(fs::metadata(path).ok()?.permissions().mode()));
        let mode = modes.fold(USUAL_MODE, |all, mode| all & mode);
        let before = found.into_iter().map(|(path, stamp)| (name(&path), stamp)).collect();
        let change = Self { version: VERSION, before, after: new.files.clone() };
        let text = serde_json::to_string(&change).map_err(|error| WriteError::at(&at)(error.into()))?;
        Staged::with_mode(&at, &text, mode)?.put()
    }

    /// All files are in their places.
    pub(super) fn end(folder: &Path) -> Result<(), WriteError> {
        let at = folder.join(NAME);
        fs::remove_file(&at).map_err(WriteError::at(&at))
    }

    /// Whether a change of this folder has not ended.
    pub(super) fn is_under_way(folder: &Path) -> bool {
        fs::symlink_metadata(folder.join(NAME)).is_ok()
    }

    /// The change of this folder that has not ended, if there is one.
    pub(super) fn of(folder: &Path) -> Result<Option<Self>, ReadError> {
        let at = folder.join(NAME);
        let text = match fs::read_to_string(&at) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ReadError::at(&at)(error)),
        };
        let known = serde_json::from_str(&text).ok().filter(|change: &Self| change.version == VERSION);
        known.map(Some).ok_or(ReadError::UnknownChange(at))
    }

    /// What the policy is, where these are the files that are there.
    pub(super) fn resolve(self, folder: &Path, found: &[(PolicyFile, Stamp)]) -> Result<Vec<PolicyFile>, ReadError> {
        let is_before = |file: &PolicyFile, stamp: &Stamp| self.before.get(&file.name) == Some(stamp);
        let changed = found.iter().find(|(file, stamp)| !self.after.contains(file) && !is_before(file, stamp));
        let is_there = |name: &String| found.iter().any(|(file, _)| file.name == *name);
        let kept = self.after.iter().map(|file| &file.name).filter(|name| self.before.contains_key(*name));
        let changed = changed.map(|(file, _)| &file.name).or_else(|| kept.into_iter().find(|name| !is_there(name)));
        match changed {
            Some(name) => Err(ReadError::Interrupted { file: folder.join(name), change: folder.join(NAME) }),
            None => Ok(self.after),
        }
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::{
        path::PathBuf,
        sync::atomic::{AtomicBool, Ordering},
    };

    use super::{
        super::{read, read::Shape, write},
        *,
    };

    fn files(texts: &[(&str, &str)]) -> PolicyFiles {
        let files = texts.iter().map(|(name, text)| PolicyFile { name: (*name).to_owned(), text: (*text).to_owned() });
        PolicyFiles { shape: Shape::Folder, files: files.collect() }
    }

    fn folder_with(files: &PolicyFiles) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in &files.files {
            fs::write(folder.path().join(&file.name), &file.text).unwrap();
        }
        folder
    }

    #[test]
    fn a_change_that_was_begun_counts_however_far_it_came_and_the_next_one_ends_it() {
        let (old, new) =
            (files(&[("a.toml", "1"), ("b.toml", "1"), ("gone.toml", "1")]), files(&[("a.toml", "2"), ("b.toml", "2")]));
        let folder = folder_with(&old);
        let path = folder.path();
        assert_eq!(read(path).unwrap(), old);
        Change::begin(path, &new).unwrap();
        assert_eq!(read(path).unwrap(), new, "nothing is in its place");
        fs::write(path.join("waiting"), "2").unwrap();
        fs::rename(path.join("waiting"), path.join("a.toml")).unwrap();
        assert_eq!(read(path).unwrap(), new, "one file is in its place");
        fs::remove_file(path.join("gone.toml")).unwrap();
        assert_eq!(read(path).unwrap(), new);
        write(path, &old).unwrap();
        assert_eq!(read(path).unwrap(), old);
        assert!(!Change::is_under_way(path));
        let mut names: Vec<_> = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["a.toml", "b.toml", "gone.toml"]);
    }

    #[test]
    fn a_file_that_somebody_changed_since_is_not_guessed_at() {
        let (old, new) = (files(&[("a.toml", "1"), ("b.toml", "1")]), files(&[("a.toml", "2"), ("b.toml", "2")]));
        for meddle in [
            |path: &Path| fs::write(path.join("b.toml"), "3"),
            |path: &Path| fs::write(path.join("c.toml"), "3"),
            |path: &Path| fs::remove_file(path.join("b.toml")),
        ] {
            let folder = folder_with(&old);
            let path = folder.path();
            Change::begin(path, &new).unwrap();
            meddle(path).unwrap();
            let error = read(path).unwrap_err().to_string();
            assert!(error.contains("apply a policy again, or remove") && error.contains(NAME), "{error}");
            fs::remove_file(path.join(NAME)).unwrap();
            assert!(read(path).is_ok());
        }
    }

    #[test]
    fn what_is_kept_from_others_is_kept_from_them_while_it_changes() {
        let old = files(&[("a.toml", "1"), ("b.toml", "1")]);
        let folder = folder_with(&old);
        fs::set_permissions(folder.path().join("a.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        Change::begin(folder.path(), &old).unwrap();
        assert_eq!(fs::metadata(folder.path().join(NAME)).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn whoever_reads_meanwhile_finds_the_old_files_or_the_new_ones() {
        let numbered = |text: &str| files(&["a.toml", "b.toml", "c.toml", "d.toml"].map(|name| (name, text)));
        let (one, two) = (numbered("1"), numbered("2"));
        let folder = folder_with(&one);
        let path: PathBuf = folder.path().to_path_buf();
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let reading = scope.spawn(|| {
                let mut seen = 0;
                while !is_done.load(Ordering::Relaxed) || seen == 0 {
                    match read(&path) {
                        Ok(found) => {
                            assert!(found == one || found == two, "{found:?}");
                            seen += 1;
                        }
                        Err(ReadError::Restless(_)) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
            for round in 0..200 {
                write(&path, if round % 2 == 0 { &two } else { &one }).unwrap();
            }
            is_done.store(true, Ordering::Relaxed);
            reading.join().unwrap();
        });
    }
}
