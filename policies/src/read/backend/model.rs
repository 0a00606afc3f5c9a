//! Reads the models of a backend.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::super::cursor::{Located, Table, Value};
use super::super::price;
use super::capabilities;
use super::facts::{self, Facts};
use crate::fault::{Outside, Report, accepted};
use crate::name::{ModelId, UpstreamModel};
use crate::operation::Operations;
use crate::spec::{InProcess, Origin, Pricing, ServedModel};
use tradewind_protocol::Operation;

/// The models that cost what the table of prices says of others.
type PricedAs = BTreeMap<ModelId, Located<String>>;

/// The models of a backend; `None` if any of them could not be read.
pub(super) fn read(
    value: Value<'_>,
    is_local: bool,
    facts: Option<&Facts>,
    priced_as: &mut PricedAs,
    report: &mut Report<'_>,
) -> Option<Vec<ServedModel>> {
    let table = value.table(report)?;
    let (at, key) = (table.at, table.key.clone());
    let entries = table.into_entries();
    if entries.is_empty() {
        report.fault(at, key, "a backend has to serve at least one model; accepted: `MODEL = {}`");
        return None;
    }
    // Collected before it is judged, so that one fault does not hide the next.
    let models: Vec<_> = entries.into_iter().map(|entry| model(entry, is_local, facts, priced_as, report)).collect();
    models.into_iter().collect()
}

fn model(
    entry: Value<'_>,
    is_local: bool,
    facts: Option<&Facts>,
    priced_as: &mut PricedAs,
    report: &mut Report<'_>,
) -> Option<ServedModel> {
    let id = match entry.name.parse::<ModelId>() {
        Ok(id) => Some(id),
        Err(error) => {
            report.fault(entry.name_at, entry.key.as_str(), error.to_string());
            None
        }
    };
    let (at, path) = (entry.name_at, entry.key.clone());
    let mut table: Table<'_> = entry.table(report)?;
    let upstream = table.optional("name", report, Value::parsed);
    let operations = table.optional("operations", report, operations);
    let capabilities = table.optional("capabilities", report, capabilities::read);
    let price = table.optional("price", report, |value, report| match value.is_string() {
        true => value.string(report).map(|Located { value, at, key }| {
            priced_as.extend(id.clone().map(|id| (id, Located { value: value.to_owned(), at, key })));
            Pricing::Unknown
        }),
        false => pricing(value, report),
    });
    let weights = table.optional("weights", report, Value::parsed);
    let in_process = if is_local { in_process(&mut table, report) } else { Some(InProcess::default()) };
    let said = facts::of_model(facts, &mut table, report);
    table.finish(report);
    let id = id?;
    let upstream = upstream?.map_or_else(|| (&id).into(), |name: Located<UpstreamModel>| name.value);
    let residency = facts.zip(said).map(|(facts, said)| facts.residency(upstream.as_str(), &said, at, report));
    let model = ServedModel {
        id,
        upstream,
        // Every chat can continue a text too: as an operation of its own, or as a conversation of one message.
        operations: operations?.unwrap_or(Operations::TEXT),
        capabilities: capabilities?.unwrap_or_default(),
        price: price?.unwrap_or_default(),
        weights: weights?.map(|name| name.value),
        in_process: in_process?,
        residency: residency?,
        place: report.place(at),
    };
    if is_local {
        report.refer(at, path, Outside::LocalModel(Box::new(model.clone())));
    }
    Some(model)
}

/// The price that is written, or that there is to be none.
fn pricing(value: Value<'_>, report: &mut Report<'_>) -> Option<Pricing> {
    let price = value.unless_false(report, price::read)?;
    Some(price.map_or(Pricing::Off, |price| Pricing::Known { price: Arc::new(price), origin: Origin::Policy }))
}

/// The keys that only a model of this process has.
fn in_process(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<InProcess> {
    let device = table.optional("device", report, Value::parsed);
    let cache_tokens = table.optional("cache_tokens", report, cache_tokens);
    Some(InProcess { device: device?.map(|device| device.value), cache_tokens: cache_tokens? })
}

fn cache_tokens(value: Value<'_>, report: &mut Report<'_>) -> Option<NonZeroUsize> {
    let most = InProcess::MOST_CACHE_TOKENS;
    let accept = |tokens: i64| u32::try_from(tokens).ok().filter(|tokens| *tokens <= most);
    let tokens = value.integer(&format!("1 to {most}"), |tokens| NonZeroUsize::new(accept(tokens)? as usize), report);
    tokens.map(|tokens| tokens.value)
}

fn operations(value: Value<'_>, report: &mut Report<'_>) -> Option<Operations> {
    let words = Operation::ALL.map(|operation| (operation.as_str(), operation));
    let (at, key) = (value.at, value.key.clone());
    let elements = value.list(report)?;
    if elements.is_empty() {
        let hint = accepted(words.iter().map(|(word, _)| *word));
        report.fault(at, key, format!("the list is empty{hint}"));
        return None;
    }
    let operations: Vec<_> = elements.into_iter().map(|element| element.choice(&words, report)).collect();
    operations.into_iter().collect()
}
