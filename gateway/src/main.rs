//! The `tradewind` binary: command line in, exit code out.

use std::process::ExitCode;

use clap::Parser;
use tradewind::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Cli::parse().run()
}
