//! Reads a `[backend.NAME]`.

use std::collections::BTreeMap;

use super::cursor::{Located, Table, Value, shortened};
use super::draft::RawBackend;
use super::{price, timeouts};
use crate::fault::{Report, did_you_mean};
use crate::spec::{PriceTable, Provider, Remote};
use kind::{Kind, PROVIDERS, Speaks};

mod address;
mod api;
mod aws;
mod capabilities;
mod connection;
mod credential;
mod facts;
mod field;
mod kind;
mod model;
mod upkeep;
mod vertex;
mod way;

/// The backend, as far as it can be read.
pub(super) fn read(entry: Value<'_>, report: &mut Report<'_>) -> RawBackend {
    let Some(mut table) = entry.table(report) else {
        return RawBackend {
            word: None,
            provider: None,
            upkeep: None,
            cost: None,
            terms: None,
            timeouts: Default::default(),
            models: None,
            priced_as: Default::default(),
        };
    };
    let kind = kind(&mut table, report);
    let timeouts =
        table.take("timeouts").map(|value| timeouts::read(value, timeouts::Scope::Backends, report)).unwrap_or_default();
    let upkeep = upkeep::read(kind, &mut table, report);
    let cost = table.optional("cost", report, price::server);
    let is_local = matches!(kind, Some(Kind { speaks: Speaks::Local, .. }));
    let facts = facts::read(kind, &mut table, report);
    let mut priced_as = BTreeMap::new();
    let models =
        table.required("models", report, |value, report| model::read(value, is_local, facts.as_ref(), &mut priced_as, report));
    let provider = match kind {
        Some(Kind { speaks: Speaks::Local, .. }) => Some(Provider::Local),
        Some(kind) => remote(kind, &mut table, report).map(Provider::Remote),
        None => {
            unknown(&mut table, report);
            table.abandon(report);
            None
        }
    };
    table.finish(report);
    let terms = facts.map(|facts| facts.terms);
    let (word, cost) = (kind.map(|kind| kind.word), cost.map(Option::unwrap_or_default));
    RawBackend { word, provider, upkeep, cost, terms, timeouts, models, priced_as }
}

/// The providers whose prices can be listed: those who are paid, each by one of their words.
pub(super) fn catalogues() -> impl Iterator<Item = &'static str> {
    let is_listed = |kind: &&Kind| {
        let is_paid = kind.speaks.pages().is_none() && !matches!(kind.speaks, Speaks::Local);
        is_paid && PriceTable::catalogue_of(kind.word) == kind.word
    };
    PROVIDERS.iter().filter(is_listed).map(|kind| kind.word)
}

/// The provider that is named, if there is one.
fn kind(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<&'static Kind> {
    let accepted = "the word of a provider, such as `openai`";
    let word = table.required("provider", report, |value, report| value.string_such_as(accepted, report));
    let Located { value: word, at, key } = word?;
    let known = PROVIDERS.iter().find(|kind| kind.word == word);
    if known.is_none() {
        let hint = did_you_mean(word, PROVIDERS.iter().map(|kind| kind.word));
        report.fault(at, key, format!("unknown provider `{}`{hint}", shortened(word)));
    }
    known
}

fn remote(kind: &Kind, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Remote> {
    let spoken = api::read(kind.speaks, table, report);
    let credential = credential::read(kind, spoken.as_ref(), table, report);
    let connection = connection::read(table, report);
    Some(Remote { api: spoken?.api, credential: credential?, connection: connection? })
}

/// Reports what is wrong whoever the provider is, so that it need not be found after the provider's name is mended.
fn unknown(table: &mut Table<'_>, report: &mut Report<'_>) {
    let _url = table.optional("base_url", report, field::base_url);
    let _secret = table.optional("secret", report, field::secret);
    let _connection = connection::read(table, report);
}

/// The words of all providers.
#[cfg(test)]
pub(crate) fn providers() -> Vec<&'static str> {
    PROVIDERS.iter().map(|kind| kind.word).collect()
}
