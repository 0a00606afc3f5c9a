//! `tradewind audit`: check the audit log.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::audit::{AuditError, Verdict, verify};
use crate::home::Home;

/// Check the audit log.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Read every record, check that none was edited, removed or reordered, and name the first that was
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// The state directory that the log is in [default: $TRADEWIND_HOME, else .tradewind]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// The log's own folder, where it is not in a state directory
    #[arg(long, value_name = "DIR", conflicts_with = "home")]
    dir: Option<PathBuf>,
    /// Print the verdict as one JSON object
    #[arg(long)]
    json: bool,
}

/// The log could not be read, or the verdict not printed.
#[derive(Debug, thiserror::Error)]
pub enum AuditCliError {
    /// The log cannot be read.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The output was closed.
    #[error("cannot print the verdict: {0}")]
    Print(#[from] io::Error),
}

/// Prints the verdict to `out`; success means that the log is whole.
///
/// # Errors
/// Where the log cannot be read.
pub fn run(args: AuditArgs, out: &mut impl Write) -> Result<ExitCode, AuditCliError> {
    let AuditCommand::Verify(args) = args.command;
    let dir = args.dir.unwrap_or_else(|| Home::at(args.home.unwrap_or_else(Home::default_dir)).audit_dir());
    let verdict = verify(&dir)?;
    if args.json {
        let text = serde_json::to_string(&verdict).map_err(io::Error::from)?;
        writeln!(out, "{text}")?;
    } else {
        print(&verdict, out)?;
    }
    Ok(if verdict.fault.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(verdict: &Verdict, out: &mut impl Write) -> io::Result<()> {
    let Verdict { segments, records, hash, fault } = verdict;
    match fault {
        None => writeln!(out, "whole: {records} records in {segments} segments, last hash {hash}"),
        Some(fault) => writeln!(out, "{fault}\nbroken: the log holds up to record {records}, hash {hash}"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::audit::{Audit, AuditOptions};

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: AuditArgs,
    }

    fn verify_in(dir: &std::path::Path, flag: &str) -> (ExitCode, String) {
        let dir = dir.to_str().unwrap();
        let line = ["audit", "verify", "--dir", dir, flag];
        let cli = Cli::try_parse_from(line.into_iter().filter(|word| !word.is_empty())).unwrap();
        let mut out = Vec::new();
        let code = run(cli.args, &mut out).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_exit_code_and_the_text_tell_a_whole_log_from_a_broken_one() {
        let dir = tempfile::tempdir().unwrap();
        drop(Audit::open(dir.path(), AuditOptions::default()).unwrap());
        let (code, text) = verify_in(dir.path(), "");
        assert_eq!(code, ExitCode::SUCCESS);
        assert!(text.starts_with("whole: 0 records in 1 segments"), "{text}");

        std::fs::write(dir.path().join("audit-000001.jsonl"), "{}\n").unwrap();
        let (code, text) = verify_in(dir.path(), "");
        assert_eq!(code, ExitCode::FAILURE);
        assert!(text.starts_with("audit-000001.jsonl:1: edited"), "{text}");
        let (_, json) = verify_in(dir.path(), "--json");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["fault"]["line"], 1);
        assert_eq!(json["fault"]["problem"]["kind"], "edited");
    }
}
