//! Which files were found right, so that a start does not hash hundreds of megabytes again.
//!
//! A file counts as unchanged while size and modification time are those of the moment when it was verified. That
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
}

/// What a file in the cache is found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Its digest is the manifest's.
    Right,
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

    /// Whether the file is present and right. One that is present and wrong is removed.
    pub(super) fn check(&mut self, file: &File) -> io::Result<bool> {
        let path = self.folder.join(file.name.as_str());
        let stamp = match Stamp::of(&path, file) {
            Ok(stamp) => stamp,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        if self.stamps.get(file.name.as_str()) == Some(&stamp) {
            return Ok(true);
        }
        if digest_of(&path)? != file.sha256 {
            tracing::warn!(path = %path.display(), "a cached model file is damaged and will be fetched again");
            fs::remove_file(&path)?;
            return Ok(false);
        }
        self.stamps.insert(file.name.to_string(), stamp);
        self.save()?;
        Ok(true)
    }

    /// Whether the file is present and looks as it did when it was found right. Nothing is read of it.
    pub(super) fn looks_right(&self, file: &File) -> io::Result<bool> {
        match Stamp::of(&self.folder.join(file.name.as_str()), file) {
            Ok(stamp) => Ok(self.stamps.get(file.name.as_str()) == Some(&stamp)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What the file's bytes are found to be, all of which are read. Nothing is removed.
    pub(super) fn read(&self, file: &File) -> io::Result<Condition> {
        match digest_of(&self.folder.join(file.name.as_str())) {
            Ok(actual) if actual == file.sha256 => Ok(Condition::Right),
            Ok(actual) => Ok(Condition::Wrong { actual }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Condition::Missing),
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

impl Stamp {
    fn of(path: &Path, file: &File) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        let modified = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(Self { sha256: file.sha256.to_string(), size: metadata.len(), modified_ns: modified.as_nanos() })
    }
}
