//! `tradewind token`: mint a token from the development issuer.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use tradewind_policies::{InvalidPattern, Pattern, TenantId};

use crate::auth::{DevClaims, DevIssuer, MintError, SystemClock};
use crate::home::{Home, HomeError};

/// Mint a token that a gateway with the same state directory accepts, and print it.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Whom the token speaks for: 1 to 64 of A-Z a-z 0-9 . _ -
    #[arg(long)]
    tenant: TenantId,
    /// A model that the token may use, with `*` for any characters; give it again for more
    #[arg(long = "model", required = true, value_name = "PATTERN", value_parser = pattern)]
    models: Vec<String>,
    /// How long the token lives, such as 15m, 1h or 30d (the longest)
    #[arg(long, default_value = "1h", value_name = "DURATION", value_parser = humantime::parse_duration)]
    ttl: Duration,
    /// The token's subject
    #[arg(long, default_value = "developer")]
    subject: String,
    /// The state directory [default: $TRADEWIND_HOME, else .tradewind]
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
}

/// The token could not be made or printed.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The state directory cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The token cannot be minted.
    #[error(transparent)]
    Mint(#[from] MintError),
    /// The output was closed.
    #[error("cannot print the token: {0}")]
    Print(#[from] io::Error),
}

/// Prints the token, and nothing else, to `out`.
///
/// # Errors
/// Where the state directory cannot be used, or a setting is out of range.
pub fn run(args: TokenArgs, out: &mut impl Write) -> Result<(), TokenError> {
    let home = Home::open(&args.home.unwrap_or_else(Home::default_dir))?;
    let claims = DevClaims { tenant: args.tenant, models: args.models, subject: args.subject, lifetime: args.ttl };
    let token = DevIssuer::open(&home)?.mint(&claims, &SystemClock)?;
    writeln!(out, "{token}")?;
    Ok(())
}

fn pattern(text: &str) -> Result<String, InvalidPattern> {
    text.parse::<Pattern>().map(|pattern| pattern.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: TokenArgs,
    }

    fn parse(line: &str) -> Result<TokenArgs, clap::Error> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.args)
    }

    #[test]
    fn one_line_with_the_token_is_printed() {
        let dir = tempfile::tempdir().unwrap();
        let mut args = parse("token --tenant acme --model chat --model embed --ttl 15m").unwrap();
        args.home = Some(dir.path().to_path_buf());
        let mut out = Vec::new();
        run(args, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches('.').count(), 2);
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn what_the_gateway_would_refuse_is_refused_here() {
        for line in ["token --model *", "token --tenant acme", "token --tenant a/b --model *", "token --tenant acme --model "] {
            assert!(parse(line).is_err(), "{line}");
        }
        let dir = tempfile::tempdir().unwrap();
        let mut args = parse("token --tenant acme --model * --ttl 31d").unwrap();
        args.home = Some(dir.path().to_path_buf());
        let error = run(args, &mut Vec::new()).unwrap_err().to_string();
        assert_eq!(error, "a lifetime of 1month 13h 26m 24s is out of range: choose 1 s to 30 days");
    }
}
