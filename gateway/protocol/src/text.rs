//! A string of an upstream's JSON, borrowed from it unless it holds an escape.

use std::{borrow::Cow, ops::Deref};

use serde::Deserialize;

/// A string. A type of its own, because serde borrows a `Cow` only where it stands by itself: `Option<Cow<str>>` would always be a copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
