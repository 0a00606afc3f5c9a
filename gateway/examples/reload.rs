//! What taking up a changed policy costs: reading it, building its snapshot beside the one in force, and the memory that this takes.
//!
//! `cargo run --release -p tradewind --example reload`

#![expect(clippy::disallowed_types, reason = "there is no clock to pause in a measurement")]

use std::{
    error::Error,
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

use tradewind::{
    backend::LocalEngines,
    client::{ClientOptions, client},
    credential::Surroundings,
    snapshot::{Builder, Snapshot},
};
use tradewind_policies::{Policy, SourceFile};

/// How often each step is taken.
const TIMES: u32 = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let builder = builder()?;
    for routes in [10, 1_000] {
        let files = [SourceFile::new("policy.toml", policy(routes, ""))];
        let changed = [SourceFile::new("policy.toml", policy(routes, "max_attempts = 2\n"))];
        let in_force = build(Policy::parse(&files)?, &builder, None)?;

        let begin = Instant::now();
        let policies: Vec<_> = (0..TIMES).map(|_| Policy::parse(&changed)).collect::<Result<_, _>>()?;
        let reading = begin.elapsed() / TIMES;

        let (before, begin) = (resident()?, Instant::now());
        let snapshots: Vec<_> =
            policies.into_iter().map(|policy| build(policy, &builder, Some(&in_force))).collect::<Result<_, _>>()?;
        let building = begin.elapsed() / TIMES;
        let beside = resident()?.saturating_sub(before) / u64::from(TIMES);
        drop(snapshots);
        println!(
            "{routes} routes, 10 backends: read in {reading:.1?}, built in {building:.1?}, {beside} KiB beside the policy itself"
        );
    }
    Ok(())
}

fn builder() -> Result<Builder, Box<dyn Error>> {
    let http = client(&ClientOptions::plain(Duration::from_secs(1)))?;
    Ok(Builder::new(LocalEngines::default(), Surroundings::of_process(http)))
}

fn build(policy: Policy, builder: &Builder, previous: Option<&Snapshot>) -> Result<Snapshot, String> {
    let told = |faults: Vec<_>| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Snapshot::build(policy, builder, previous).map_err(told)
}

/// A policy with ten backends, each of which serves every model, and this many routes to as many models.
fn policy(routes: usize, defaults: &str) -> String {
    let mut text = format!("version = 1\n[defaults]\n{defaults}");
    for backend in 0..10 {
        text += &format!("[backend.b{backend}]\nprovider = \"openai\"\n");
        (0..routes).for_each(|model| {
            let _infallible = writeln!(text, "models.m{model} = {{ name = \"upstream-{model}\" }}");
        });
    }
    for route in 0..routes {
        let (first, second) = (route % 10, (route + 1) % 10);
        text += &format!(
            "[[route]]\nname = \"r{route}\"\nmatch = {{ model = \"m{route}\" }}\ntiers = [[\"b{first}\", \"b{second}\"]]\n"
        );
    }
    text
}

/// What the process occupies of memory, in KiB.
fn resident() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
