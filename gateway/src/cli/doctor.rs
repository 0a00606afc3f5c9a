//! `tradewind doctor`: what this machine offers for local models, and what each of them would run on.

use std::io::Write;

use clap::Args;
use tradewind_candle::{DeviceChoice, Machine, footprint};
use tradewind_models::fetch::{Cache, Presence, to_stderr};
use tradewind_models::manifest::Manifest;

use super::models::{ModelsError, PlaceArgs};
use crate::backend::{Mebibytes, usual_memory};

/// Say what this machine offers for local models, and what each would run on.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    place: PlaceArgs,
}

/// Looks, and tells `out`.
///
/// # Errors
/// Where the models' folder cannot be read, or nobody listens.
pub fn run(args: DoctorArgs, out: &mut impl Write) -> Result<(), ModelsError> {
    let (cache, registry) = (args.place.cache()?, args.place.registry()?);
    let machine = Machine::look();
    write!(out, "{machine}")?;
    writeln!(out, "models  {}", cache.root().display())?;
    if let Some(memory) = machine.memory {
        let memory = Mebibytes(usual_memory(memory));
        writeln!(out, "        together they take at most {memory} of memory, unless `memory` in [local] says otherwise")?;
    }
    for entry in registry.entries() {
        let device = match machine.gpus.first() {
            Some(gpu) if machine.has_cuda => gpu.as_str(),
            _ => "the CPU",
        };
        let model = &entry.manifest;
        let files = match cache.presence(model)? {
            Presence::Cached => takes(&cache, model),
            Presence::Partly => "its files are partly here; the rest is fetched when it is needed".to_owned(),
            Presence::Missing => "its files are fetched when it is needed".to_owned(),
        };
        let licence = model.terms.as_ref().map(|terms| format!("; its licence, {}, has to be accepted: {terms}", model.licence));
        writeln!(out, "        {}: would run on {device}; {files}{}", model.id, licence.unwrap_or_default())?;
    }
    Ok(())
}

/// What a model of which all files are here takes of memory.
fn takes(cache: &Cache, model: &Manifest) -> String {
    let told = || -> Result<String, Box<dyn std::error::Error>> {
        let estimate = footprint(model, &cache.ensure(model, &*to_stderr())?, DeviceChoice::Auto)?;
        let (least, usual) = (estimate.bytes(estimate.least_cache_tokens), estimate.bytes(estimate.usual_cache_tokens));
        if estimate.cache_token == 0 {
            return Ok(format!("its files are here, and it takes {} of memory", Mebibytes(usual)));
        }
        let (least, usual, tokens) = (Mebibytes(least), Mebibytes(usual), estimate.usual_cache_tokens);
        Ok(format!("its files are here, and it takes {least} of memory, or {usual} with a cache for {tokens} tokens"))
    };
    told().unwrap_or_else(|error| format!("its files are here, but {error}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: DoctorArgs,
    }

    #[test]
    fn the_doctor_names_the_machine_and_every_model() {
        let folder = tempfile::tempdir().unwrap();
        let mut out = Vec::new();
        let path = folder.path().to_str().unwrap();
        run(Line::parse_from(["doctor", "--models", path, "--manifests", path]).args, &mut out).unwrap();
        let told = String::from_utf8(out).unwrap();
        assert!(told.starts_with("cpu "), "{told}");
        for model in tradewind_models::manifest::registry() {
            assert!(told.contains(&format!("{}: would run on", model.id)), "{told}");
        }
    }
}
