//! `tradewind serve`: the gateway itself.

use std::{
    fmt,
    io::{self, Write as _},
    process::ExitCode,
};

use super::banner;
use crate::{
    backend::LocalEngines,
    config::{Environment, ServeArgs, Settings},
    gateway::Gateway,
    server::{Shutdown, on_signals},
    telemetry,
};

/// The exit code of a gateway that was started wrongly.
const MISUSED: u8 = 2;

/// Serves until a signal says to stop.
pub(super) fn run(args: &ServeArgs) -> ExitCode {
    let settings = match Settings::load(args, &Environment::of_process()) {
        Ok(settings) => settings,
        Err(faults) => return misused(&faults),
    };
    #[cfg(feature = "local")]
    if let Err(error) = tradewind_candle::limit_compute_threads(settings.local.threads) {
        return failed(&error);
    }
    if let Err(error) = telemetry::logging::init(&settings.log) {
        return misused(&error);
    }
    let metrics = match telemetry::install() {
        Ok(metrics) => metrics,
        Err(error) => return failed(&error),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("tw-io").build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    runtime.block_on(async {
        let gateway = match Gateway::bind(settings).await {
            Ok(gateway) => gateway,
            Err(error) => return misused(&error),
        };
        if let Err(error) = io::stdout().write_all(banner::listening(&gateway).as_bytes()) {
            return failed(&error);
        }
        let told = tokio::spawn(tell_of_models(banner::Ready::of(&gateway), gateway.engines().clone()));
        let shutdown = Shutdown::new();
        let signals = tokio::spawn(heed_signals(shutdown.clone()));
        let result = gateway.run(metrics, shutdown).await;
        signals.abort();
        told.abort();
        result.map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS)
    })
}

/// A gateway that could not be told to stop would have to be killed with its requests: it ends instead.
async fn heed_signals(shutdown: Shutdown) {
    if let Err(error) = on_signals(shutdown.clone()).await {
        tracing::error!(%error, "cannot listen for signals; shutting down");
        shutdown.begin();
    }
}

/// Says what has become of the local models, once they have come in or failed to.
async fn tell_of_models(ready: banner::Ready, engines: LocalEngines) {
    engines.settled().await;
    if let Err(error) = io::stdout().write_all(ready.text(&engines).as_bytes()) {
        tracing::warn!(%error, "cannot write to standard output");
    }
}

/// Says what the operator can mend.
fn misused(error: &dyn fmt::Display) -> ExitCode {
    eprintln!("tradewind: {error}");
    ExitCode::from(MISUSED)
}

fn failed(error: &dyn fmt::Display) -> ExitCode {
    eprintln!("tradewind: {error}");
    ExitCode::FAILURE
}
