//! `tradewind models list`.

use std::io::{self, Write};
use std::process::ExitCode;

use serde::Serialize;
use tradewind_models::Registry;
use tradewind_models::fetch::{Cache, FetchError, Presence};
use tradewind_models::registry::Entry;

use super::ModelsError;

/// One line of the list.
#[derive(Serialize)]
struct Listed<'a> {
    id: &'a str,
    task: &'static str,
    licence: &'a str,
    /// Where to read the licence, if it has to be accepted.
    terms: Option<&'a str>,
    context: usize,
    /// Of all files whose size the manifest tells.
    bytes: u64,
    default: bool,
    state: Presence,
    origin: String,
}

pub(super) fn run(cache: &Cache, registry: &Registry, json: bool, out: &mut impl Write) -> Result<ExitCode, ModelsError> {
    let listed = registry.entries().iter().map(|entry| listed(cache, entry)).collect::<Result<Vec<_>, FetchError>>()?;
    if json {
        writeln!(out, "{}", serde_json::to_string(&listed).map_err(io::Error::from)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{:28} {:14} {:>8} {:>9}  {:18} {:8} ORIGIN", "MODEL", "TASK", "CONTEXT", "MEGABYTES", "LICENCE", "FILES")?;
    for Listed { id, task, licence, context, bytes, state, origin, .. } in listed {
        let megabytes = bytes as f64 / 1e6;
        writeln!(out, "{id:28} {task:14} {context:>8} {megabytes:>9.1}  {licence:18} {:8} {origin}", state.as_str())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn listed<'a>(cache: &Cache, entry: &'a Entry) -> Result<Listed<'a>, FetchError> {
    let model = &*entry.manifest;
    Ok(Listed {
        id: model.id.as_str(),
        task: model.task.as_str(),
        licence: &model.licence,
        terms: model.terms.as_deref(),
        context: model.context,
        bytes: model.size(),
        default: model.is_default,
        state: cache.presence(model)?,
        origin: entry.origin.to_string(),
    })
}
