//! One step from the policy that is there to another: write it, see that the gateway takes it up, else put back what was there.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tradewind_policies::{Policy, PolicyHash};

use super::error::OperateError;
use super::operators::{Operators, Told, Verdict};
use super::place::PlaceArgs;
use crate::config::{ConfigErrors, Settings};
use crate::home::Home;
use crate::in_force::{History, PolicyFiles, Refusal, Why, is_unfinished, read, write};

/// The exit code of a plan that does not hold any more.
const OUT_OF_DATE: u8 = 3;
/// The exit code of a policy that was written, and of which the gateway has not said in time what it makes of it.
const UNCONFIRMED: u8 = 4;

/// Flags of commands that put a policy in place.
#[derive(Debug, Args)]
pub(super) struct StepArgs {
    /// How long to wait for the gateway to take it up; 0s does not wait
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = humantime::parse_duration)]
    wait: Duration,
    /// Print what came of it as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// The policy that is there.
pub(super) struct Here {
    path: PathBuf,
    home: PathBuf,
    /// Its files.
    pub(super) files: PolicyFiles,
    operators: Option<(Operators, Told)>,
}

/// What became of a step.
#[derive(Debug, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The gateway serves by it.
    InForce { hash: String, before: String },
    /// It was in force already.
    Unchanged { hash: String },
    /// No gateway runs, or none was waited for.
    Written { hash: String, before: String },
    /// The gateway has said nothing yet.
    Unconfirmed { hash: String, before: String, waited_seconds: f64 },
    /// The gateway did not take it; what was there before is there again.
    Refused { hash: String, before: String, refusal: Refusal },
    /// What was planned is not what would be done.
    OutOfDate { plan: String, now: String, in_force: String, new: String },
}

impl StepArgs {
    /// The settings of the gateway.
    pub(super) fn settings(&self) -> Result<Settings, ConfigErrors> {
        self.place.settings()
    }

    /// Prints what came of it; the exit code tells it too.
    pub(super) fn tell(&self, outcome: &Outcome, out: &mut impl Write) -> Result<ExitCode, OperateError> {
        if self.json {
            writeln!(out, "{}", serde_json::to_string(outcome).map_err(io::Error::from)?)?;
        } else {
            writeln!(out, "{}", outcome.text())?;
        }
        Ok(outcome.exit_code())
    }
}

impl Here {
    /// Looks at the files, and asks the gateway if it runs.
    pub(super) fn find(settings: Settings) -> Result<Self, OperateError> {
        let path = settings.policy.ok_or(OperateError::BuiltIn)?;
        let files = read(&path)?;
        let operators = Operators::ask(&settings.admin)?;
        Ok(Self { path, home: settings.home, files, operators })
    }

    /// The hash of the policy in force: by what the gateway says, else of the files.
    ///
    /// # Errors
    /// The gateway has not yet seen what the files say.
    pub(super) fn in_force(&self) -> Result<PolicyHash, OperateError> {
        let files = self.files.hash();
        let Some((_, told)) = &self.operators else { return Ok(files) };
        let was_refused = told.refused.as_ref().is_some_and(|refusal| refusal.hash == Some(files.to_string()));
        if told.hash == files || was_refused { Ok(told.hash) } else { Err(OperateError::Unsettled) }
    }

    /// The hash of the files.
    pub(super) fn files_hash(&self) -> PolicyHash {
        self.files.hash()
    }

    /// Whether the files are an edit that the gateway refused.
    pub(super) fn holds_refused(&self) -> bool {
        self.operators.as_ref().is_some_and(|(_, told)| told.hash != self.files.hash())
    }

    /// Puts `new` in the place of the files, and waits for the gateway.
    pub(super) fn replace(self, new: &PolicyFiles, why: Why, args: &StepArgs) -> Result<Outcome, OperateError> {
        let (hash, before) = (new.hash(), self.files.hash());
        Policy::parse(&new.sources(&self.path))?;
        let is_there = hash == before;
        if !is_there {
            self.announce(hash, why);
        }
        if !is_there || is_unfinished(&self.path) {
            write(&self.path, new)?;
        }
        let text = hash.to_string();
        let before = before.to_string();
        let Some((operators, told)) = self.operators else {
            return Ok(if is_there { Outcome::Unchanged { hash: text } } else { Outcome::Written { hash: text, before } });
        };
        if is_there && told.hash == hash {
            return Ok(Outcome::Unchanged { hash: text });
        }
        if args.wait.is_zero() {
            return Ok(Outcome::Written { hash: text, before });
        }
        match operators.wait(hash, args.wait) {
            Verdict::InForce => Ok(Outcome::InForce { hash: text, before }),
            Verdict::Silent => {
                eprintln!("tradewind: the gateway at {} does not say that it has taken the policy up", operators.address());
                Ok(Outcome::Unconfirmed { hash: text, before, waited_seconds: args.wait.as_secs_f64() })
            }
            Verdict::Refused(refusal) => {
                if !is_there {
                    write(&self.path, &self.files)?;
                }
                Ok(Outcome::Refused { hash: text, before, refusal })
            }
        }
    }

    /// Tells the gateway's history why the policy comes. Without that it is a change like others, which is no reason not to go on.
    fn announce(&self, hash: PolicyHash, why: Why) {
        if let Err(error) = History::of(Home::at(self.home.clone())).intend(hash, why) {
            eprintln!("tradewind: the history will not say that this was `{}`: {error}", why.as_str());
        }
    }
}

impl Outcome {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::InForce { .. } | Self::Unchanged { .. } | Self::Written { .. } => ExitCode::SUCCESS,
            Self::Refused { .. } => ExitCode::FAILURE,
            Self::OutOfDate { .. } => ExitCode::from(OUT_OF_DATE),
            Self::Unconfirmed { .. } => ExitCode::from(UNCONFIRMED),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::InForce { hash, before } => format!("in force: {hash}\nbefore:   {before}"),
            Self::Unchanged { hash } => format!("in force already: {hash}"),
            Self::Written { hash, before } => {
                format!(
                    "written:  {hash}\nbefore:   {before}\nno gateway was waited for; one that runs takes it up, one that starts begins with it"
                )
            }
            Self::Unconfirmed { hash, before, .. } => {
                format!(
                    "written:  {hash}\nbefore:   {before}\nnot yet in force; GET /policy of the operators' listener says what becomes of it"
                )
            }
            Self::Refused { hash, before, refusal } => {
                let faults = refusal.faults.iter().map(|fault| {
                    let place = match (&fault.file, fault.line) {
                        (Some(file), Some(line)) => format!("{file}:{line}: "),
                        _ => String::new(),
                    };
                    let key = if fault.key.is_empty() { String::new() } else { format!("{}: ", fault.key) };
                    format!("\n{place}{key}{}", fault.message)
                });
                format!("the gateway refused {hash}; the files of {before} are back in place:{}", faults.collect::<String>())
            }
            Self::OutOfDate { plan, now, in_force, new } => format!(
                "refused: this is not what was planned. The plan is {plan}; from the policy in force, {in_force}, to the new one, {new}, \
                 it would be {now}. Plan again, and look at what it says"
            ),
        }
    }
}
