//! What is told of the log's own troubles: every record in the metrics, and each trouble once in the gateway's log.

use std::io;

use metrics::Counter;

/// Whether the last write failed.
pub(super) struct Told {
    written: Counter,
    dropped: Counter,
    is_failing: bool,
}

impl Told {
    /// Counts in these.
    pub(super) const fn new(written: Counter, dropped: Counter) -> Self {
        Self { written, dropped, is_failing: false }
    }

    /// So many records were written, or dropped.
    pub(super) fn tell(&mut self, records: u64, written: &io::Result<()>) {
        let counter = if written.is_ok() { &self.written } else { &self.dropped };
        counter.increment(records);
        match written {
            Ok(()) if self.is_failing => tracing::info!("the decision log can be written again"),
            Err(error) if !self.is_failing => {
                tracing::warn!(%error, "the decision log cannot be written: its records are dropped until it can");
            }
            Ok(()) | Err(_) => {}
        }
        self.is_failing = written.is_err();
    }
}
