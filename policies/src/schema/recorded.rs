//! What the reader asks for while it reads: which keys of which table, and which words where.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::check;
use crate::fault::Report;
use crate::source::SourceFile;

/// The key that stands for all those that an operator may choose.
pub(super) const ANY: &str = "*";

/// What was asked for, by the path of the table or the value, such as `backend.openai.probe`.
#[derive(Default)]
pub(super) struct Recorded {
    pub(super) keys: BTreeMap<String, BTreeSet<String>>,
    pub(super) words: BTreeMap<String, BTreeSet<String>>,
}

thread_local! {
    static RECORDED: RefCell<Recorded> = RefCell::default();
}

/// The reader asks the table at `path` for a key.
pub(crate) fn key(path: &str, name: &str) {
    RECORDED.with_borrow_mut(|recorded| recorded.keys.entry(path.into()).or_default().insert(name.into()));
}

/// The reader takes all keys of the table at `path`, whatever they are.
pub(crate) fn any_key(path: &str) {
    key(path, ANY);
}

/// The reader takes one of these words at `path`.
pub(crate) fn words<'w>(path: &str, words: impl Iterator<Item = &'w str>) {
    RECORDED.with_borrow_mut(|recorded| recorded.words.entry(path.into()).or_default().extend(words.map(Into::into)));
}

/// What the reader asks for while it reads these texts, each by itself, be they faulty or not.
pub(super) fn while_reading<'t>(texts: impl IntoIterator<Item = &'t str>) -> Recorded {
    RECORDED.take();
    for text in texts {
        let files = [SourceFile::new("policy.toml", text)];
        check::read(&files, &mut Report::new(&files));
    }
    RECORDED.take()
}
