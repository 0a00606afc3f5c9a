//! `tradewind policy replay`: what the traffic of a log would have been under another policy.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;
use tradewind_policies::replay::{InForce, Options, World, replay};

use super::recorded::{self, RecordedError};
use super::traffic;
use crate::reload::{self, LoadError};

/// Flags of `tradewind policy replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Recorded decisions: a file of JSON lines, or the folder of a gateway's log
    log: PathBuf,
    /// The policy to replay them under: a file, or a folder of them
    #[arg(long, value_name = "PATH")]
    policy: PathBuf,
    /// The policy that they were decided by, to be told of those that were not, of what copies to its shadows cost, and of what its rules said of
    /// claims and headers that were not recorded [default: that of the latest decision, by its hash alone]
    #[arg(long, value_name = "PATH")]
    against: Option<PathBuf>,
    #[command(flatten)]
    how: HowArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How decisions are replayed.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct HowArgs {
    /// Replay those of this time before the latest only, such as 24h
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(super) since: Option<Duration>,
    /// What is assumed where the log does not tell
    #[arg(long, value_enum, default_value_t)]
    world: WorldArg,
    /// The same seed gives the same figures
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

impl HowArgs {
    pub(super) fn options(self) -> Options {
        let world = match self.world {
            WorldArg::Fitted => World::Fitted,
            WorldArg::Pessimistic => World::Pessimistic,
        };
        Options { world, seed: self.seed }
    }
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum WorldArg {
    /// Nothing: what the log does not support is counted and left out
    #[default]
    Fitted,
    /// Unknown backends are as slow as the slowest, and what moves fares as the slower half did
    Pessimistic,
}

/// Why a log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The log.
    #[error(transparent)]
    Recorded(#[from] RecordedError),
    /// The policy.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The latest decision was made by something that is no policy.
    #[error("the latest decision names its policy by `{0}`, which is no hash; name the policy with --against")]
    NoHash(String),
    /// The output was closed.
    #[error("cannot print the figures: {0}")]
    Print(#[from] io::Error),
}

/// Replays; the figures go to `out`.
pub(super) fn run(args: &ReplayArgs, out: &mut impl Write) -> Result<(), ReplayError> {
    let log = recorded::read(&args.log, args.how.since)?;
    let new = reload::read(&args.policy)?;
    let latest = log.decisions.iter().max_by_key(|decision| decision.at).map(|decision| decision.policy.clone());
    let against = args.against.as_ref().map(|path| reload::read(path)).transpose()?;
    let in_force = match &against {
        Some(policy) => InForce::Policy(policy),
        None => {
            let latest = latest.unwrap_or_default();
            InForce::Hash(latest.parse().map_err(|_| ReplayError::NoHash(latest))?)
        }
    };
    let figures = replay(&log.decisions, in_force, &new, args.how.options());
    if args.json {
        let period = recorded::period(&log.decisions).map(|(from, to)| [from.to_string(), to.to_string()]);
        let value = json!({ "policy": new.hash().to_string(), "in_force": in_force.hash().to_string(), "period": period,
            "torn_lines": log.torn, "traffic": figures });
        serde_json::to_writer_pretty(&mut *out, &value).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        traffic::write(&figures, out)?;
    }
    Ok(())
}
