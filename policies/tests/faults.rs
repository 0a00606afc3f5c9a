//! Faulty policies and the exact messages about them: each folder of `tests/faults` holds one policy and, in
//! `expected.txt`, what an operator gets to read.
//!
//! With `UPDATE_EXPECTED` set, the test writes what it sees instead; the review of that change is the test then.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::fs;
use std::path::Path;

use tradewind_policies::{Policy, SourceFile};

/// The policy files of a folder, sorted by name.
fn sources(folder: &Path) -> Vec<SourceFile> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| SourceFile::new(path.file_name().unwrap().to_str().unwrap(), fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    files
}

#[test]
fn every_faulty_policy_is_refused_with_the_expected_message() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let mut wrong = Vec::new();
    for folder in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        let errors = Policy::parse(&sources(&folder)).expect_err(&folder.display().to_string());
        let seen = format!("{errors}\n");
        let expected = folder.join("expected.txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            fs::write(&expected, &seen).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != seen {
            wrong.push(format!("{}:\n{seen}", folder.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_message_repeats_a_secret() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    for folder in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        let errors = Policy::parse(&sources(&folder)).unwrap_err();
        assert!(!format!("{errors} {errors:?}").contains("hunter2"), "{errors}");
    }
}
