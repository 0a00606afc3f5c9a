//! `tradewind policy rollback`: bring back a policy that was in force.

use std::io::Write;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;
use tradewind_policies::{HashPrefix, InvalidPrefix};

use super::{
    error::OperateError,
    history::{find, kept, tell_damaged},
    step::{Here, StepArgs},
};
use crate::in_force::Why;

/// Flags of `tradewind policy rollback`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:\n  \
    0  the policy is in force, or written where no gateway runs\n  \
    1  it is not, and the files are as they were\n  \
    2  the command is not understood\n  \
    4  it is written, and the gateway did not say in time what it makes of it")]
pub(super) struct RollbackArgs {
    /// The policy's hash or its first digits (at least 6), or `previous`: the last that was in force and is not what the files say now
    #[arg(default_value = "previous", value_name = "HASH|previous")]
    to: Target,
    #[command(flatten)]
    step: StepArgs,
}

/// Which policy.
#[derive(Debug, Clone)]
enum Target {
    Previous,
    Hash(HashPrefix),
}

impl FromStr for Target {
    type Err = InvalidPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidPrefix> {
        if text == "previous" { Ok(Self::Previous) } else { text.parse().map(Self::Hash) }
    }
}

/// Puts a policy of the history where the one in force is.
pub(super) fn run(args: RollbackArgs, out: &mut impl Write) -> Result<ExitCode, OperateError> {
    let settings = args.step.settings()?;
    let kept = kept(settings.home.clone())?;
    tell_damaged(&kept.damaged);
    let here = Here::find(settings)?;
    let entry = match &args.to {
        Target::Hash(prefix) => find(&kept, prefix)?,
        Target::Previous => {
            let now = here.files.hash().to_string();
            kept.entries.iter().find(|entry| entry.past.hash != now).ok_or(OperateError::NoPrevious)?
        }
    };
    let outcome = here.replace(&entry.files, Why::Rollback, &args.step)?;
    args.step.tell(&outcome, out)
}
