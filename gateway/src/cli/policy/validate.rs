//! `tradewind policy validate`: a policy looked at, and not put in force.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use tradewind_policies::{Checked, Fault, Paint, Policy, Severity};

use super::findings;
use super::outside::{self, Surveyed};
use super::prices;
use crate::config::{Environment, ServeArgs, Settings};
use crate::in_force;

/// The exit codes, below the flags in `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  the policy can be put in force (there may be warnings)
  1  it is faulty, or with --deny-warnings there are warnings
  2  it cannot be read, or the command line or the configuration is wrong";

/// The policy was not looked at.
const NOT_READ: u8 = 2;

#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// A policy file or a folder of them [default: the one that `serve` would use]
    path: Option<PathBuf>,
    /// Print one JSON object: each finding with file, line, column, key, message and severity
    #[arg(long)]
    json: bool,
    /// Which secrets and files that the policy names are looked for
    #[arg(long, value_name = "WHERE", value_enum, default_value_t = Secrets::Local)]
    secrets: Secrets,
    /// Count warnings as faults
    #[arg(long)]
    deny_warnings: bool,
    /// Folder with manifests of further local models [default: as `serve`]
    #[arg(long, value_name = "DIR")]
    manifests: Option<PathBuf>,
    /// Configuration file [default: ./tradewind.toml if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Which secrets are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Secrets {
    /// None, as on a build server that is given no secrets
    None,
    /// Those in the environment and in files of this machine
    Local,
    /// Also those in AWS, Azure and Google Cloud and in Vault, which are asked
    All,
}

/// What there is to say of a policy.
pub(super) struct Verdict {
    pub(super) path: PathBuf,
    pub(super) policy: Option<Policy>,
    /// In the order of their places.
    pub(super) findings: Vec<Fault>,
    pub(super) tests: usize,
    /// How many secrets were not looked for, because secret managers would have to be asked.
    pub(super) not_asked: usize,
}

impl Verdict {
    pub(super) fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }
}

/// Looks at the policy and tells `out`.
pub(super) fn run(args: &ValidateArgs, out: &mut impl Write) -> io::Result<ExitCode> {
    let verdict = match verdict(args) {
        Ok(verdict) => verdict,
        Err(reason) => {
            eprintln!("tradewind: {reason}");
            return Ok(ExitCode::from(NOT_READ));
        }
    };
    match args.json {
        true => findings::print_json(&verdict, out)?,
        false => findings::print(&verdict, paint(), out)?,
    }
    let is_fine = verdict.count(Severity::Error) == 0 && !(args.deny_warnings && verdict.count(Severity::Warning) > 0);
    Ok(if is_fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What there is to say of the policy; else why it cannot be read.
fn verdict(args: &ValidateArgs) -> Result<Verdict, String> {
    let given = ServeArgs {
        policy: args.path.clone(),
        manifests: args.manifests.clone(),
        config: args.config.clone(),
        ..ServeArgs::default()
    };
    let settings = Settings::load(&given, &Environment::of_process()).map_err(|faults| faults.to_string())?;
    let Some(path) = settings.policy.clone() else {
        return Err("no policy is configured; give the path of one, or set `policy` in the configuration file".to_owned());
    };
    check(&path, args.secrets, &settings)
}

fn check(path: &Path, secrets: Secrets, settings: &Settings) -> Result<Verdict, String> {
    let files = in_force::read(path).map_err(|error| error.to_string())?.sources(path);
    let Checked { policy, mut findings, references, tests } = Policy::check(&files, prices::today());
    let Surveyed { faults, not_asked } = outside::survey(policy.as_ref(), &references, secrets, settings)?;
    findings.extend(faults);
    findings.sort_by(|a, b| a.place.cmp(&b.place));
    Ok(Verdict { path: path.to_path_buf(), policy, findings, tests, not_asked })
}

/// Colours for people at a terminal, unless they asked for none (<https://no-color.org>).
fn paint() -> Paint {
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if io::stdout().is_terminal() && !no_colour { Paint::Colour } else { Paint::Plain }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: ValidateArgs,
    }

    /// The exit code and what is printed, of a policy with this text.
    fn validate(text: &str, flags: &[&str]) -> (ExitCode, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.toml");
        std::fs::write(&path, text).unwrap();
        let words = ["validate", path.to_str().unwrap()].into_iter().chain(flags.iter().copied());
        let mut out = Vec::new();
        let code = run(&Line::parse_from(words).args, &mut out).unwrap();
        let printed = String::from_utf8(out).unwrap();
        (code, printed.replace(folder.path().to_str().unwrap(), ""))
    }

    fn policy(secret: &str, more: &str) -> String {
        format!(
            "version = 1\n[backend.a]\nprovider = \"openai\"\nsecret = \"{secret}\"\nmodels.chat = {{}}\n\
            [[route]]\nname = \"chat\"\nmatch = {{ model = \"chat\" }}\ntiers = [[\"a\"]]\n{more}"
        )
    }

    #[test]
    fn a_policy_that_can_be_in_force_is_told_in_one_line() {
        let test = "[[test]]\ngiven = { model = \"chat\" }\nexpect = { only = [\"a\"] }\n";
        let (code, printed) = validate(&policy("env:PATH", test), &[]);
        assert_eq!(printed, "/policy.toml can be put in force: 1 backend, 1 route, 0 tenants; its 1 test holds\n");
        assert_eq!(code, ExitCode::SUCCESS);
    }

    #[test]
    fn a_secret_that_is_not_there_is_a_fault_with_its_place_unless_none_is_looked_for() {
        let text = policy("env:TRADEWIND_NO_SUCH_VARIABLE", "");
        let (code, printed) = validate(&text, &[]);
        assert!(
            printed.starts_with(
                "/policy.toml:4:10: backend.a.secret: the environment variable TRADEWIND_NO_SUCH_VARIABLE is not set"
            )
        );
        assert!(printed.ends_with("\n/policy.toml is faulty: 1 error\n"), "{printed}");
        assert_eq!(code, ExitCode::FAILURE);
        assert_eq!(validate(&text, &["--secrets", "none"]).0, ExitCode::SUCCESS);
    }

    #[test]
    fn a_secret_of_a_vault_is_not_asked_for_unless_that_is_said() {
        let (code, printed) = validate(&policy("vault:secret/llm#key", ""), &[]);
        assert_eq!(code, ExitCode::SUCCESS, "{printed}");
        assert!(printed.contains("1 secret of a secret manager was not looked for (--secrets all)"), "{printed}");
    }

    #[test]
    fn a_local_model_that_is_not_known_is_a_fault_with_its_place() {
        let text = policy("env:PATH", "").replace("openai\"\nsecret = \"env:PATH", "local");
        let (code, printed) = validate(&text, &[]);
        assert!(printed.starts_with("/policy.toml:4:8: backend.a.models.chat: there is no local model `chat`"), "{printed}");
        assert_eq!(code, ExitCode::FAILURE);
    }

    #[test]
    fn warnings_are_no_faults_unless_that_is_said() {
        let text = policy("env:PATH", "[backend.b]\nprovider = \"openai\"\nmodels.chat = {}\n");
        let (code, printed) = validate(&text, &[]);
        assert!(printed.starts_with("/policy.toml:10:10: warning: backend.b: no route uses backend `b`"), "{printed}");
        assert_eq!(code, ExitCode::SUCCESS);
        assert_eq!(validate(&text, &["--deny-warnings"]).0, ExitCode::FAILURE);
    }

    #[test]
    fn json_holds_what_an_editor_needs() {
        let (code, printed) = validate(&policy("env:PATH", "").replace("\"chat\" }", "\"chat\", tenat = 1 }"), &["--json"]);
        let json: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(code, ExitCode::FAILURE);
        assert_eq!((&json["valid"], &json["errors"], &json["warnings"]), (&false.into(), &1.into(), &0.into()));
        let finding = &json["findings"][0];
        assert_eq!((&finding["line"], &finding["column"], &finding["severity"]), (&8.into(), &27.into(), &"error".into()));
        assert_eq!(finding["key"], "route[0].match.tenat");
        assert_eq!(finding["message"], "unknown key `tenat`; did you mean `tenant`?");
        assert!(finding["file"].as_str().unwrap().ends_with("policy.toml"));
    }

    #[test]
    fn a_policy_that_is_not_there_is_told_from_a_faulty_one() {
        let args = Line::parse_from(["validate", "/no/such/policy.toml"]).args;
        assert_eq!(run(&args, &mut Vec::new()).unwrap(), ExitCode::from(NOT_READ));
    }
}
