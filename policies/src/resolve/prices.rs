//! Gives each model that the policy does not price itself the price of the table.

use std::sync::Arc;

use crate::fault::{Report, nearest};
use crate::read::{Draft, RawBackend, built_in_prices};
use crate::spec::{Origin, PriceTable, Pricing, Provider};

/// Looks up what is to be looked up, and returns the table.
pub(super) fn look_up(draft: &mut Draft, report: &mut Report<'_>) -> PriceTable {
    let table = draft.prices.take().map_or_else(|| built_in_prices().clone(), |table| table.value);
    for backend in draft.backends.values_mut() {
        in_backend(&mut backend.value, &table, report);
    }
    table
}

fn in_backend(backend: &mut RawBackend, table: &PriceTable, report: &mut Report<'_>) {
    let Some(word) = backend.word else { return };
    // A server of the operator's own costs what it costs, whatever runs on it.
    let is_paid = backend.provider.as_ref().is_some_and(Provider::is_paid);
    for model in backend.models.iter_mut().flatten() {
        let said = backend.priced_as.get(&model.id);
        let name = said.map_or(model.upstream.as_str(), |said| said.value.as_str());
        let found = table.price(word, name).filter(|_| said.is_some() || is_paid);
        match (found, said) {
            (Some(price), _) if model.price == Pricing::Unknown => {
                model.price = Pricing::Known { price: Arc::clone(price), origin: Origin::Table };
            }
            (None, Some(said)) => {
                let hint = nearest(name, table.models(word)).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                let message = format!(
                    "the table of prices of {} lists no `{name}` of `{}`{hint}; or write the price itself, such as `{{ in = 1.25, out = 10.0 }}`",
                    table.date,
                    PriceTable::catalogue_of(word)
                );
                report.fault(said.at, said.key.as_str(), message);
            }
            _ => {}
        }
    }
}
