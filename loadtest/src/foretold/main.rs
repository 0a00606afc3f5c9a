//! What `tradewind policy plan` foretells of a change, and what comes of it: a recorded trace, sent through a real gateway to simulated clouds.
//!
//! The trace is sent at its own times, whatever becomes of the answers, and the gateway records how it decides. From that record alone, the gateway's own
//! `policy plan --log` says what a change would do. Then `policy apply` makes the change, and the same trace is sent again. Between the changes the
//! old policy comes back and the trace is sent under it once more: how far that differs from the record is what no forecast can do better than.
//!
//! # What is scaled
//!
//! With `--speed 5` the whole world runs five times as fast: arrivals, the latencies of the clouds, and what a cent buys. Seconds and dollars a day are told
//! in the world's time. What the gateway itself adds, and what it does by the clock (it forgets what it learnt in minutes), is not scaled.

#![forbid(unsafe_code)]

mod drive;
mod figures;
mod gateway;
mod records;
mod report;
mod trace;
mod world;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

use self::drive::Caller;
use self::figures::Figures;
use self::gateway::Gateway;
use self::report::{Outcome, Report};
use self::trace::Trace;
use self::world::{Change, World};

/// Any reason not to go on: this is a measurement, and half of one is none.
type Failure = Box<dyn Error + Send + Sync>;

/// Foretell what a change of the policy does to recorded traffic, make the change, and measure what it did.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The trace: lines of `timestamp,prompt tokens,output tokens`
    #[arg(long, value_name = "FILE")]
    trace: PathBuf,
    /// The gateway's binary [default: `tradewind` beside this one]
    #[arg(long, value_name = "FILE")]
    gateway: Option<PathBuf>,
    /// How much faster the world runs than the clock
    #[arg(long, value_name = "FACTOR", default_value_t = 5.0)]
    speed: f64,
    /// How much of the trace is sent, in its own time
    #[arg(long, value_name = "DURATION", default_value = "15min", value_parser = humantime::parse_duration)]
    length: Duration,
    /// How much of it is sent before anything is recorded, so that the gateway has learnt how the clouds are
    #[arg(long, value_name = "DURATION", default_value = "5min", value_parser = humantime::parse_duration)]
    warm_up: Duration,
    /// How often all of it is done
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeat: usize,
    /// Where records, plans and the gateway's log are kept [default: nowhere]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    if !(arguments.speed >= 1.0 && arguments.speed <= 100.0) {
        return Err(format!("--speed {} is not accepted: 1 to 100", arguments.speed).into());
    }
    let trace = Trace::read(&arguments.trace)?;
    let passing = tempfile::tempdir()?;
    let folder = arguments.keep.clone().unwrap_or_else(|| passing.path().to_owned());
    std::fs::create_dir_all(&folder)?;
    let report = measure(&arguments, &trace, &folder).await?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?)
    } else {
        print!("{report}")
    }
    Ok(())
}

/// Sends the trace again and again: under the old policy, under each new one, and under the old one.
async fn measure(arguments: &Arguments, trace: &Trace, folder: &Path) -> Result<Report, Failure> {
    let speed = arguments.speed;
    let world = World::start(speed).await?;
    let gateway = Gateway::start(arguments.gateway.as_deref(), folder, &world.policy(&Change::None)).await?;
    let caller = Caller::new(gateway.address(), &gateway.certificate(), gateway.token().await?, speed)?;
    let part = trace.first(arguments.length);
    if part.is_empty() {
        return Err(format!("the trace has no request in its first {}", humantime::format_duration(arguments.length)).into());
    }
    caller.play(&trace.first(arguments.warm_up)).await?;

    let mut report = Report::new(part.len(), arguments);
    for turn in 1..=arguments.repeat {
        eprintln!("turn {turn} of {}", arguments.repeat);
        let name = |what: &str| folder.join(format!("{turn}-{what}.jsonl"));
        let before = records::taken(caller.play(&part).await?, &gateway, &name("before")).await?;
        let before_figures = Figures::of(&before, speed)?;
        // All of it is foretold while the policy of the record is in force.
        let mut forecasts = Vec::new();
        for change in Change::ALL {
            let plan = gateway.plan(&world.policy(&change), Some(&name("before"))).await?;
            std::fs::write(folder.join(format!("{turn}-{}.plan.json", change.name())), serde_json::to_vec_pretty(&plan)?)?;
            let forecast = before_figures.foretold(&plan, before.len(), speed)?;
            forecasts.push((change, Some(forecast).filter(|_| change != Change::None)));
        }
        for (change, forecast) in forecasts {
            gateway.put_in_force(&world.policy(&change)).await?;
            let after = records::taken(caller.play(&part).await?, &gateway, &name(change.name())).await?;
            let measured = Figures::of(&after, speed)?;
            let paired = records::moved(&before, &after);
            report.add(Outcome { turn, change: change.name(), before: before_figures.clone(), forecast, measured, paired });
        }
    }
    report.lateness_s = caller.lateness().as_secs_f64();
    gateway.stop().await?;
    Ok(report)
}
