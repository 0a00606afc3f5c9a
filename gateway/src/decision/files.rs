//! The log as files, each named by the time it was begun at: `decisions-20260131T080000.000Z.jsonl`.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tradewind_policies::decision::Moment;

/// After a failed write, the disk is left alone for so long.
const PAUSE: Duration = Duration::from_secs(5);
const BEGIN: &str = "decisions-";
const END: &str = ".jsonl";

/// How large and how old the files may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A file of so many bytes is followed by a new one.
    pub file_bytes: u64,
    /// So is one of this age.
    pub file_age: Duration,
    /// Bytes of all files together: the oldest are removed to keep to that.
    pub total_bytes: u64,
    /// A file to which nothing was written for so long is removed.
    pub keep: Duration,
}

/// One file of the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    /// When it was begun.
    pub begun: Moment,
    /// Where it is.
    pub path: PathBuf,
}

/// The files of the log in `dir`, the oldest first. A folder that is not there has none.
///
/// # Errors
/// The folder cannot be read.
pub fn segments(dir: &Path) -> io::Result<Vec<Segment>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut segments = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if let Some(begun) = path.file_name().and_then(|name| name.to_str()).and_then(begun) {
            segments.push(Segment { begun, path });
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

/// `20260131T080000.000Z`: RFC 3339 without what file systems dislike.
fn name(begun: Moment) -> String {
    let text = begun.to_string();
    // Of the microseconds, the first three digits.
    let text: String = text.chars().take("2026-01-31T08:00:00.000".len()).filter(|letter| !matches!(letter, '-' | ':')).collect();
    format!("{BEGIN}{text}Z{END}")
}

fn begun(file: &str) -> Option<Moment> {
    let text = file.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let part = |from: usize, to: usize| text.get(from..to);
    let (date, time) = ((part(0, 4)?, part(4, 6)?, part(6, 8)?), (part(9, 11)?, part(11, 13)?, part(13, text.len())?));
    let moment = format!("{}-{}-{}T{}:{}:{}", date.0, date.1, date.2, time.0, time.1, time.2).parse().ok()?;
    // What else looks like it is somebody else's.
    (name(moment) == file).then_some(moment)
}

/// The files as the one writer sees them.
#[derive(Debug)]
pub(super) struct Rolling {
    dir: PathBuf,
    limits: Limits,
    current: Option<Current>,
    /// After a failed write, when to try again.
    retry_at: Option<SystemTime>,
}

#[derive(Debug)]
struct Current {
    file: File,
    begun: SystemTime,
    bytes: u64,
}

impl Rolling {
    pub(super) fn new(dir: PathBuf, limits: Limits) -> Self {
        Self { dir, limits, current: None, retry_at: None }
    }

    /// Appends whole lines at `now`.
    ///
    /// # Errors
    /// The file system says no, or said so lately; part of the lines may be in the file all the same.
    pub(super) fn append(&mut self, lines: &[u8], now: SystemTime) -> io::Result<()> {
        if self.retry_at.is_some_and(|at| now < at) {
            return Err(io::Error::other("the last write failed a moment ago"));
        }
        let written = self.try_append(lines, now);
        self.retry_at = written.is_err().then_some(now + PAUSE);
        written
    }

    fn try_append(&mut self, lines: &[u8], now: SystemTime) -> io::Result<()> {
        let mut current = match self.current.take().filter(|current| self.has_room(current, now)) {
            Some(current) => current,
            None => self.begin(now)?,
        };
        // On an error the file is left as it is: a torn line is its last, and the next record is in another file.
        current.file.write_all(lines)?;
        current.bytes += lines.len() as u64;
        self.current = Some(current);
        Ok(())
    }

    fn has_room(&self, current: &Current, now: SystemTime) -> bool {
        let age = now.duration_since(current.begun).unwrap_or_default();
        current.bytes < self.limits.file_bytes && age < self.limits.file_age
    }

    fn begin(&mut self, now: SystemTime) -> io::Result<Current> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        self.prune(now);
        let mut options = OpenOptions::new();
        let file = options.append(true).create(true).mode(0o600).open(self.dir.join(name(now.into())))?;
        let bytes = file.metadata()?.len();
        Ok(Current { file, begun: now, bytes })
    }

    /// Removes files that are too old, and the oldest of those that are too much. What cannot be removed is told, and tried again later.
    pub(super) fn prune(&self, now: SystemTime) {
        if let Err(error) = self.try_prune(now) {
            tracing::warn!(%error, dir = %self.dir.display(), "old files of the decision log cannot be removed");
        }
    }

    fn try_prune(&self, now: SystemTime) -> io::Result<()> {
        // The next one may grow to its limit.
        let mut bytes = self.limits.file_bytes;
        for segment in segments(&self.dir)?.iter().rev() {
            let metadata = fs::metadata(&segment.path)?;
            let age = now.duration_since(metadata.modified()?).unwrap_or_default();
            bytes = bytes.saturating_add(metadata.len());
            if bytes > self.limits.total_bytes || age > self.limits.keep {
                fs::remove_file(&segment.path)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kept for longer than the tests' clock is ahead of the file system's.
    const LIMITS: Limits = Limits {
        file_bytes: 100,
        file_age: Duration::from_secs(3600),
        total_bytes: 350,
        keep: Duration::from_secs(3660 * 86_400),
    };

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    fn names(dir: &Path) -> Vec<String> {
        let name = |segment: Segment| segment.path.file_name().unwrap().to_str().unwrap().to_owned();
        segments(dir).unwrap().into_iter().map(name).collect()
    }

    #[test]
    fn a_file_that_is_full_or_old_is_followed_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Rolling::new(folder.path().join("decisions"), LIMITS);
        let line = [b'x'; 60];
        for seconds in [0, 1, 2, 3602, 3603] {
            files.append(&line, at(seconds)).unwrap();
        }
        let names = names(&folder.path().join("decisions"));
        let begun = ["20270115T080000.000Z", "20270115T080002.000Z", "20270115T090002.000Z"];
        assert_eq!(names, begun.map(|begun| format!("decisions-{begun}.jsonl")));
    }

    #[test]
    fn the_oldest_files_make_room_and_files_of_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("decisions-tomorrow.jsonl"), [b'x'; 900]).unwrap();
        let mut files = Rolling::new(folder.path().to_path_buf(), LIMITS);
        for seconds in 0..20 {
            files.append(&[b'x'; 100], at(seconds)).unwrap();
        }
        assert_eq!(names(folder.path()).len(), 3);
        assert!(names(folder.path())[0].contains("T080017"), "{:?}", names(folder.path()));
        assert!(folder.path().join("decisions-tomorrow.jsonl").exists());
    }

    #[test]
    fn what_was_not_written_to_for_long_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let mut files = Rolling::new(folder.path().to_path_buf(), LIMITS);
        files.append(b"{}\n", at(0)).unwrap();
        let [segment] = segments(folder.path()).unwrap().try_into().unwrap();
        let written = fs::metadata(&segment.path).unwrap().modified().unwrap();
        files.prune(written + LIMITS.keep);
        assert!(segment.path.exists());
        files.prune(written + LIMITS.keep + Duration::from_secs(1));
        assert!(!segment.path.exists());
    }

    #[test]
    fn a_disk_that_says_no_is_asked_again_after_a_pause_and_in_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("decisions");
        fs::write(&dir, "a file where the folder should be").unwrap();
        let mut files = Rolling::new(dir.clone(), LIMITS);
        assert!(files.append(b"{}\n", at(0)).is_err());
        fs::remove_file(&dir).unwrap();
        assert!(files.append(b"{}\n", at(4)).is_err(), "it is left alone for a while");
        files.append(b"{}\n", at(5)).unwrap();
        assert_eq!(names(&dir), ["decisions-20270115T080005.000Z.jsonl"]);
    }
}
