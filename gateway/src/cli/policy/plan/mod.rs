//! `tradewind policy plan`: what a new policy would change, before it does.

mod ink;
mod markdown;
mod text;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use tradewind_policies::PlanHash;
use tradewind_policies::plan::{Plan, plan};
use tradewind_policies::replay::{InForce, Options, Traffic, replay};

use self::ink::Ink;
use super::recorded::{self, Recorded, RecordedError};
use super::replay::HowArgs;
use crate::config::{ConfigErrors, Environment, ServeArgs, Settings};
use crate::reload::{self, LoadError};

/// The exit code for changes, where it was asked for.
const CHANGES: u8 = 2;

/// Flags of `tradewind policy plan`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes:\n  \
    0  it was planned\n  \
    1  it could not be: a policy is faulty, a file cannot be read\n  \
    2  with --detailed-exitcode: it was planned, and something changes, or was not compared (0: nothing does); else: the command is not understood")]
pub(super) struct PlanArgs {
    /// The new policy: a file, or a folder of them
    new: PathBuf,
    /// The policy in force, to compare with [default: the configuration's]
    #[arg(long, visible_alias = "against", value_name = "PATH")]
    policy: Option<PathBuf>,
    /// Recorded decisions to replay under the new policy: a file of JSON lines, or the folder of a gateway's log
    #[arg(long, value_name = "PATH")]
    log: Option<PathBuf>,
    #[command(flatten)]
    how: HowArgs,
    /// Print JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print Markdown, for a pull request
    #[arg(long)]
    markdown: bool,
    /// Exit with 2 if anything changes, or may
    #[arg(long)]
    detailed_exitcode: bool,
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Where to find the policy in force.
    #[error(transparent)]
    Settings(#[from] ConfigErrors),
    /// There is none in a file.
    #[error("no policy file is configured to compare with: name one with --policy")]
    NothingToCompare,
    /// One of the two cannot be used.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The log cannot be used.
    #[error(transparent)]
    Recorded(#[from] RecordedError),
    /// The output was closed.
    #[error("cannot print the plan: {0}")]
    Print(#[from] io::Error),
}

/// A plan, and all that is told with it.
#[derive(Debug, Serialize)]
struct Report {
    /// What is compared with.
    against: String,
    /// The new policy.
    new: String,
    /// What `apply` has to be shown.
    plan_hash: String,
    /// What brings it into force.
    apply: String,
    /// The figures, `null` without a log or where it cannot tell.
    #[serde(flatten)]
    figures: Figures,
    #[serde(flatten)]
    changes: Plan,
    /// The figures with their intervals and all that belongs to them; none without a log.
    traffic: Option<Traffic>,
}

/// What a program that decides about a plan reads first.
#[derive(Debug, Default, Serialize)]
struct Figures {
    share_moved: Option<f64>,
    cost_delta_usd_per_day: Option<f64>,
    copies_delta_usd_per_day: Option<f64>,
    p95_ttft_delta_s: Option<f64>,
    unroutable: Option<usize>,
    unsupported: Option<usize>,
}

impl Figures {
    fn of(traffic: &Traffic) -> Self {
        Self {
            share_moved: traffic.share_moved.map(|share| share.value),
            cost_delta_usd_per_day: traffic.cost_delta_usd_per_day.map(|cost| cost.value),
            copies_delta_usd_per_day: traffic.copies.as_ref().and_then(|copies| Some(copies.delta_usd_per_day?.value)),
            p95_ttft_delta_s: traffic.p95_ttft_delta_s.map(|p95| p95.value),
            unroutable: Some(traffic.unroutable),
            unsupported: Some(traffic.unsupported),
        }
    }
}

/// Plans; what it finds goes to `out`.
pub(super) fn run(args: &PlanArgs, out: &mut impl Write) -> Result<ExitCode, PlanError> {
    let against = match &args.policy {
        Some(path) => path.clone(),
        None => configured()?,
    };
    let log = args.log.as_ref().map(|path| recorded::read(path, args.how.since)).transpose()?;
    let report = report(&against, &args.new, log.as_ref(), args.how.options())?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(io::Error::from)?;
        writeln!(out)?;
    } else if args.markdown {
        markdown::write(&report, out)?;
    } else {
        text::write(&report, Ink::of_stdout(), out)?;
    }
    let changes = args.detailed_exitcode && !report.changes.is_none();
    Ok(if changes { ExitCode::from(CHANGES) } else { ExitCode::SUCCESS })
}

/// The policy that a gateway started here would read.
fn configured() -> Result<PathBuf, PlanError> {
    let settings = Settings::load(&ServeArgs::default(), &Environment::of_process())?;
    settings.policy.ok_or(PlanError::NothingToCompare)
}

fn report(against: &Path, new: &Path, log: Option<&Recorded>, options: Options) -> Result<Report, PlanError> {
    let (old_policy, new_policy) = (reload::read(against)?, reload::read(new)?);
    let plan_hash = PlanHash::of(old_policy.hash(), new_policy.hash()).to_string();
    let apply = format!("tradewind policy apply {} --plan {plan_hash} --policy {}", new.display(), against.display());
    let changes = plan(&old_policy, &new_policy);
    let traffic = log.map(|log| replay(&log.decisions, InForce::Policy(&old_policy), &new_policy, options));
    let [against, new] = [against, new].map(|path| path.display().to_string());
    let figures = traffic.as_ref().map(Figures::of).unwrap_or_default();
    Ok(Report { against, new, plan_hash, apply, figures, changes, traffic })
}

#[cfg(test)]
mod tests;
