//! `tradewind models`: the files of the local models, which the gateway fetches by itself when it needs them.

mod bench;
mod list;
mod place;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand};
use tradewind_models::Registry;
use tradewind_models::fetch::{Cache, Condition, FetchError, digest_of, to_stderr};
use tradewind_models::manifest::Manifest;
use tradewind_models::registry::RegistryErrors;

pub use place::PlaceArgs;

/// See to the files of the local models.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    #[command(flatten)]
    place: PlaceArgs,
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// Every model that there is a manifest of, and whether its files are here
    List {
        /// Print one JSON list
        #[arg(long)]
        json: bool,
    },
    /// Fetch the files of models, if they are not here
    Pull(Named),
    /// Read the files of models, and check that each is what its manifest says
    Verify(Named),
    /// Load a chat model and measure how its engine does with many requests at a time; fails if a bar is not cleared
    Bench(bench::BenchArgs),
    /// Print what a manifest has to say of files that are here: their names, digests and sizes
    Pin {
        /// Which
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Remove the files of models
    Rm {
        /// Which
        #[arg(value_name = "MODEL", required = true)]
        models: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Named {
    /// Which [default: those that are served when nobody chose]
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
}

/// The models could not be seen to.
#[derive(Debug, thiserror::Error)]
pub enum ModelsError {
    /// There is no such model.
    #[error("there is no model `{asked}`; known are: {known}")]
    Unknown {
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
    },
    /// The manifests cannot be used.
    #[error(transparent)]
    Manifests(#[from] RegistryErrors),
    /// The files cannot be had, read or removed.
    #[error(transparent)]
    Files(#[from] FetchError),
    /// The model cannot be measured.
    #[error("cannot measure: {0}")]
    Bench(#[from] bench::CannotMeasure),
    /// A file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The output was closed.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// Runs the command; what it finds goes to `out`. Success means that all is as it should be: of `verify`, that every file is right; of `bench`, that every bar is cleared.
///
/// # Errors
/// Where a model is not known, or its files cannot be seen to.
pub fn run(args: ModelsArgs, out: &mut impl Write) -> Result<ExitCode, ModelsError> {
    let (cache, registry) = (args.place.cache()?, args.place.registry()?);
    match args.command {
        ModelsCommand::List { json } => list::run(&cache, &registry, json, out),
        ModelsCommand::Pull(named) => {
            for model in chosen(&registry, &named.models)? {
                let files = cache.ensure(model, &*to_stderr())?;
                writeln!(out, "{}: {}", model.id, files.folder().display())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        ModelsCommand::Verify(named) => verify(&cache, &chosen(&registry, &named.models)?, out),
        ModelsCommand::Bench(asked) => Ok(bench::run(&cache, &registry, &asked, out)?),
        ModelsCommand::Pin { files } => {
            for file in &files {
                pin(file, out)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        ModelsCommand::Rm { models } => {
            for model in chosen(&registry, &models)? {
                let was = if cache.remove(&model.id)? { "removed" } else { "was not here" };
                writeln!(out, "{}: {was}", model.id)?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn pin(file: &Path, out: &mut impl Write) -> Result<(), ModelsError> {
    let unreadable = |source| ModelsError::Unreadable { path: file.to_owned(), source };
    let (sha256, size) = (digest_of(file).map_err(unreadable)?, file.metadata().map_err(unreadable)?.len());
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    writeln!(out, "[[file]]\nname = \"{name}\"\nsha256 = \"{sha256}\"\nsize = {size}\n")?;
    Ok(())
}

fn verify(cache: &Cache, models: &[&Arc<Manifest>], out: &mut impl Write) -> Result<ExitCode, ModelsError> {
    let mut verdict = ExitCode::SUCCESS;
    for model in models {
        for (file, condition) in cache.verify(model)? {
            let told = match condition {
                Condition::Right => "right".to_owned(),
                Condition::Unstated { actual } => format!("here, with sha256 {actual}, which the manifest does not state"),
                Condition::Wrong { actual } => {
                    let stated = file.sha256.map(|sha256| format!(" instead of {sha256}"));
                    format!("wrong: sha256 {actual}{}", stated.unwrap_or_default())
                }
                Condition::Missing => format!("missing: `tradewind models pull {}` fetches it", model.id),
            };
            if matches!(condition, Condition::Wrong { .. } | Condition::Missing) {
                verdict = ExitCode::FAILURE;
            }
            writeln!(out, "{}/{}: {told}", model.id, file.name)?;
        }
    }
    Ok(verdict)
}

/// The models of these names; without any, those that are served when nobody chose.
fn chosen<'r>(registry: &'r Registry, names: &[String]) -> Result<Vec<&'r Arc<Manifest>>, ModelsError> {
    if names.is_empty() {
        return Ok([registry.default_chat(), registry.default_embeddings()].into_iter().flatten().collect());
    }
    let unknown = |name: &String| ModelsError::Unknown { asked: name.clone(), known: registry.ids() };
    names.iter().map(|name| registry.find(name).ok_or_else(|| unknown(name))).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ModelsArgs,
    }

    /// What a command says of an empty cache, and how it ends.
    fn said(folder: &Path, words: &[&str]) -> (String, Result<ExitCode, String>) {
        let folder = folder.to_str().unwrap();
        let line = ["models", "--models", folder, "--manifests", folder].into_iter().chain(words.iter().copied());
        let mut out = Vec::new();
        let outcome = run(Line::parse_from(line).args, &mut out).map_err(|error| error.to_string());
        (String::from_utf8(out).unwrap(), outcome)
    }

    #[test]
    fn models_are_listed_and_found_missing() {
        let folder = tempfile::tempdir().unwrap();
        let (listed, outcome) = said(folder.path(), &["list", "--json"]);
        assert_eq!(outcome, Ok(ExitCode::SUCCESS));
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        let first = &listed[0];
        assert_eq!((&first["state"], &first["task"], &first["origin"]), (&"missing".into(), &"chat".into(), &"built-in".into()));
        let (told, outcome) = said(folder.path(), &["verify", "smollm2-135m-instruct"]);
        assert_eq!(outcome, Ok(ExitCode::FAILURE));
        assert!(told.contains("missing: `tradewind models pull smollm2-135m-instruct`"), "{told}");
        assert_eq!(said(folder.path(), &["rm", "all-minilm-l6-v2"]).0, "all-minilm-l6-v2: was not here\n");
    }

    #[test]
    fn a_file_that_was_changed_is_wrong_and_can_be_removed() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("all-minilm-l6-v2");
        std::fs::create_dir(&model).unwrap();
        std::fs::write(model.join("config.json"), "{}").unwrap();
        let (told, outcome) = said(folder.path(), &["verify", "all-minilm-l6-v2"]);
        assert_eq!(outcome, Ok(ExitCode::FAILURE));
        assert!(told.contains("config.json: wrong: sha256 44136fa355b3678a1146ad16f7e8649e"), "{told}");
        assert_eq!(said(folder.path(), &["rm", "all-minilm-l6-v2"]).0, "all-minilm-l6-v2: removed\n");
        assert!(!model.exists());
    }

    #[test]
    fn a_file_is_pinned_by_what_a_manifest_says_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("w.gguf");
        std::fs::write(&file, "weights").unwrap();
        let (told, outcome) = said(folder.path(), &["pin", file.to_str().unwrap()]);
        assert_eq!(outcome, Ok(ExitCode::SUCCESS));
        assert!(told.starts_with("[[file]]\nname = \"w.gguf\"\nsha256 = \"") && told.ends_with("size = 7\n\n"), "{told}");
        assert!(said(folder.path(), &["pin", "/nowhere"]).1.unwrap_err().contains("cannot read /nowhere"));
    }

    #[test]
    fn a_licence_that_is_not_open_source_has_to_be_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let error = said(folder.path(), &["pull", "gemma-3-270m"]).1.unwrap_err();
        assert!(
            error.contains("LicenseRef-Gemma, which is not an open-source licence: read https://ai.google.dev/gemma/terms"),
            "{error}"
        );
        assert!(error.contains("--accept-licence LicenseRef-Gemma"), "{error}");
    }

    #[test]
    fn a_model_that_is_not_known_is_answered_with_those_that_are() {
        let folder = tempfile::tempdir().unwrap();
        let error = said(folder.path(), &["pull", "gpt-5"]).1.unwrap_err();
        assert!(error.contains("no model `gpt-5`") && error.contains("smollm2-135m-instruct"), "{error}");
    }
}
