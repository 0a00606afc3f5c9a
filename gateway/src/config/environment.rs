//! The environment variables that configure the gateway, read once.
//!
//! They arrive as a value so that the rest of the program, and every test, sees one fixed set: a process has only
//! one environment, and tests run side by side in it.

use std::path::PathBuf;

/// The variables Tradewind reads. An empty variable counts as not set.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `TRADEWIND_HOME`: wins over the file, loses to `--home`.
    pub home: Option<PathBuf>,
    /// `TRADEWIND_MODELS`: the model cache; wins over the file.
    pub models: Option<PathBuf>,
    /// `RUST_LOG`: the log filter; wins over the file.
    pub log: Option<String>,
}

impl Environment {
    /// Those of this process.
    pub fn of_process() -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            home: path("TRADEWIND_HOME"),
            models: path("TRADEWIND_MODELS"),
            // A filter with bytes that are no text is kept in its lossy form, which the filter's parser then refuses.
            log: path("RUST_LOG").map(|value| value.to_string_lossy().into_owned()),
        }
    }
}
