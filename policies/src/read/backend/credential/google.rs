//! Reads where tokens of Google Cloud come from.

use super::super::super::cursor::Table;
use super::super::field::{self, IDENTIFIER};
use crate::fault::Report;
use crate::spec::{GoogleCredential, GoogleSource};

/// The sources, by their words.
#[derive(Clone, Copy)]
enum Word {
    Default,
    File,
    Json,
    Metadata,
}

const WORDS: [(&str, Word); 4] =
    [("default", Word::Default), ("file", Word::File), ("json", Word::Json), ("metadata", Word::Metadata)];

pub(super) fn read(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<GoogleCredential> {
    let Some(word) = table.optional("source", report, |value, report| value.choice(&WORDS, report)) else {
        table.abandon(report);
        return None;
    };
    let source = source(word.unwrap_or(Word::Default), table, report);
    let quota_project = table.optional("quota_project", report, |value, report| IDENTIFIER.read_beside_secrets(value, report));
    Some(GoogleCredential { source: source?, quota_project: quota_project? })
}

fn source(word: Word, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<GoogleSource> {
    match word {
        Word::Default => Some(GoogleSource::Default),
        Word::File => table.required("file", report, field::path).map(GoogleSource::File),
        Word::Json => table.required("json", report, field::secret).map(GoogleSource::Json),
        Word::Metadata => Some(GoogleSource::Metadata),
    }
}
