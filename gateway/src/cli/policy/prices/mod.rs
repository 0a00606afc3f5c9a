//! `tradewind policy prices`: what the models of a policy cost, and where that is written; and new tables of prices.

mod figure;
mod import;
mod list;
mod source;

use std::{
    io::{self, Write},
    path::PathBuf,
    time::SystemTime,
};

use clap::Args;
use tradewind_policies::Day;

use crate::reload::{self, LoadError};

/// Say what each backend and model of a policy costs, or make a table of prices.
#[derive(Debug, Args)]
pub(super) struct PricesArgs {
    /// The policy: a file, or a folder of them
    #[arg(long, value_name = "PATH", required_unless_present = "import", conflicts_with = "import")]
    policy: Option<PathBuf>,
    /// Write JSON
    #[arg(long, conflicts_with = "import")]
    json: bool,
    /// Make a table of prices of LiteLLM's `model_prices_and_context_window.json`, and write it to the standard output
    #[arg(long, value_name = "FILE")]
    import: Option<PathBuf>,
    /// When the imported prices were right, if that was not today, such as 2026-10-20
    #[arg(long, value_name = "DATE", requires = "import")]
    date: Option<Day>,
}

/// Why there is nothing to say.
#[derive(Debug, thiserror::Error)]
pub enum PricesError {
    /// The policy.
    #[error(transparent)]
    Policy(#[from] LoadError),
    /// The prices to import cannot be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why not.
        reason: io::Error,
    },
    /// They are not what they should be.
    #[error("{path} is no table of LiteLLM's: {reason}")]
    NoTable {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What was found cannot be written.
    #[error("cannot write: {0}")]
    Output(#[from] io::Error),
}

/// Runs the command.
///
/// # Errors
/// [`PricesError`].
pub(super) fn run(args: &PricesArgs, out: &mut impl Write) -> Result<(), PricesError> {
    match (&args.import, &args.policy) {
        (Some(file), _) => {
            let path = file.display().to_string();
            let text = std::fs::read_to_string(file).map_err(|reason| PricesError::Unreadable { path: path.clone(), reason })?;
            let date = args.date.unwrap_or_else(today);
            let imported = import::read(&text, date).map_err(|reason| PricesError::NoTable { path, reason })?;
            eprintln!("{} models; left out {}", imported.models(), imported.left_out());
            imported.write(out)?;
        }
        (None, Some(policy)) => {
            let policy = reload::read(policy)?;
            if args.json { list::json(&policy, out)? } else { list::text(&policy, today(), out)? }
        }
        // The command line asks for one of them.
        (None, None) => {}
    }
    Ok(())
}

pub(super) fn today() -> Day {
    // A clock before 1970 is wrong, and the first day then as good as any.
    Day::of(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}
