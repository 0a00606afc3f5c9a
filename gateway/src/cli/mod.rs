//! The commands of `tradewind`, one file each.

pub mod audit;
mod banner;
#[cfg(feature = "local")]
pub mod doctor;
pub mod models;
pub mod policy;
mod serve;
pub mod token;

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::config::ServeArgs;

/// One HTTPS endpoint for every model, in every cloud and in this process.
#[derive(Debug, Parser)]
#[command(name = "tradewind", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway (the default)
    Serve(ServeArgs),
    /// Mint a token from the development issuer
    Token(token::TokenArgs),
    /// Check the audit log
    Audit(audit::AuditArgs),
    /// Say what this machine offers for local models, and what each would run on
    #[cfg(feature = "local")]
    Doctor(doctor::DoctorArgs),
    /// See to the files of the local models
    Models(models::ModelsArgs),
    /// See what a policy does before it does it, and say which policy is in force
    Policy(policy::PolicyArgs),
}

impl Cli {
    /// Runs the command. What a command has to say, it has said.
    #[must_use]
    pub fn run(self) -> ExitCode {
        match self.command.unwrap_or(Command::Serve(self.serve)) {
            Command::Serve(args) => serve::run(&args),
            Command::Token(args) => done(token::run(args, &mut io::stdout()).map(|()| ExitCode::SUCCESS)),
            Command::Audit(args) => done(audit::run(args, &mut io::stdout())),
            #[cfg(feature = "local")]
            Command::Doctor(args) => done(doctor::run(args, &mut io::stdout()).map(|()| ExitCode::SUCCESS)),
            Command::Models(args) => done(models::run(args, &mut io::stdout())),
            Command::Policy(args) => done(policy::run(args, &mut io::stdout())),
        }
    }
}

fn done<E: std::error::Error + 'static>(result: Result<ExitCode, E>) -> ExitCode {
    result.unwrap_or_else(|error| {
        if has_no_reader(&error) {
            return ExitCode::SUCCESS;
        }
        eprintln!("tradewind: {error}");
        ExitCode::FAILURE
    })
}

/// Whether whoever reads the output has seen enough, such as `head`.
fn has_no_reader(error: &(dyn std::error::Error + 'static)) -> bool {
    let broken = |error: &(dyn std::error::Error + 'static)| {
        error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    };
    std::iter::successors(Some(error), |error| error.source()).any(broken)
}
