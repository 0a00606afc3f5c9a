//! Showing that a download moves: bars for a person at a terminal, log lines for everybody else.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Redrawing a spinner more often than this only costs.
const TICK: Duration = Duration::from_millis(120);

/// A log line is due each time that another such part of a file has arrived.
const LOGGED_PARTS: u64 = 4;

const BAR: &str = "  {msg:34!} {bar:28.cyan} {binary_bytes:>10} of {binary_total_bytes} {binary_bytes_per_sec:>12} {eta:>4}";
const SPINNER: &str = "  {msg:34!} {spinner} {elapsed}";

/// Somebody who is told what is being fetched.
pub trait Progress: Sync {
    /// A transfer begins; its meter's end is the transfer's end. `total` is in bytes, if it is known.
    fn begin(&self, name: &str, total: Option<u64>) -> Box<dyn Meter>;

    /// Something worth knowing happened, for example a source failed and the next one is tried.
    fn note(&self, message: &str);
}

/// One transfer.
pub trait Meter {
    /// So many bytes have arrived in all.
    fn at(&mut self, bytes: u64);
}

/// Bars if standard error is a terminal, log lines if not.
pub fn to_stderr() -> Box<dyn Progress + Send> {
    if std::io::stderr().is_terminal() { Box::new(TerminalProgress::default()) } else { Box::new(LogProgress) }
}

/// A bar per transfer on standard error.
#[derive(Debug, Default)]
pub struct TerminalProgress {
    bars: MultiProgress,
}

impl Progress for TerminalProgress {
    fn begin(&self, name: &str, total: Option<u64>) -> Box<dyn Meter> {
        let bar = match total {
            Some(total) => ProgressBar::new(total).with_style(style(BAR)),
            None => ProgressBar::new_spinner().with_style(style(SPINNER)),
        };
        let bar = self.bars.add(bar.with_message(name.to_owned()));
        bar.enable_steady_tick(TICK);
        Box::new(Bar(bar))
    }

    fn note(&self, message: &str) {
        // Standard error is where the bars are; when it is gone, there is nobody to tell.
        let _unseen = self.bars.println(format!("  {message}"));
    }
}

fn style(template: &str) -> ProgressStyle {
    #[expect(clippy::expect_used, reason = "both templates are constants, and a test draws them")]
    ProgressStyle::with_template(template).expect("the template is valid")
}

struct Bar(ProgressBar);

impl Meter for Bar {
    fn at(&mut self, bytes: u64) {
        self.0.set_position(bytes);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A log line at the begin and at each quarter of a transfer.
#[derive(Debug, Default, Clone, Copy)]
pub struct LogProgress;

impl Progress for LogProgress {
    fn begin(&self, name: &str, total: Option<u64>) -> Box<dyn Meter> {
        tracing::info!(file = name, bytes = total, "fetching");
        Box::new(Lines { name: name.to_owned(), total, logged: 0 })
    }

    fn note(&self, message: &str) {
        tracing::warn!("{message}");
    }
}

struct Lines {
    name: String,
    total: Option<u64>,
    logged: u64,
}

impl Meter for Lines {
    fn at(&mut self, bytes: u64) {
        let Some(total) = self.total.filter(|total| *total > 0) else {
            return;
        };
        let part = bytes.saturating_mul(LOGGED_PARTS) / total;
        if part > self.logged {
            self.logged = part;
            tracing::info!(file = self.name, percent = bytes.saturating_mul(100) / total, "fetching");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_and_a_spinner_can_be_drawn() {
        let progress = TerminalProgress::default();
        progress.begin("weights", Some(10)).at(5);
        progress.begin("package", None).at(5);
    }
}
