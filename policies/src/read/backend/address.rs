//! Where an API is: at the `base_url` that is given, or at the address that the provider is known by.

use super::super::cursor::Table;
use super::field::{self, Word};
use crate::fault::{At, Report};
use crate::spec::BaseUrl;

/// Where an API is unless `base_url` says otherwise.
#[derive(Clone, Copy)]
pub(super) enum Address {
    /// At the same place for everyone.
    Known(&'static str),
    /// On a server of the operator's own. No address is guessed: prompts would go to whoever has it.
    Stated,
    /// At an address with a name of the operator's in it.
    Named {
        /// The key with that name.
        key: &'static str,
        /// What the name must be made of.
        word: &'static Word,
        /// What stands before the name.
        before: &'static str,
        /// What stands after it.
        after: &'static str,
    },
}

impl Address {
    /// The address of a backend.
    pub(super) fn read(self, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<BaseUrl> {
        match self {
            Self::Known(url) => match table.take("base_url") {
                Some(value) => field::base_url(value, report),
                None => made(url, table.at, &table.key, report),
            },
            Self::Stated => table.required("base_url", report, field::base_url),
            Self::Named { key, word, before, after } => named(key, word, (before, after), table, report),
        }
    }
}

fn named(
    key: &'static str,
    word: &Word,
    (before, after): (&str, &str),
    table: &mut Table<'_>,
    report: &mut Report<'_>,
) -> Option<BaseUrl> {
    match (table.take("base_url"), table.take(key)) {
        (Some(url), None) => field::base_url(url, report),
        (None, Some(name)) => {
            let (at, path) = (name.at, name.key.clone());
            let name = word.read(name, report)?;
            made(&format!("{before}{name}{after}"), at, &path, report)
        }
        (None, None) => {
            report.fault(table.at, table.key.as_str(), format!("missing key `{key}` or `base_url`"));
            None
        }
        (Some(url), Some(name)) => {
            report.fault(
                name.name_at,
                name.key.as_str(),
                format!("`base_url` already says where the API is; keep it or `{key}`"),
            );
            let (_url, _name) = (field::base_url(url, report), word.read(name, report));
            None
        }
    }
}

/// An address put together from its parts.
pub(super) fn made(url: &str, at: At, key: &str, report: &mut Report<'_>) -> Option<BaseUrl> {
    let made = url.parse();
    made.inspect_err(|error: &crate::spec::InvalidBaseUrl| report.fault(at, key, error.to_string())).ok()
}
