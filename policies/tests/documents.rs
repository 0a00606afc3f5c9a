//! What operators copy is right: every example, and every policy in the pages that they read, is taken and passes its own tests.

#![expect(clippy::unwrap_used, reason = "a helper that panics fails its test")]

use std::fs;
use std::path::{Path, PathBuf};

use tradewind_policies::{Day, Policy, Severity, SourceFile};

/// When they are looked at.
fn today() -> Day {
    Day::new(2026, 11, 20).unwrap()
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The blocks of TOML of a page, each with the number of its first line.
fn blocks(page: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line.trim() == "```toml" {
            let block: Vec<_> = lines.by_ref().map(|(_, line)| line).take_while(|line| line.trim() != "```").collect();
            blocks.push((number + 2, block.join("\n")));
        }
    }
    blocks
}

/// Whether a block is a whole policy, a part of one, or the gateway's own configuration.
fn is_policy(block: &str) -> bool {
    let tables = ["[backend.", "[[route]]", "[[test]]", "[tenant.", "[alias]", "[defaults]"];
    block.lines().any(|line| tables.iter().any(|table| line.starts_with(table)))
}

/// What is wrong with a policy, if anything is.
fn faults(files: &[SourceFile]) -> Option<String> {
    let errors = Policy::check(files, today()).findings.into_iter().filter(|finding| finding.severity == Severity::Error);
    let errors: Vec<_> = errors.map(|error| error.to_string()).collect();
    (!errors.is_empty()).then(|| errors.join("\n\n"))
}

#[test]
fn every_example_is_taken_and_passes_its_own_tests() {
    let mut tested = 0;
    for path in fs::read_dir(here("examples")).unwrap().map(|entry| entry.unwrap().path()) {
        let mut paths = match path.is_dir() {
            true => fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect(),
            false => vec![path.clone()],
        };
        paths.sort();
        let files: Vec<_> = paths
            .iter()
            .map(|path| SourceFile::new(path.file_name().unwrap().to_string_lossy(), fs::read_to_string(path).unwrap()))
            .collect();
        assert_eq!(faults(&files), None, "{}", path.display());
        tested += Policy::check(&files, today()).tests;
    }
    assert!(tested >= 10, "{tested}");
}

/// A block that is no whole policy is one with what the example of a company has.
#[test]
fn every_policy_in_a_page_is_taken_and_passes_its_own_tests() {
    let company = fs::read_to_string(here("examples/company.toml")).unwrap();
    let mut seen = 0;
    for page in ["../README.md", "README.md"] {
        for (line, block) in blocks(&fs::read_to_string(here(page)).unwrap()) {
            if !is_policy(&block) {
                continue;
            }
            let text = if block.contains("version = 1") { block } else { format!("{company}\n{block}") };
            assert_eq!(faults(&[SourceFile::new("block", text)]), None, "{page}:{line}");
            seen += 1;
        }
    }
    assert!(seen >= 3, "{seen}");
}
