//! A large policy: how long it takes to compile and to be looked at, what a look-up costs, and how much memory it holds.
//!
//! `cargo run --release -p tradewind-bench --example large_policy`, with the numbers of routes and of tenants behind `--` if they are to be
//! others than a thousand each; at least as many tenants as routes. A third argument is a file that the policy is written to, for
//! `tradewind policy validate`.

#![expect(clippy::disallowed_types, reason = "there is no clock to pause in a benchmark")]

use std::{
    env,
    fmt::Write as _,
    fs,
    hint::black_box,
    process::ExitCode,
    time::{Duration, Instant},
};

use tradewind_policies::{Caller, Day, Needs, Operation, Policy, Request, SourceFile, TenantId};

/// The gateway's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many models the routes share.
const MODELS: usize = 50;
const BACKENDS: usize = 20;
/// Each of the runs asks so much; the quickest counts.
const RUNS: usize = 50;
const REQUESTS: usize = 20_000;

/// A policy in which every tenant has routes of its own: most are for two tenants, some for a group with a claim, and every third tenant has a
/// residency.
fn text(routes: usize, tenants: usize) -> String {
    let mut text = String::from("version = 1\n");
    for backend in 0..BACKENDS {
        let place = ["DE", "FR", "US", "NO"].into_iter().cycle().nth(backend).unwrap_or_default();
        let _ = writeln!(text, "[backend.b{backend}]\nprovider = \"vllm\"\nbase_url = \"http://b{backend}/v1\"");
        let _ = writeln!(text, "jurisdictions = [\"{place}\"]\nno_training = {}", backend % 3 > 0);
        for model in 0..MODELS {
            let _ = writeln!(text, "models.m{model} = {{ capabilities = {{ tools = {}, context = 32768 }} }}", backend % 5 > 0);
        }
    }
    for tenant in 0..tenants {
        let floor = if tenant % 3 == 0 { "residency = [\"EEA\"]" } else { "" };
        let _ = writeln!(text, "[tenant.t{tenant}]\nallow = [\"*\"]\n{floor}");
    }
    // The last route of each model is for everybody.
    for route in 0..routes {
        let model = route % MODELS;
        let everybody = route + MODELS >= routes;
        let of = route * tenants / routes.max(1);
        let has_claims = route % 7 == 0 && !everybody;
        let beside = if has_claims { format!("t{}*", of / 10) } else { format!("t{}", (of + 1) % tenants) };
        let tenant = if everybody { String::new() } else { format!(", tenant = [\"t{of}\", \"{beside}\"]") };
        let claims = if has_claims { format!(", claims = {{ plan = \"p{route}\" }}") } else { String::new() };
        let _ = writeln!(text, "[[route]]\nname = \"r{route}\"\nmatch = {{ model = \"m{model}\"{tenant}{claims} }}");
        let tier =
            |tier: usize| (0..5).map(|n| format!("\"b{}\"", (route + 5 * tier + n) % BACKENDS)).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "tiers = [[{}], [{}]]", tier(0), tier(1));
    }
    text
}

/// What this process holds in memory, in bytes.
fn resident() -> Option<u64> {
    let pages: u64 = fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// The look-ups of many tenants and models, one after the other, in the quickest of the runs: nanoseconds each.
fn look_up(policy: &Policy, tenants: &[TenantId], needs: Needs) -> f64 {
    let models: Vec<String> = (0..MODELS).map(|model| format!("m{model}")).collect();
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        let asked = tenants.iter().cycle().zip(models.iter().cycle()).take(REQUESTS);
        let served = asked.filter(|(tenant, model)| {
            let request = Request { needs, ..Request::new(Caller::of(tenant), model, Operation::Chat) };
            black_box(policy.eligible(&request)).is_ok_and(|eligible| eligible.targets().next().is_some())
        });
        let served = served.count();
        assert!(served > REQUESTS / 2, "only {served} are served");
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / REQUESTS as f64);
    }
    best
}

/// How long it takes to find all that may be wrong with a policy, in the quickest of some runs.
fn looked_at(files: &[SourceFile]) -> Duration {
    let run = |_| {
        let start = Instant::now();
        black_box(Policy::check(files, Day::of(Duration::ZERO)));
        start.elapsed()
    };
    (0..5).map(run).min().unwrap_or_default()
}

fn main() -> ExitCode {
    let mut counts = env::args().skip(1).take(2).map(|count| count.parse::<usize>().ok());
    let (Some(routes), Some(tenants)) = (counts.next().unwrap_or(Some(1_000)), counts.next().unwrap_or(Some(1_000))) else {
        eprintln!("accepted: a number of routes and a number of tenants");
        return ExitCode::FAILURE;
    };
    let files = [SourceFile::new("policy.toml", text(routes, tenants))];
    if let Some(path) = env::args().nth(3)
        && let Err(error) = fs::write(&path, files.iter().map(|file| file.text.as_str()).collect::<String>())
    {
        eprintln!("cannot write {path}: {error}");
        return ExitCode::FAILURE;
    }
    let before = resident();
    let start = Instant::now();
    let policy = match Policy::parse(&files) {
        Ok(policy) => policy,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::FAILURE;
        }
    };
    let took = start.elapsed();
    let held = before.zip(resident()).map(|(before, after)| after.saturating_sub(before));
    println!("{routes} routes, {tenants} tenants, {} kB of text", files.iter().map(|file| file.text.len()).sum::<usize>() / 1000);
    println!("  read and compiled    {:>8.1} ms", took.as_secs_f64() * 1e3);
    println!("  looked at            {:>8.1} ms", looked_at(&files).as_secs_f64() * 1e3);
    println!("  memory, at most      {:>8.1} MB", held.unwrap_or_default() as f64 / 1e6);
    let tenants: Vec<TenantId> = (0..tenants).filter_map(|tenant| format!("t{tenant}").parse().ok()).collect();
    println!("  look-up              {:>8.0} ns", look_up(&policy, &tenants, Needs::default()));
    let needs = Needs { tools: true, prompt_tokens: 4_000, ..Needs::default() };
    println!("  look-up, with needs  {:>8.0} ns", look_up(&policy, &tenants, needs));
    ExitCode::SUCCESS
}
