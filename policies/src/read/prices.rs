//! Reads `[prices]`: what the well-known models cost.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::backend::catalogues;
use super::cursor::{Located, Value};
use super::{file, price};
use crate::fault::{Report, did_you_mean};
use crate::source::SourceFile;
use crate::spec::{Catalogues, Price, PriceTable};

/// The table that comes with the gateway, a policy file as any.
const BUILT_IN: &str = include_str!("../../prices/table.toml");

/// The table that comes with the gateway.
pub(crate) fn built_in() -> &'static PriceTable {
    #[expect(clippy::expect_used, reason = "the text is a part of this crate, and a test reads it")]
    static TABLE: LazyLock<PriceTable> = LazyLock::new(|| {
        let files = [SourceFile::new("the built-in table of prices", BUILT_IN)];
        let mut report = Report::new(&files);
        let mut draft = super::Draft::default();
        let read = file::read(0, BUILT_IN, &mut draft, &mut report).ok();
        let table = report.into_result(read.and(draft.prices)).ok().flatten();
        PriceTable { is_built_in: true, ..table.expect("the table is one, because a test reads it").value }
    });
    &TABLE
}

/// A table of prices, as far as it can be read.
pub(super) fn read(value: Value<'_>, report: &mut Report<'_>) -> Option<Located<PriceTable>> {
    let (at, key) = (value.name_at, value.key.clone());
    let mut table = value.table(report)?;
    let date = table.required("date", report, Value::date);
    let source = table.optional("source", report, |value, report| value.string(report).map(|source| source.value.to_owned()));
    let catalogues: Vec<_> = table.into_entries().into_iter().map(|entry| catalogue(entry, report)).collect();
    let catalogues = catalogues.into_iter().collect::<Option<Catalogues>>();
    let value = PriceTable { date: date?, source: source?, is_built_in: false, catalogues: Arc::new(catalogues?) };
    Some(Located { value, at, key })
}

/// The models of one provider.
fn catalogue(entry: Value<'_>, report: &mut Report<'_>) -> Option<(String, BTreeMap<String, Arc<Price>>)> {
    let name = entry.name.to_owned();
    if !catalogues().any(|known| known == name) {
        let hint = did_you_mean(&name, catalogues());
        report.fault(entry.name_at, entry.key.as_str(), format!("`{name}` is no provider whose prices are listed{hint}"));
        return None;
    }
    let models = entry.table(report)?.into_entries();
    let prices: Vec<_> = models.into_iter().map(|model| (model.name.to_owned(), price::read(model, report))).collect();
    let prices = prices.into_iter().map(|(model, price)| Some((model, Arc::new(price?)))).collect::<Option<_>>();
    Some((name, prices?))
}
