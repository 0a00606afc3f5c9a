//! Where the gateway's policy, its state and its operators' listener are: as `tradewind serve` finds them.

use std::path::PathBuf;

use clap::Args;

use crate::config::{ConfigErrors, Environment, ListenAddress, ServeArgs, Settings};

/// Flags of commands about the policy of a gateway.
#[derive(Clone, Debug, Args)]
pub(super) struct PlaceArgs {
    /// The policy file or folder [default: the configuration's]
    #[arg(long, value_name = "PATH")]
    policy: Option<PathBuf>,
    /// The state directory [default: $TRADEWIND_HOME, else the configuration's, else .tradewind]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
    /// Where the gateway answers operators [default: the configuration's, else 127.0.0.1:9901]
    #[arg(long, value_name = "ADDR")]
    admin: Option<ListenAddress>,
    /// The gateway's configuration file [default: ./tradewind.toml if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl PlaceArgs {
    /// The settings of the gateway that these flags mean.
    pub(super) fn settings(&self) -> Result<Settings, ConfigErrors> {
        let Self { policy, home, admin, config } = self.clone();
        let args = ServeArgs { policy, home, admin, config, ..ServeArgs::default() };
        Settings::load(&args, &Environment::of_process())
    }
}
