//! `tradewind models`: the files of the local models, which the gateway fetches by itself when it starts.

mod bench;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use tradewind_models::fetch::{Cache, Condition, FetchError, to_stderr};
use tradewind_models::manifest::{self, Manifest, Task};

/// See to the files of the local models.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// Where the files are kept [default: $TRADEWIND_MODELS, else tradewind/models in the user's cache folder]
    #[arg(long = "models", id = "folder", value_name = "DIR", global = true)]
    folder: Option<PathBuf>,
    #[command(subcommand)]
    command: ModelsCommand,
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// Every model that this build can serve, and whether its files are here
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
    #[error("there is no model `{asked}`; known are: {}", known())]
    Unknown {
        /// What was asked for.
        asked: String,
    },
    /// The files cannot be had, read or removed.
    #[error(transparent)]
    Files(#[from] FetchError),
    /// The model cannot be measured.
    #[error("cannot measure: {0}")]
    Bench(#[from] bench::CannotMeasure),
    /// The output was closed.
    #[error("cannot print: {0}")]
    Print(#[from] io::Error),
}

/// One line of the list.
#[derive(Serialize)]
struct Listed<'a> {
    id: &'a str,
    task: &'static str,
    licence: &'a str,
    context: usize,
    bytes: u64,
    default: bool,
    present: bool,
}

/// Runs the command; what it finds goes to `out`. Success means that all is as it should be: of `verify`, that every file is right; of `bench`, that every bar is cleared.
///
/// # Errors
/// Where a model is not known, or its files cannot be seen to.
pub fn run(args: ModelsArgs, out: &mut impl Write) -> Result<ExitCode, ModelsError> {
    let cache = args.folder.map_or_else(Cache::from_environment, |folder| Ok(Cache::open(folder)))?;
    match args.command {
        ModelsCommand::List { json } => list(&cache, json, out),
        ModelsCommand::Pull(named) => {
            for model in chosen(&named.models)? {
                let files = cache.ensure(model, &*to_stderr())?;
                writeln!(out, "{}: {}", model.id, files.folder().display())?;
            }
            Ok(ExitCode::SUCCESS)
        }
        ModelsCommand::Verify(named) => verify(&cache, &chosen(&named.models)?, out),
        ModelsCommand::Bench(asked) => Ok(bench::run(&cache, &asked, out)?),
        ModelsCommand::Rm { models } => {
            for model in chosen(&models)? {
                let was = if cache.remove(&model.id)? { "removed" } else { "was not here" };
                writeln!(out, "{}: {was}", model.id)?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(cache: &Cache, json: bool, out: &mut impl Write) -> Result<ExitCode, ModelsError> {
    let listed = manifest::registry().iter().map(|model| {
        let task = match model.task {
            Task::Chat => "chat",
            Task::Embeddings { .. } => "embeddings",
            Task::Rerank => "rerank",
            Task::Classification => "classification",
            Task::TokenClassification { .. } => "token-classification",
        };
        let (id, licence) = (model.id.as_str(), model.licence.as_str());
        let present = cache.has(model)?;
        Ok(Listed { id, task, licence, context: model.context, bytes: model.size(), default: model.is_default, present })
    });
    let listed = listed.collect::<Result<Vec<_>, FetchError>>()?;
    if json {
        writeln!(out, "{}", serde_json::to_string(&listed).map_err(io::Error::from)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{:28} {:20} {:>8} {:>9}  {:12} here", "MODEL", "TASK", "CONTEXT", "MEGABYTES", "LICENCE")?;
    for Listed { id, task, licence, context, bytes, present, .. } in listed {
        let here = if present { "yes" } else { "no" };
        writeln!(out, "{id:28} {task:20} {context:>8} {:>9.1}  {licence:12} {here}", bytes as f64 / 1e6)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn verify(cache: &Cache, models: &[&Manifest], out: &mut impl Write) -> Result<ExitCode, ModelsError> {
    let mut verdict = ExitCode::SUCCESS;
    for model in models {
        for (file, condition) in cache.verify(model)? {
            let told = match condition {
                Condition::Right => "right".to_owned(),
                Condition::Wrong { actual } => format!("wrong: sha256 {actual} instead of {}", file.sha256),
                Condition::Missing => format!("missing: `tradewind models pull {}` fetches it", model.id),
            };
            if condition != Condition::Right {
                verdict = ExitCode::FAILURE;
            }
            writeln!(out, "{}/{}: {told}", model.id, file.name)?;
        }
    }
    Ok(verdict)
}

/// The models of these names; without any, those that are served when nobody chose.
fn chosen(names: &[String]) -> Result<Vec<&'static Manifest>, ModelsError> {
    if names.is_empty() {
        return Ok([manifest::default_chat(), manifest::default_embeddings()].into_iter().flatten().collect());
    }
    names.iter().map(|name| manifest::find(name).ok_or_else(|| ModelsError::Unknown { asked: name.clone() })).collect()
}

fn known() -> String {
    let ids: Vec<&str> = manifest::registry().iter().map(|model| model.id.as_str()).collect();
    ids.join(", ")
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
    fn said(folder: &std::path::Path, words: &[&str]) -> (String, Result<ExitCode, String>) {
        let line = ["models", "--models", folder.to_str().unwrap()].into_iter().chain(words.iter().copied());
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
        assert_eq!((&listed[0]["present"], &listed[0]["task"]), (&false.into(), &"chat".into()));
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
    fn a_model_that_is_not_known_is_answered_with_those_that_are() {
        let folder = tempfile::tempdir().unwrap();
        let error = said(folder.path(), &["pull", "gpt-5"]).1.unwrap_err();
        assert!(error.contains("no model `gpt-5`") && error.contains("smollm2-135m-instruct"), "{error}");
    }
}
