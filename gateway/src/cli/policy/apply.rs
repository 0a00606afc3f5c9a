//! `tradewind policy apply`: bring into force what was planned, and nothing else.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use tradewind_policies::{PlanHash, Policy};

use super::{
    error::OperateError,
    step::{Here, Outcome, StepArgs},
};
use crate::in_force::{Why, read};

/// Flags of `tradewind policy apply`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:\n  \
    0  the policy is in force, or written where no gateway runs\n  \
    1  it is not, and the files are as they were\n  \
    2  the command is not understood\n  \
    3  something changed since it was planned; nothing was done\n  \
    4  it is written, and the gateway did not say in time what it makes of it")]
pub(super) struct ApplyArgs {
    /// The new policy: a file, or a folder where the one in force is a folder
    new: PathBuf,
    /// What `tradewind policy plan` said the plan is
    #[arg(long, value_name = "HASH")]
    plan: PlanHash,
    #[command(flatten)]
    step: StepArgs,
}

/// Puts the new policy where the one in force is, if that is the step that was planned.
pub(super) fn run(args: ApplyArgs, out: &mut impl Write) -> Result<ExitCode, OperateError> {
    let new = read(&args.new)?;
    // Its faults are told with the names of its own files.
    Policy::parse(&new.sources(&args.new))?;
    let here = Here::find(args.step.settings()?)?;
    let in_force = here.in_force()?;
    let now = PlanHash::of(in_force, new.hash());
    let outcome = if now == args.plan {
        if here.holds_refused() && here.files_hash() != new.hash() {
            return Err(OperateError::HoldsRefused);
        }
        here.replace(&new, Why::Apply, &args.step)?
    } else {
        let (plan, now) = (args.plan.to_string(), now.to_string());
        Outcome::OutOfDate { plan, now, in_force: in_force.to_string(), new: new.hash().to_string() }
    };
    args.step.tell(&outcome, out)
}
