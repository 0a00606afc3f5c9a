//! Reads values out of a parsed TOML table and notes every fault with its place, instead of stopping at the first.
//!
//! A faulty value reads as its default, so that reading can go on; the caller looks at the faults before using
//! anything. A key is known because it was asked for: [`Section::finish`] reports the others, with the nearest
//! known one, so no second list of keys can fall out of step with the first.

use std::cell::RefCell;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::values::{expected, text};
use super::{Fault, Place};

/// The text of one file and the faults found in it so far.
pub(super) struct Source<'s> {
    file: &'s Path,
    text: &'s str,
    faults: RefCell<Vec<(usize, Fault)>>,
}

impl<'s> Source<'s> {
    pub(super) fn new(file: &'s Path, text: &'s str) -> Self {
        Self { file, text, faults: RefCell::default() }
    }

    /// Notes a fault at the byte range `span`.
    pub(super) fn fault(&self, span: Range<usize>, problem: String) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let place = Place::Position {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.chars().rev().take_while(|c| *c != '\n').count() + 1,
        };
        self.faults.borrow_mut().push((span.start, Fault { place, problem }));
    }

    /// The faults in the order of the file.
    pub(super) fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by_key(|(start, _)| *start);
        faults.into_iter().map(|(_, fault)| fault).collect()
    }

    /// Where relative paths of this file start.
    fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }
}

/// One table of the file, or an absent one, in which every key is absent.
pub(super) struct Section<'a, 'i> {
    source: &'a Source<'a>,
    /// What precedes a key in messages, such as `limits.`.
    prefix: String,
    table: Option<&'a DeTable<'i>>,
    span: Range<usize>,
    known: Vec<&'static str>,
}

impl<'a, 'i> Section<'a, 'i> {
    /// The whole file.
    pub(super) fn root(source: &'a Source<'a>, table: &'a Spanned<DeTable<'i>>) -> Self {
        Self::new(source, String::new(), Some(table.get_ref()), table.span())
    }

    fn new(source: &'a Source<'a>, prefix: String, table: Option<&'a DeTable<'i>>, span: Range<usize>) -> Self {
        Self { source, prefix, table, span, known: Vec::new() }
    }

    /// The table `[key]`.
    pub(super) fn section(&mut self, key: &'static str) -> Self {
        let value = self.get(key);
        let table = value.and_then(|value| match value.get_ref() {
            DeValue::Table(table) => Some(table),
            other => {
                self.note(key, value.span(), &expected(&format!("a table, headed [{key}]"), other));
                None
            }
        });
        let span = value.map_or(0..0, Spanned::span);
        Self::new(self.source, format!("{}{key}.", self.prefix), table, span)
    }

    /// The tables `[[key]]`.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Self> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let wanted = format!("a list of tables, each headed [[{key}]]");
        let DeValue::Array(elements) = value.get_ref() else {
            self.note(key, value.span(), &expected(&wanted, value.get_ref()));
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(elements.len());
        for element in elements.iter() {
            match element.get_ref() {
                DeValue::Table(table) => {
                    let prefix = format!("{}{key}.", self.prefix);
                    sections.push(Self::new(self.source, prefix, Some(table), element.span()));
                }
                other => self.note(key, element.span(), &expected(&wanted, other)),
            }
        }
        sections
    }

    /// A value read by `read`, or `None` where the key is absent or its value not acceptable.
    pub(super) fn optional<T>(&mut self, key: &'static str, read: impl FnOnce(&DeValue<'i>) -> Result<T, String>) -> Option<T> {
        let value = self.get(key)?;
        match read(value.get_ref()) {
            Ok(read) => Some(read),
            Err(problem) => {
                self.note(key, value.span(), &problem);
                None
            }
        }
    }

    /// A value read by `read`, or `default`.
    pub(super) fn value<T>(&mut self, key: &'static str, default: T, read: impl FnOnce(&DeValue<'i>) -> Result<T, String>) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// A path, relative to the folder of the file.
    pub(super) fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let folder = self.source.folder();
        self.optional(key, |value| text(value).map(|text| folder.join(text)))
    }

    /// Whether the key is there at all, acceptable or not.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Notes that `key` is missing from this table.
    pub(super) fn missing(&self, key: &str, remedy: &str) {
        self.note(key, self.span.clone(), &format!("missing; {remedy}"));
    }

    /// Notes a fault of the value of `key` that shows only beside other values.
    pub(super) fn refuse(&self, key: &str, problem: &str) {
        let span = self.entry(key).map_or(self.span.clone(), Spanned::span);
        self.note(key, span, problem);
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        let mut known = self.known;
        known.sort_unstable();
        for (key, _) in self.table.into_iter().flat_map(|table| table.iter()) {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let near = nearest(name, &known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            self.source
                .fault(key.span(), format!("{}{name}: unknown key{near} (accepted here: {})", self.prefix, known.join(", ")));
        }
    }

    fn get(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.known.push(key);
        self.entry(key)
    }

    fn entry(&self, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.table.and_then(|table| table.get(key))
    }

    fn note(&self, key: &str, span: Range<usize>, problem: &str) {
        self.source.fault(span, format!("{}{key}: {problem}", self.prefix));
    }
}

/// The known key that a typing error would most likely have been meant for: at most a third of it may differ.
fn nearest<'k>(typed: &str, known: &[&'k str]) -> Option<&'k str> {
    known
        .iter()
        .map(|key| (strsim::damerau_levenshtein(typed, key), *key))
        .min()
        .filter(|(distance, key)| *distance <= (key.len() / 3).max(1))
        .map(|(_, key)| key)
}
