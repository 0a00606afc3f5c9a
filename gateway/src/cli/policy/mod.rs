//! `tradewind policy`: what a policy decides, before it meets a real request.

mod simulate;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand};

pub use simulate::SimulateError;

/// Try out how requests are routed.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Play a world in virtual time, and compare the router with those of other gateways
    Simulate(simulate::SimulateArgs),
}

/// Runs the command; what it finds goes to `out`.
///
/// # Errors
/// Where it cannot be run.
pub fn run(args: PolicyArgs, out: &mut impl Write) -> Result<ExitCode, SimulateError> {
    match args.command {
        PolicyCommand::Simulate(args) => simulate::run(&args, out).map(|()| ExitCode::SUCCESS),
    }
}
