//! Finds one request in the log.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use memchr::memmem::Finder;
use tradewind_policies::decision::{Decision, InvalidLine, Moment};

use super::read::{Period, files_of};

const PREFIX: &str = "req_";
const DIGITS: usize = 32;
/// The first digits of an id tell the time, in milliseconds.
const TIME: usize = 12;

/// Why a request is not found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// It is no id of a request.
    #[error("`{0}` is no request's id; accepted is that of the response header x-request-id: `req_` and 32 hexadecimal digits")]
    NoId(String),
    /// The log does not have it.
    #[error("the decision log in {} does not have {id}: it is too old, was not sampled, is not over yet, or asked for no model", dir.display())]
    NotThere {
        /// The request.
        id: String,
        /// The log.
        dir: PathBuf,
    },
    /// The log cannot be read.
    #[error("cannot read the decision log in {}: {reason}", dir.display())]
    Io {
        /// The log.
        dir: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// Its record is damaged.
    #[error("the record of {id} cannot be read: {reason}")]
    Damaged {
        /// The request.
        id: String,
        /// What is wrong with it.
        reason: InvalidLine,
    },
}

/// The decision of the request of that id, from the log in `dir`. An id tells when its request began, so that few files are looked at.
///
/// # Errors
/// [`FindError`].
pub fn find(dir: &Path, id: &str) -> Result<Decision, FindError> {
    let at = moment(id).ok_or_else(|| FindError::NoId(id.chars().take(80).collect()))?;
    let io = |reason| FindError::Io { dir: dir.to_path_buf(), reason };
    let finder = Finder::new(id.as_bytes());
    // The clock may have been set back by a little meanwhile.
    let since = Moment::from_micros(at.micros().saturating_sub(60_000_000));
    let period = Period { since: Some(since), until: Some(at) };
    for path in files_of(dir, &period).map_err(io)? {
        let text = std::fs::read(path).map_err(io)?;
        let mut places = finder.find_iter(&text);
        if let Some(line) = places.find_map(|place| line_with_id(&text, place, id)) {
            return Decision::from_line(line).map_err(|reason| FindError::Damaged { id: id.to_owned(), reason });
        }
    }
    Err(FindError::NotThere { id: id.to_owned(), dir: dir.to_path_buf() })
}

/// The line around that place, if the id there is that of the request it is about.
fn line_with_id<'t>(text: &'t [u8], place: usize, id: &str) -> Option<&'t [u8]> {
    let begin = text.get(..place)?.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let rest = text.get(begin..)?;
    let line = rest.get(..rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()))?;
    let key = format!("\"id\":\"{id}\"");
    Finder::new(key.as_bytes()).find(line).map(|_| line)
}

/// When the request of that id began.
fn moment(id: &str) -> Option<Moment> {
    let digits =
        id.strip_prefix(PREFIX).filter(|digits| digits.len() == DIGITS && digits.bytes().all(|d| d.is_ascii_hexdigit()))?;
    let milliseconds = u64::from_str_radix(digits.get(..TIME)?, 16).ok()?;
    Some(Moment::from_micros(u64::try_from(Duration::from_millis(milliseconds).as_micros()).ok()?))
}
