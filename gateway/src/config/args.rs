//! The flags of `tradewind serve`. They win over the configuration file.

use std::path::PathBuf;

use clap::Args;

use super::ListenAddress;

/// What can be set on the command line; everything else is in the configuration file.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeArgs {
    /// Where applications connect, by HTTPS [default: localhost:8443]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<ListenAddress>,

    /// Where operators find health and metrics, by plain HTTP [default: 127.0.0.1:9901]
    #[arg(long, value_name = "ADDR")]
    pub admin: Option<ListenAddress>,

    /// Folder for certificate, development issuer and audit log [default: $TRADEWIND_HOME, else .tradewind]
    #[arg(long, value_name = "DIR")]
    pub home: Option<PathBuf>,

    /// Policy file, or a folder of them [default: a built-in policy that serves the local models]
    #[arg(long, value_name = "PATH")]
    pub policy: Option<PathBuf>,

    /// Folder with manifests of further models [default: models in the home folder]
    #[arg(long, value_name = "DIR")]
    pub manifests: Option<PathBuf>,

    /// Configuration file [default: ./tradewind.toml if it exists]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}
