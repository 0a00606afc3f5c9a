//! `tradewind policy simulate`: plays a scenario in virtual time and prints what each policy came to.

use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use tradewind_policies::simulate::{Comparison, Figures, Measure, Policy, Row, Scenario, compare, record};
use tradewind_policies::{PolicyErrors, SourceFile};

/// The most seeds of one call: more are a slip of the finger.
const MOST_SEEDS: u64 = 10_000;

#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// The world to play; `policies/scenarios/README.md` says how to write one
    #[arg(long, value_name = "FILE")]
    scenario: PathBuf,
    /// A seed, or all from the first to the last of `FIRST..LAST`; may be given several times
    #[arg(long, value_name = "N|N..M", default_value = "1..4", value_parser = seeds)]
    seed: Vec<RangeInclusive<u64>>,
    /// How many gateways share the traffic, several numbers to compare [default: what the scenario says]
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..=1000))]
    gateways: Vec<u16>,
    /// Which policies to compare [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    policy: Vec<Policy>,
    /// Write down the decisions of the production router with the first seed, as the gateway does: what `plan` and `replay` read
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Write the policy that it plays by: what `plan` compares with
    #[arg(long, value_name = "FILE")]
    write_policy: Option<PathBuf>,
    /// Print JSON, with the figures of each seed
    #[arg(long)]
    json: bool,
}

/// The scenario could not be played, or the result not printed.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no scenario.
    #[error("the scenario is faulty\n\n{0}")]
    Scenario(#[from] PolicyErrors),
    /// The output was closed.
    #[error("cannot print the result: {0}")]
    Print(#[from] io::Error),
}

pub(super) fn run(args: &SimulateArgs, out: &mut impl Write) -> Result<(), SimulateError> {
    let scenario = load(&args.scenario)?;
    let policies = if args.policy.is_empty() { Policy::ALL.to_vec() } else { args.policy.clone() };
    let seeds: Vec<_> = args.seed.iter().cloned().flatten().collect();
    let gateways: Vec<_> = args.gateways.iter().map(|number| usize::from(*number)).collect();
    let gateways = if gateways.is_empty() { vec![scenario.gateways] } else { gateways };
    write_down(args, &scenario, gateways.first().copied().unwrap_or(1), seeds.first().copied().unwrap_or(1))?;
    let comparisons: Vec<_> = gateways.into_iter().filter_map(|number| compare(&scenario, &policies, number, &seeds)).collect();
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &as_json(&scenario, &comparisons)).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        for comparison in &comparisons {
            print(&scenario, comparison, out)?;
        }
    }
    Ok(())
}

/// Writes what was asked for of the production router's play.
fn write_down(args: &SimulateArgs, scenario: &Scenario, gateways: usize, seed: u64) -> Result<(), SimulateError> {
    let write = |path: &Path, text: &[u8]| {
        std::fs::write(path, text).map_err(|source| SimulateError::Write { path: path.to_owned(), source })
    };
    if let Some(path) = &args.write_policy {
        write(path, scenario.as_policy().as_bytes())?;
    }
    if let Some(path) = &args.record {
        let mut lines = Vec::new();
        for decision in record(scenario, gateways, seed).decisions {
            decision
                .write_line(&mut lines)
                .map_err(|source| SimulateError::Write { path: path.clone(), source: source.into() })?;
        }
        write(path, &lines)?;
    }
    Ok(())
}

fn load(path: &Path) -> Result<Scenario, SimulateError> {
    let text = std::fs::read_to_string(path).map_err(|source| SimulateError::Read { path: path.to_owned(), source })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let read_trace = |file: &str| std::fs::read_to_string(folder.join(file)).map_err(|error| error.to_string());
    Ok(Scenario::parse(SourceFile::new(path.display().to_string(), text), &read_trace)?)
}

/// `11`, or `11..14` for four seeds.
fn seeds(written: &str) -> Result<RangeInclusive<u64>, String> {
    let number = |digits: &str| digits.parse::<u64>().map_err(|error| format!("`{digits}`: {error}"));
    let (first, last) = match written.split_once("..") {
        Some((first, last)) => (number(first)?, number(last)?),
        None => (number(written)?, number(written)?),
    };
    if last < first || last - first >= MOST_SEEDS {
        return Err(format!("accepted: from the first to the last, at most {MOST_SEEDS} seeds"));
    }
    Ok(first..=last)
}

/// What the table shows of the measures: heading, measure, decimals.
const COLUMNS: [(&str, Measure, usize); 12] = [
    ("p50", Measure::P50, 2),
    ("p95", Measure::P95, 1),
    ("p99", Measure::P99, 1),
    ("mean", Measure::Mean, 2),
    ("ttft50", Measure::FirstTokenP50, 2),
    ("ttft95", Measure::FirstTokenP95, 2),
    ("ttft99", Measure::FirstTokenP99, 1),
    ("err%", Measure::Errors, 2),
    ("failed%", Measure::FailedAttempts, 1),
    ("429%", Measure::LimitedAttempts, 1),
    ("hedged%", Measure::Hedges, 1),
    ("$/1k", Measure::Dollars, 3),
];

fn print(scenario: &Scenario, comparison: &Comparison, out: &mut impl Write) -> io::Result<()> {
    let requests = comparison.rows.first().map_or(0.0, |row| row.mean.requests);
    let (gateways, seeds) = (comparison.gateways, comparison.seeds.len());
    writeln!(out, "{}: {requests:.0} requests, gateways {gateways}, seeds {seeds}; seconds", scenario.name)?;
    write!(out, "{:<19}{:>7} {:<15}", "policy", "oracle", "  least..most")?;
    COLUMNS.iter().try_for_each(|(heading, ..)| write!(out, "{heading:>8}"))?;
    scenario.windows.iter().try_for_each(|window| write!(out, "  p95 {}", window.name))?;
    writeln!(out, "  {}", scenario.backends.iter().map(|backend| backend.name.as_str()).collect::<Vec<_>>().join("/"))?;
    comparison.rows.iter().try_for_each(|row| print_row(scenario, row, out))?;
    writeln!(out)
}

fn print_row(scenario: &Scenario, row: &Row, out: &mut impl Write) -> io::Result<()> {
    let Row { policy, mean, against_oracle, .. } = row;
    let range = format!("  {:.2}..{:.2}", against_oracle.least, against_oracle.greatest);
    write!(out, "{policy:<19}{:>6.3}x {range:<15}", against_oracle.mean)?;
    COLUMNS.iter().try_for_each(|(_, measure, decimals)| write!(out, "{:>8.decimals$}", mean.measured[*measure]))?;
    for (window, (_, p95)) in scenario.windows.iter().zip(&mean.windows) {
        write!(out, "{p95:>width$.1}", width = window.name.chars().count() + 6)?;
    }
    let shares: Vec<_> = mean.shares.iter().map(|share| format!("{:.0}", 100.0 * share)).collect();
    writeln!(out, "  {}", shares.join("/"))
}

fn as_json(scenario: &Scenario, comparisons: &[Comparison]) -> Value {
    let comparison = |comparison: &Comparison| {
        let policies: Vec<_> = comparison.rows.iter().map(|row| row_as_json(scenario, comparison, row)).collect();
        json!({ "gateways": comparison.gateways, "seeds": comparison.seeds, "policies": policies })
    };
    json!({
        "scenario": scenario.name,
        "description": scenario.description,
        "comparisons": comparisons.iter().map(comparison).collect::<Vec<_>>(),
    })
}

fn row_as_json(scenario: &Scenario, comparison: &Comparison, row: &Row) -> Value {
    let ratio = &row.against_oracle;
    let by_seed = comparison.seeds.iter().zip(&row.by_seed);
    json!({
        "policy": row.policy.name(),
        "against_oracle": { "mean": ratio.mean, "least": ratio.least, "greatest": ratio.greatest },
        "mean": figures_as_json(scenario, &row.mean),
        "by_seed": by_seed.map(|(seed, figures)| json!({ "seed": seed, "figures": figures_as_json(scenario, figures) })).collect::<Vec<_>>(),
    })
}

/// A figure that there was nothing to take from is `null`.
fn figures_as_json(scenario: &Scenario, figures: &Figures) -> Value {
    let measured = Measure::ALL.map(|measure| (measure.name().to_owned(), json!(figures.measured[measure])));
    let windows = scenario.windows.iter().zip(&figures.windows);
    let windows = windows.map(|(window, (mean, p95))| (window.name.clone(), json!({ "mean_s": mean, "p95_s": p95 })));
    let shares = scenario.backends.iter().zip(figures.shares.iter());
    let shares = shares.map(|(backend, share)| (backend.name.clone(), json!(share)));
    json!({
        "requests": figures.requests,
        "measured": measured.into_iter().collect::<serde_json::Map<_, _>>(),
        "windows": windows.collect::<serde_json::Map<_, _>>(),
        "first_attempts": shares.collect::<serde_json::Map<_, _>>(),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const WORLD: &str = r#"
        name = "two"
        horizon = 20
        [arrivals]
        rate = 5
        [prompt]
        law = "constant"
        value = 100
        [output]
        law = "constant"
        value = 20
        [[backend]]
        name = "near"
        ttft = { base = "100ms" }
        tpot = { base = "10ms" }
        [[backend]]
        name = "far"
        ttft = { base = "900ms" }
        tpot = { base = "10ms" }
    "#;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        args: SimulateArgs,
    }

    fn simulated(world: &str, flags: &[&str]) -> Result<String, SimulateError> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("world.toml");
        std::fs::write(&file, world).unwrap();
        let line = ["simulate", "--scenario", file.to_str().unwrap()].into_iter().chain(flags.iter().copied());
        let mut out = Vec::new();
        run(&Cli::try_parse_from(line).unwrap().args, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn prints_a_row_for_each_policy_and_number_of_gateways() {
        let text = simulated(WORLD, &["--policy", "tradewind,linkerd", "--gateways", "1,2", "--seed", "3"]).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("tradewind ")).count(), 2, "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with("linkerd ")).count(), 2, "{text}");
    }

    #[test]
    fn prints_each_seed_as_json() {
        let text = simulated(WORLD, &["--policy", "oracle", "--seed", "3..4", "--seed", "9", "--json"]).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let policy = &value["comparisons"][0]["policies"][0];
        assert_eq!(policy["policy"], "oracle");
        assert_eq!(policy["by_seed"].as_array().unwrap().len(), 3);
        assert_eq!(policy["mean"]["first_attempts"]["near"], 1.0);
        assert!(policy["mean"]["measured"]["p50_s"].as_f64().unwrap() < 0.4);
    }

    #[test]
    fn shows_where_a_scenario_is_faulty() {
        let error = simulated(&WORLD.replace("rate = 5", "rat = 5"), &[]).unwrap_err().to_string();
        assert!(error.contains("unknown key `rat`; did you mean `rate`?"), "{error}");
    }

    #[test]
    fn refuses_seeds_that_are_no_range() {
        assert_eq!(seeds("11..14"), Ok(11..=14));
        assert!(seeds("4..1").is_err() && seeds("x").is_err() && seeds("0..99999").is_err());
    }
}
