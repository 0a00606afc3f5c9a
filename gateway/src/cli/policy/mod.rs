//! `tradewind policy`: what a policy decides, before it meets a real request; and which policy is in force.

mod apply;
mod error;
mod explain;
mod findings;
mod history;
mod log;
mod log_place;
mod operators;
mod outside;
mod place;
mod plan;
mod prices;
mod recorded;
mod replay;
mod rollback;
mod simulate;
mod step;
mod traffic;
mod validate;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use tradewind_policies::SCHEMA;

pub use error::OperateError;
pub use explain::ExplainError;
pub use log::LogError;
pub use plan::PlanError;
pub use prices::PricesError;
pub use recorded::RecordedError;
pub use replay::ReplayError;
pub use simulate::SimulateError;

/// See what a policy does before it does it, which one is in force, and why requests went where they went.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Tell why a request went where it went, or where one would go
    Explain(Box<explain::ExplainArgs>),
    /// Look at the recorded decisions, or take them elsewhere
    Log(log::LogArgs),
    /// Say what each backend and model of a policy costs, or make a table of prices
    Prices(prices::PricesArgs),
    /// Play a world in virtual time, and compare the router with those of other gateways
    Simulate(simulate::SimulateArgs),
    /// Look at a policy without putting it in force: every fault, its own tests, and what is likely a mistake
    #[command(after_help = validate::EXIT_CODES)]
    Validate(validate::ValidateArgs),
    /// Print the JSON Schema of policy files, by which editors complete and check them
    Schema,
    /// Bring a new policy into force, if the step to it is the one that was planned
    Apply(apply::ApplyArgs),
    /// Bring back a policy that was in force
    Rollback(rollback::RollbackArgs),
    /// List the policies that were in force, the newest first
    History(history::HistoryArgs),
    /// Print a policy that was in force
    Show(history::ShowArgs),
    /// Say what a new policy would change
    Plan(plan::PlanArgs),
    /// Replay recorded decisions under another policy
    Replay(replay::ReplayArgs),
}

/// Why a command about policies cannot be carried out.
#[derive(Debug, thiserror::Error)]
pub enum PolicyCliError {
    /// `explain`.
    #[error(transparent)]
    Explain(#[from] ExplainError),
    /// `log`.
    #[error(transparent)]
    Log(#[from] LogError),
    /// `prices`.
    #[error(transparent)]
    Prices(#[from] PricesError),
    /// `simulate`.
    #[error(transparent)]
    Simulate(#[from] SimulateError),
    /// The commands about the policy in force.
    #[error(transparent)]
    Operate(#[from] OperateError),
    /// The output was closed.
    #[error("cannot print the result: {0}")]
    Print(#[from] io::Error),
    /// `plan`.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// `replay`.
    #[error(transparent)]
    Replay(#[from] ReplayError),
}

/// Runs the command; what it finds goes to `out`.
///
/// # Errors
/// Where it cannot be run.
pub fn run(args: PolicyArgs, out: &mut impl Write) -> Result<ExitCode, PolicyCliError> {
    match args.command {
        PolicyCommand::Explain(args) => return Ok(explain::run(&args, out)?),
        PolicyCommand::Log(args) => log::run(args, out)?,
        PolicyCommand::Prices(args) => prices::run(&args, out)?,
        PolicyCommand::Simulate(args) => simulate::run(&args, out)?,
        PolicyCommand::Validate(args) => return Ok(validate::run(&args, out)?),
        PolicyCommand::Schema => out.write_all(SCHEMA.as_bytes())?,
        PolicyCommand::Apply(args) => return Ok(apply::run(args, out)?),
        PolicyCommand::Rollback(args) => return Ok(rollback::run(args, out)?),
        PolicyCommand::History(args) => history::list(args, out)?,
        PolicyCommand::Show(args) => history::show(args, out)?,
        PolicyCommand::Plan(args) => return Ok(plan::run(&args, out)?),
        PolicyCommand::Replay(args) => replay::run(&args, out)?,
    }
    Ok(ExitCode::SUCCESS)
}
