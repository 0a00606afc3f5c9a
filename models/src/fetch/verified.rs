//! Which files were found right, so that a start does not hash hundreds of megabytes again.
//!
//! A file counts as unchanged while place, inode, size and modification time are those of the moment when it was verified. That
//! notices accidents, not an attacker who can write to the cache; such a one could as well replace the binary.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::part::digest_of;
use crate::manifest::{File, Sha256};

const NAME: &str = ".verified.json";

/// The stamps of a folder.
#[derive(Debug)]
pub(super) struct Verified {
    folder: PathBuf,
    stamps: BTreeMap<String, Stamp>,
}

/// What a file looked like when its digest was right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    sha256: String,
    size: u64,
    modified_ns: u128,
    #[serde(default)]
    inode: u64,
    /// Of a file that does not lie in the cache.
    #[serde(default)]
    path: Option<PathBuf>,
}

/// What a file in the cache is found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Its digest is the manifest's.
    Right,
    /// The manifest states no digest.
    Unstated {
        /// It has this.
        actual: Sha256,
    },
    /// It has another digest.
    Wrong {
        /// This.
        actual: Sha256,
    },
    /// It is not there.
    Missing,
}

impl Verified {
    pub(super) fn load(folder: &Path) -> io::Result<Self> {
        let stamps = match fs::read(folder.join(NAME)) {
            // Stamps only save time: unreadable ones are as good as none.
            Ok(json) => serde_json::from_slice(&json).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { folder: folder.to_owned(), stamps })
    }

    /// Whether the file is in the cache and right. One that is there and wrong is removed.
    pub(super) fn check(&mut self, file: &File) -> io::Result<bool> {
        let path = self.folder.join(file.name.as_str());
        match self.is_right(file, &path, None) {
            Ok(is_right) if !is_right => {
                tracing::warn!(path = %path.display(), "a cached model file is damaged and will be fetched again");
                fs::remove_file(&path)?;
                Ok(false)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            other => other,
        }
    }

    /// Whether the file at this place, which is not the cache's, is right: as the manifest states, or, where it states nothing, as it is.
    pub(super) fn check_in_place(&mut self, file: &File, path: &Path) -> io::Result<bool> {
        self.is_right(file, path, Some(path))
    }

    fn is_right(&mut self, file: &File, path: &Path, place: Option<&Path>) -> io::Result<bool> {
        let found = Stamp::of(path, place)?;
        let known = self.stamps.get(file.name.as_str());
        if let Some(known) = known.filter(|known| found.is_unchanged(known)) {
            return Ok(file.sha256.is_none_or(|stated| known.sha256 == stated.to_string()));
        }
        let actual = digest_of(path)?;
        if file.sha256.is_some_and(|stated| stated != actual) {
            return Ok(false);
        }
        if file.sha256.is_none() && known.is_some_and(|known| known.sha256 != actual.to_string()) {
            tracing::warn!(path = %path.display(), sha256 = %actual, "a model file whose digest no manifest states has changed");
        }
        self.stamps.insert(file.name.to_string(), Stamp { sha256: actual.to_string(), ..found });
        self.save()?;
        Ok(true)
    }

    /// Whether the file is in the cache and looks as it did when it was found right. Nothing is read of it.
    pub(super) fn looks_right(&self, file: &File) -> io::Result<bool> {
        match Stamp::of(&self.folder.join(file.name.as_str()), None) {
            Ok(found) => {
                let known = self.stamps.get(file.name.as_str()).filter(|known| found.is_unchanged(known));
                Ok(known.is_some_and(|known| file.sha256.is_none_or(|stated| known.sha256 == stated.to_string())))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn save(&self) -> io::Result<()> {
        let json = serde_json::to_vec_pretty(&self.stamps)?;
        let new = self.folder.join(format!("{NAME}.part"));
        fs::write(&new, json)?;
        fs::rename(new, self.folder.join(NAME))
    }
}

/// What a file's bytes are found to be, all of which are read. Nothing is removed.
pub(super) fn read(file: &File, path: &Path) -> io::Result<Condition> {
    match (digest_of(path), file.sha256) {
        (Ok(actual), None) => Ok(Condition::Unstated { actual }),
        (Ok(actual), Some(stated)) if actual == stated => Ok(Condition::Right),
        (Ok(actual), Some(_)) => Ok(Condition::Wrong { actual }),
        (Err(error), _) if error.kind() == io::ErrorKind::NotFound => Ok(Condition::Missing),
        (Err(error), _) => Err(error),
    }
}

impl Stamp {
    /// What the file looks like; its digest is not known yet.
    fn of(path: &Path, place: Option<&Path>) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self {
            sha256: String::new(),
            size: metadata.len(),
            modified_ns: modified.as_nanos(),
            inode: inode(&metadata),
            path: place.map(Path::to_owned),
        })
    }

    /// Whether it looks as it did.
    fn is_unchanged(&self, known: &Self) -> bool {
        *self == Self { sha256: String::new(), ..known.clone() }
    }
}

#[cfg(unix)]
fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &fs::Metadata) -> u64 {
    0
}
