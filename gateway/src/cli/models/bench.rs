//! `tradewind models bench`: how a chat model's engine does on this machine with many requests at a time.

use std::io::{self, Write};
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use tradewind_models::Registry;
use tradewind_models::bench::{Bar, Plan, Report};
use tradewind_models::fetch::Cache;
use tradewind_models::manifest::Manifest;

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Which [default: the chat model that is served when nobody chose]
    #[arg(value_name = "MODEL")]
    model: Option<String>,
    /// How long each of the six parts lasts, about; the one with too many requests, three times as long
    #[arg(long, value_name = "N", default_value = "10")]
    seconds: NonZeroU32,
    /// Decides the questions, their times and who leaves
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// There is nothing to print.
#[derive(Debug, thiserror::Error)]
pub enum CannotMeasure {
    /// There is no such chat model.
    #[error("{asked} is no chat model; `tradewind models list` shows which are")]
    Unknown {
        /// What was asked for.
        asked: String,
    },
    /// The model cannot be had or measured.
    #[error("{0}")]
    Failed(String),
    /// The output was closed.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    model: &'a str,
    #[serde(flatten)]
    report: &'a Report,
    bars: &'a [Bar],
}

/// Succeeds if every bar is cleared.
pub(super) fn run(cache: &Cache, registry: &Registry, args: &BenchArgs, out: &mut impl Write) -> Result<ExitCode, CannotMeasure> {
    let model = chosen(registry, args.model.as_deref())?;
    let plan = Plan { span: Duration::from_secs(args.seconds.get().into()), seed: args.seed, stop_tokens: Vec::new() };
    let report = engine::measure_loaded(cache, model, plan).map_err(|error| CannotMeasure::Failed(error.to_string()))?;
    let bars = report.bars();
    if args.json {
        let told = Told { model: model.id.as_str(), report: &report, bars: &bars };
        writeln!(out, "{}", serde_json::to_string(&told).map_err(io::Error::from)?)?;
    } else {
        print(&report, out)?;
        print_bars(&bars, out)?;
    }
    Ok(if bars.iter().all(|bar| bar.holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen<'r>(registry: &'r Registry, asked: Option<&str>) -> Result<&'r Manifest, CannotMeasure> {
    let model = asked.map_or_else(|| registry.default_chat(), |id| registry.find(id));
    let unknown = || CannotMeasure::Unknown { asked: asked.unwrap_or("the default").to_owned() };
    model.map(|model| &**model).filter(|model| model.task.generates()).ok_or_else(unknown)
}

fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let Report { batching, shared_prefix, intrusion, overload, forecasts, departures } = report;
    writeln!(out, "ANSWERS TOGETHER   TOKENS/S")?;
    for pace in &batching.paces {
        writeln!(out, "{:>16} {:>10.1}", pace.answers, pace.tokens_per_second)?;
    }
    let prefill = shared_prefix.prefill_tokens_per_second;
    writeln!(out, "reading: {prefill:.0} tokens/s")?;
    let (prompt, cached) = (shared_prefix.prompt_tokens, shared_prefix.cached_tokens);
    let (first, second) = (shared_prefix.first_ms, shared_prefix.second_ms);
    writeln!(out, "a shared prompt of {prompt} tokens ({cached} cached): first token after {first:.0} ms, then {second:.0} ms")?;
    let (prompt, streams, read) = (intrusion.prompt_tokens, intrusion.streams, intrusion.first_ms / 1e3);
    writeln!(
        out,
        "a prompt of {prompt} tokens among {streams} answers: first token after {read:.1} s; gaps between their tokens"
    )?;
    for (name, gaps) in [("without", intrusion.without), ("during", intrusion.during)] {
        let (median, longest, count) = (gaps.median_ms, gaps.longest_ms, gaps.count);
        writeln!(out, "    {name:8} median {median:.1} ms, longest {longest:.1} ms, of {count}")?;
    }
    let (kept, peak) = (overload.tokens_per_second, overload.peak_tokens_per_second);
    let (offered, refused) = (overload.offered, overload.refused);
    writeln!(out, "twice the load: {kept:.1} tokens/s (peak {peak:.1}), {refused} of {offered} requests refused")?;
    if let Some((before, after)) = overload.resident {
        writeln!(out, "    in memory {:.1} MB before, {:.1} MB after", before as f64 / 1e6, after as f64 / 1e6)?;
    }
    let (requests, error) = (forecasts.requests, forecasts.median_error);
    writeln!(out, "four fifths of the load: {requests} requests, first token forecast within {error:.2} (median of |ln|)")?;
    let (left, requests) = (departures.left, departures.requests);
    let (lost, blocks, steps) = (departures.lost, departures.blocks, departures.steps);
    writeln!(
        out,
        "{left} of {requests} readers left: {lost} of {blocks} blocks not free, the others after {steps} step(s) at most"
    )
}

fn print_bars(bars: &[Bar], out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n{:68} {:>8} {:>6}", "BAR", "MEASURED", "BAR")?;
    for Bar { what, measured, bar, holds } in bars {
        let holds = if *holds { "holds" } else { "FAILS" };
        writeln!(out, "{what:68} {measured:>8.2} {bar:>6.2}  {holds}")?;
    }
    Ok(())
}

#[cfg(feature = "local")]
mod engine {
    use std::error::Error;

    use tradewind_candle::{LoadOptions, limit_compute_threads, load_chat};
    use tradewind_models::ChatEngine;
    use tradewind_models::bench::{Plan, Report, measure};
    use tradewind_models::chat::ChatSettings;
    use tradewind_models::fetch::{Cache, to_stderr};
    use tradewind_models::manifest::Manifest;

    /// Fetches the model if need be, and measures it as the gateway would run it.
    pub(super) fn measure_loaded(cache: &Cache, model: &Manifest, plan: Plan) -> Result<Report, Box<dyn Error>> {
        limit_compute_threads(None)?;
        let files = cache.ensure(model, &*to_stderr())?;
        let loaded = load_chat(model, &files, &LoadOptions::default())?;
        let plan = Plan { stop_tokens: loaded.stop_tokens.clone(), ..plan };
        let engine = ChatEngine::start(loaded, ChatSettings::default())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        Ok(runtime.block_on(measure(&engine, &plan, |part| eprintln!("measuring: {part}")))?)
    }
}

#[cfg(not(feature = "local"))]
mod engine {
    use tradewind_models::bench::{Plan, Report};
    use tradewind_models::fetch::Cache;
    use tradewind_models::manifest::Manifest;

    pub(super) fn measure_loaded(_: &Cache, _: &Manifest, _: Plan) -> Result<Report, &'static str> {
        Err("this build has no local inference: build it with the feature `local`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_does_not_chat_is_not_measured() {
        let error = chosen(&Registry::built_in(), Some("all-minilm-l6-v2")).unwrap_err().to_string();
        assert_eq!(error, "all-minilm-l6-v2 is no chat model; `tradewind models list` shows which are");
        assert_eq!(chosen(&Registry::built_in(), None).unwrap().id.as_str(), "smollm2-135m-instruct");
    }

    #[test]
    fn a_bar_that_is_not_cleared_is_shouted() {
        let mut out = Vec::new();
        let bar = |holds| Bar { what: "speed", measured: 1.5, bar: 2.0, holds };
        print_bars(&[bar(true), bar(false)], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("1.50   2.00  holds\n") && text.ends_with("1.50   2.00  FAILS\n"), "{text}");
    }
}
