//! `tradewind policy log`: the recorded decisions, to look at and to take elsewhere.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use clap::{Args, Subcommand};
use tradewind_policies::decision::{Decision, Moment};

use super::log_place::LogPlace;
use crate::decision::{BadLine, ExportError, Period, Reader, export, show_line};

#[derive(Debug, Args)]
pub(super) struct LogArgs {
    #[command(subcommand)]
    command: LogCommand,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Print the recorded decisions, one a line
    Show(ShowArgs),
    /// Write the recorded decisions into a Parquet file
    Export(ExportArgs),
}

#[derive(Debug, Args)]
struct PeriodArgs {
    #[command(flatten)]
    place: LogPlace,
    /// From when on: a time such as 2026-01-31T08:00:00Z, or how long ago, such as 24h
    #[arg(long, value_name = "TIME|AGO", value_parser = moment)]
    since: Option<Moment>,
    /// Until when, written alike; that moment is not in it
    #[arg(long, value_name = "TIME|AGO", value_parser = moment)]
    until: Option<Moment>,
}

#[derive(Debug, Args)]
struct ShowArgs {
    #[command(flatten)]
    period: PeriodArgs,
    /// Print the records as they are
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct ExportArgs {
    #[command(flatten)]
    period: PeriodArgs,
    /// The file to write; one that is there is replaced once the new one is whole
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
}

/// The log could not be read, or its records not written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log.
    #[error("cannot read the decision log in {}: {reason}; --home names the state directory that it is in", dir.display())]
    Read {
        /// Where.
        dir: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The output.
    #[error("cannot print the records: {0}")]
    Print(#[from] io::Error),
    /// The file that was to be written.
    #[error("cannot write {}: {reason}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: ExportError,
    },
}

pub(super) fn run(args: LogArgs, out: &mut impl Write) -> Result<(), LogError> {
    match args.command {
        LogCommand::Show(args) => show(&args, out),
        LogCommand::Export(args) => take_out(&args, out),
    }
}

fn show(args: &ShowArgs, out: &mut impl Write) -> Result<(), LogError> {
    let mut line = Vec::new();
    for read in open(&args.period)? {
        let Some(decision) = unless_bad(read) else { continue };
        if args.json {
            line.clear();
            decision.write_line(&mut line).map_err(io::Error::from)?;
            out.write_all(&line)?;
        } else {
            writeln!(out, "{}", show_line(&decision))?;
        }
    }
    Ok(())
}

fn take_out(args: &ExportArgs, out: &mut impl Write) -> Result<(), LogError> {
    let decisions = open(&args.period)?.filter_map(unless_bad);
    let unwritable = |reason: ExportError| LogError::Write { path: args.to.clone(), reason };
    // Beside its place first, so that nobody finds half a file there.
    let partial = args.to.with_extension("parquet.partial");
    let file = File::create(&partial).map_err(|error| unwritable(error.into()))?;
    let count = export(decisions, BufWriter::new(file)).map_err(unwritable)?;
    std::fs::rename(&partial, &args.to).map_err(|error| unwritable(error.into()))?;
    writeln!(out, "{count} decisions in {}", args.to.display())?;
    Ok(())
}

fn open(args: &PeriodArgs) -> Result<Reader, LogError> {
    let dir = args.place.log();
    // A log that is not there is not an empty one.
    let there = std::fs::read_dir(&dir);
    let reader = there.and_then(|_| Reader::open(&dir, Period { since: args.since, until: args.until }));
    reader.map_err(|reason| LogError::Read { dir, reason })
}

/// Says on standard error what is skipped.
fn unless_bad(read: Result<Decision, BadLine>) -> Option<Decision> {
    read.map_err(|bad| eprintln!("skipped: {bad}")).ok()
}

/// A time, or how long ago.
fn moment(text: &str) -> Result<Moment, String> {
    let ago = |ago: Duration| SystemTime::now().checked_sub(ago).map(Moment::from);
    match humantime::parse_duration(text) {
        Ok(duration) => ago(duration).ok_or_else(|| format!("{text} is longer ago than there is time")),
        Err(_) => text.parse().map_err(|error: tradewind_policies::decision::InvalidMoment| {
            format!("{error}; or how long ago, such as 90m, 24h or 7days")
        }),
    }
}
