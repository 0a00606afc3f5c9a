//! `tradewind doctor`: what this machine offers for local models, and what each of them would run on.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use tradewind_candle::Machine;
use tradewind_models::fetch::Cache;
use tradewind_models::manifest;

use super::models::ModelsError;

/// Say what this machine offers for local models, and what each would run on.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Where their files are kept [default: $TRADEWIND_MODELS, else tradewind/models in the user's cache folder]
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
}

/// Looks, and tells `out`.
///
/// # Errors
/// Where the models' folder cannot be read, or nobody listens.
pub fn run(args: DoctorArgs, out: &mut impl Write) -> Result<(), ModelsError> {
    let cache = args.models.map_or_else(Cache::from_environment, |folder| Ok(Cache::open(folder)))?;
    let machine = Machine::look();
    write!(out, "{machine}")?;
    writeln!(out, "models  {}", cache.root().display())?;
    for model in manifest::registry() {
        let device = match machine.gpus.first() {
            Some(gpu) if machine.has_cuda => gpu.as_str(),
            _ => "the CPU",
        };
        let files = if cache.has(model)? { "its files are here" } else { "its files are fetched at the first start" };
        writeln!(out, "        {}: would run on {device}; {files}", model.id)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doctor_names_the_machine_and_every_model() {
        let folder = tempfile::tempdir().unwrap();
        let mut out = Vec::new();
        run(DoctorArgs { models: Some(folder.path().to_owned()) }, &mut out).unwrap();
        let told = String::from_utf8(out).unwrap();
        assert!(told.starts_with("cpu "), "{told}");
        for model in manifest::registry() {
            assert!(told.contains(&format!("{}: would run on", model.id)), "{told}");
        }
    }
}
