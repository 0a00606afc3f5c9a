//! The files of a policy, as they were at one moment.
//!
//! A folder may be changed while it is read: Kubernetes swaps all files of a `ConfigMap` at once, an editor replaces one after the other.
//! Half of the old and half of the new would be a policy that nobody wrote, so what was read counts only if all files are afterwards
//! still those that were opened. Where a [`Change`] of ours is under way, that says what the policy is.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tradewind_policies::{PolicyHash, SourceFile};

use super::change::Change;

/// How often files that change while they are read are read again. Each time takes less than a millisecond.
const ATTEMPTS: usize = 10;

/// Whether a policy is one file or a folder of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One file.
    File,
    /// The `.toml` files of a folder.
    Folder,
}

/// One file of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFile {
    /// Its name in its folder.
    pub name: String,
    /// Its whole text.
    pub text: String,
}

/// The files of a policy, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyFiles {
    /// Whether there may be several.
    pub shape: Shape,
    /// At least one.
    pub files: Vec<PolicyFile>,
}

/// Why there is no policy to be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file cannot be read.
    #[error("cannot read the policy {}: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// A folder without a policy in it.
    #[error("the policy folder {} holds no .toml file", .0.display())]
    NoFiles(PathBuf),
    /// Somebody changed a file while a change of all of them was under way.
    #[error(
        "`tradewind policy apply` or `rollback` was interrupted, and {} was changed since: apply a policy again, or remove {} to go by the files \
         as they are",
        file.display(),
        change.display()
    )]
    Interrupted {
        /// The file.
        file: PathBuf,
        /// What says which change that was.
        change: PathBuf,
    },
    /// A change is under way that cannot be understood.
    #[error("{} is of no version of `tradewind` that is known here; remove it to go by the files as they are", .0.display())]
    UnknownChange(PathBuf),
    /// It was changed each time it was being read.
    #[error("the policy {} changes faster than it can be read; replace its files at once, by renaming", .0.display())]
    Restless(PathBuf),
}

impl ReadError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Unreadable { path: path.to_path_buf(), source }
    }
}

/// Reads the policy in the file, or in the `.toml` files of the folder, in the order of their names.
///
/// # Errors
/// [`ReadError`], of the last attempt.
pub fn read(path: &Path) -> Result<PolicyFiles, ReadError> {
    let mut last = ReadError::Restless(path.to_path_buf());
    for _ in 0..ATTEMPTS {
        match read_once(path) {
            Ok(Some(files)) => return Ok(files),
            Ok(None) => last = ReadError::Restless(path.to_path_buf()),
            // A file that was listed and is gone is a change like any other; one that stays away is found so each time.
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Nothing, if the files were changed meanwhile.
fn read_once(path: &Path) -> Result<Option<PolicyFiles>, ReadError> {
    let (shape, before) = list(path)?;
    let change = match shape {
        Shape::File => None,
        Shape::Folder => Change::of(path)?,
    };
    let mut found = Vec::with_capacity(before.len());
    for (path, stamp) in &before {
        let text = fs::read_to_string(path).map_err(ReadError::at(path))?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        found.push((PolicyFile { name, text }, stamp.clone()));
    }
    let is_as_before = list(path)? == (shape, before) && (shape == Shape::File || Change::of(path)? == change);
    if !is_as_before {
        return Ok(None);
    }
    let files: Vec<_> = match change {
        Some(change) => change.resolve(path, &found)?,
        None => found.into_iter().map(|(file, _)| file).collect(),
    };
    if files.is_empty() {
        return Err(ReadError::NoFiles(path.to_path_buf()));
    }
    Ok(Some(PolicyFiles { shape, files }))
}

/// What changes when a file is written or replaced, also through a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    place: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(found: &fs::Metadata) -> Self {
        Self {
            place: (found.dev(), found.ino()),
            length: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

pub(super) fn list(path: &Path) -> Result<(Shape, Vec<(PathBuf, Stamp)>), ReadError> {
    let found = fs::metadata(path).map_err(ReadError::at(path))?;
    if !found.is_dir() {
        return Ok((Shape::File, vec![(path.to_path_buf(), Stamp::of(&found))]));
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(ReadError::at(path))? {
        let entry = entry.map_err(ReadError::at(path))?;
        if is_policy(&entry.file_name().to_string_lossy()) {
            let path = entry.path();
            // A link that leads nowhere is a file that is missing: the others alone would be another policy.
            let found = fs::metadata(&path).map_err(ReadError::at(&path))?;
            if !found.is_dir() {
                files.push((path, Stamp::of(&found)));
            }
        }
    }
    files.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok((Shape::Folder, files))
}

/// Whether a file of that name, in a folder, is one of a policy's. Names that begin with a dot are an editor's, or Kubernetes' own.
pub(super) fn is_policy(name: &str) -> bool {
    !name.starts_with('.') && name.ends_with(".toml")
}

impl PolicyFiles {
    /// The files with the names that messages should show, where the policy is at `path`.
    #[must_use]
    pub fn sources(&self, path: &Path) -> Vec<SourceFile> {
        let name = |file: &PolicyFile| match self.shape {
            Shape::File => path.display().to_string(),
            Shape::Folder => path.join(&file.name).display().to_string(),
        };
        self.files.iter().map(|file| SourceFile::new(name(file), file.text.clone())).collect()
    }

    /// The hash of the policy that they are.
    #[must_use]
    pub fn hash(&self) -> PolicyHash {
        PolicyHash::of_files(&self.sources(Path::new("")))
    }

    /// The names of the files.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.files.iter().map(|file| file.name.clone()).collect()
    }
}
