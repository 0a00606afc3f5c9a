//! The decisions that the gateway recorded of one run.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use crate::Failure;
use crate::gateway::Gateway;

/// How long records may take to be written: they are, by a thread of its own, some milliseconds after the answer.
const WRITTEN: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

/// What is needed of a record.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Record {
    id: String,
    /// When the request came.
    pub(crate) at: String,
    #[serde(default)]
    attempts: Vec<Attempt>,
    pub(crate) first_token_s: Option<f64>,
    pub(crate) cost_nano_usd: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
struct Attempt {
    backend: String,
}

impl Record {
    /// Where it went first.
    pub(crate) fn went(&self) -> Option<&str> {
        self.attempts.first().map(|attempt| attempt.backend.as_str())
    }
}

/// The records of these requests, in their order; their lines go to `file`, for the gateway to plan by.
pub(crate) async fn taken(ids: Vec<String>, gateway: &Gateway, file: &Path) -> Result<Vec<Record>, Failure> {
    let deadline = Instant::now() + WRITTEN;
    loop {
        let mut found = read(&gateway.decisions())?;
        let taken: Vec<(Record, String)> = ids.iter().filter_map(|id| found.remove(id)).collect();
        if taken.len() == ids.len() {
            let mut log = std::io::BufWriter::new(std::fs::File::create(file)?);
            taken.iter().try_for_each(|(_, line)| writeln!(log, "{line}"))?;
            log.flush()?;
            return Ok(taken.into_iter().map(|(record, _)| record).collect());
        }
        if Instant::now() > deadline {
            return Err(format!("the gateway recorded {} of {} decisions", taken.len(), ids.len()).into());
        }
        tokio::time::sleep(POLL).await;
    }
}

/// All whole lines of a log, by the requests' ids.
fn read(folder: &Path) -> Result<HashMap<String, (Record, String)>, Failure> {
    let mut found = HashMap::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "jsonl") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        // The last line may be half written.
        let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
        for line in whole.lines() {
            let record: Record = serde_json::from_str(line).map_err(|error| format!("{}: {error}", path.display()))?;
            found.insert(record.id.clone(), (record, line.to_owned()));
        }
    }
    Ok(found)
}

/// The share of requests that went elsewhere in the second run than in the first. Choices among near-equals are drawn by lot, so this is not zero for
/// the same policy.
pub(crate) fn moved(before: &[Record], after: &[Record]) -> f64 {
    let moved = before.iter().zip(after).filter(|(before, after)| before.went() != after.went()).count();
    moved as f64 / before.len().max(1) as f64
}
