//! Where the decision log is.

use std::path::PathBuf;

use clap::Args;

use crate::home::Home;

/// Where the decision log is.
#[derive(Debug, Clone, Args)]
pub(super) struct LogPlace {
    /// The state directory that the log is in [default: $TRADEWIND_HOME, else .tradewind]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// The log's own folder, where it is not in a state directory
    #[arg(long, value_name = "DIR", conflicts_with = "home")]
    dir: Option<PathBuf>,
}

impl LogPlace {
    /// The state directory.
    pub(super) fn home(&self) -> Home {
        Home::at(self.home.clone().unwrap_or_else(Home::default_dir))
    }

    /// The folder of the log.
    pub(super) fn log(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| self.home().decisions_dir())
    }
}
