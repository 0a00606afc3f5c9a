//! Folders and files that only their owner may touch, written whole or not at all.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::HomeError;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// The owner alone.
    Private,
    /// Anyone who gets into the folder.
    Public,
}

/// Makes the folder, with its parents, for its owner alone; an existing one is left as it is.
pub(super) fn make_folder(path: &Path) -> Result<(), HomeError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(HomeError::io("create", path))
}

pub(super) fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Writes the file so that its place holds the old content or all of the new, also after a crash.
pub(super) fn write(path: &Path, content: &str, access: Access) -> Result<(), HomeError> {
    replace(path, content, access).map_err(HomeError::io("write", path))
}

fn replace(path: &Path, content: &str, access: Access) -> io::Result<()> {
    let partial = path.with_added_extension("partial");
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {} // a crash's leftover, or none; the directory's lock says that nobody is writing it
    }
    let mode = match access {
        Access::Private => 0o600,
        Access::Public => 0o644,
    };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&partial)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&partial, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Removes the file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), HomeError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(HomeError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

/// The names in the folder, of which there are none where there is no such folder.
pub(super) fn list(path: &Path) -> Result<Vec<String>, HomeError> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(HomeError::io("list", path)(error)),
    };
    let name = |entry: io::Result<std::fs::DirEntry>| entry.map(|entry| entry.file_name().to_string_lossy().into_owned());
    entries.map(name).collect::<io::Result<_>>().map_err(HomeError::io("list", path))
}

/// The file's text, or `None` where there is no such file.
pub(super) fn read(path: &Path, access: Access) -> Result<Option<String>, HomeError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(HomeError::damaged(path, "is not text"));
        }
        Err(error) => return Err(HomeError::io("read", path)(error)),
    };
    if access == Access::Private {
        let metadata = std::fs::metadata(path).map_err(HomeError::io("read the mode of", path))?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(HomeError::Exposed { path: path.to_path_buf(), mode });
        }
    }
    Ok(Some(text))
}
