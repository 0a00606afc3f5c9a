//! Replays the fuzz corpus, so that what fuzzing found stays found on stable Rust, and puts the golden files of every provider through every
//! exercise: each decoder must survive the dialects of all others.
//!
//! `UPDATE_CORPUS=1` writes seeds for the fuzz targets from the golden files.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on says where and why")]

#[path = "../fuzz/exercises/mod.rs"]
mod exercises;

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

/// The largest golden file that becomes a seed: small seeds make fast fuzzing.
const LARGEST_SEED: usize = 4096;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The files below `folder`; none where it is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// What a golden file holds on the wire: the body, where it begins with a status and headers.
fn wire(path: &Path) -> Option<(&'static str, Vec<u8>)> {
    let name = path.file_name()?.to_str()?;
    let bytes = fs::read(path).unwrap();
    let body = || bytes.windows(2).position(|pair| pair == b"\n\n").and_then(|end| bytes.get(end + 2..)).map(<[u8]>::to_vec);
    match name {
        "client.request.json" => Some(("requests", bytes)),
        "upstream.response.http" => Some(("answers", body()?)),
        "upstream.stream.http" => Some(("stream", body()?)),
        _ => None,
    }
}

#[test]
fn the_corpus_is_survived() {
    for (name, exercise) in exercises::ALL {
        let inputs = files(&folder("fuzz/corpus").join(name));
        assert!(!inputs.is_empty(), "no corpus for {name}");
        for path in inputs {
            exercise(&fs::read(path).unwrap());
        }
    }
}

#[test]
fn every_target_is_replayed() {
    let targets = files(&folder("fuzz/fuzz_targets"));
    let mut targets: Vec<_> = targets.iter().map(|path| path.file_stem().expect("a name").to_str().expect("a name")).collect();
    let mut replayed: Vec<_> = exercises::ALL.into_iter().map(|(name, _)| name).collect();
    targets.sort_unstable();
    replayed.sort_unstable();
    assert_eq!(replayed, targets);
}

#[test]
fn every_decoder_survives_every_dialect() {
    let mut seen = HashSet::new();
    for path in files(&folder("tests/golden")) {
        let Some((kind, bytes)) = wire(&path) else { continue };
        for (_, exercise) in exercises::ALL {
            exercise(&bytes);
        }
        if std::env::var_os("UPDATE_CORPUS").is_some() && seen.insert(bytes.clone()) {
            seed(&path, kind, &bytes);
        }
    }
}

/// Keeps a golden file as a seed, under the names of its provider and case, for the target that reads its kind.
fn seed(path: &Path, kind: &str, bytes: &[u8]) {
    let case = path.parent().expect("a case");
    let ask = fs::read_to_string(case.join("ask.json")).unwrap();
    let provider = case.parent().and_then(Path::file_name).and_then(|name| name.to_str()).expect("a provider");
    let case = case.file_name().and_then(|name| name.to_str()).expect("a name");
    let target = match (kind, provider) {
        (_, _) if ask.contains("\"embeddings\"") => "embeddings",
        (_, _) if ask.contains("\"rerank\"") => "rerank",
        ("answers", _) if case.starts_with("error") => "errors",
        ("stream", "anthropic") => "anthropic_stream",
        ("stream", "gemini" | "vertex") => "gemini_stream",
        ("stream", "cohere") => "cohere_stream",
        ("stream", "sagemaker") if !case.starts_with("openai") => "tgi_stream",
        ("stream", _) => "openai_stream",
        (kind, _) => kind,
    };
    if bytes.len() <= LARGEST_SEED {
        let folder = folder("fuzz/corpus").join(target);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{provider}-{case}")), bytes).unwrap_or_else(|error| panic!("{provider}-{case}: {error}"));
    }
}
