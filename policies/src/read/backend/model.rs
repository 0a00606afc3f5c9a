//! Reads the models of a backend.

use super::super::cursor::{Table, Value};
use super::{capabilities, price};
use crate::fault::{Report, accepted};
use crate::name::ModelId;
use crate::operation::Operations;
use crate::spec::ServedModel;
use tradewind_protocol::Operation;

/// The models of a backend, which serve `usual` unless they say otherwise; `None` if any of them could not be read.
pub(super) fn read(value: Value<'_>, usual: Operations, report: &mut Report<'_>) -> Option<Vec<ServedModel>> {
    let table = value.table(report)?;
    let (at, key) = (table.at, table.key.clone());
    let entries = table.into_entries();
    if entries.is_empty() {
        report.fault(at, key, "a backend has to serve at least one model; accepted: `MODEL = {}`");
        return None;
    }
    // Collected before it is judged, so that one fault does not hide the next.
    let models: Vec<_> = entries.into_iter().map(|entry| model(entry, usual, report)).collect();
    models.into_iter().collect()
}

fn model(entry: Value<'_>, usual: Operations, report: &mut Report<'_>) -> Option<ServedModel> {
    let id = match entry.name.parse::<ModelId>() {
        Ok(id) => Some(id),
        Err(error) => {
            report.fault(entry.name_at, entry.key.as_str(), error.to_string());
            None
        }
    };
    let mut table: Table<'_> = entry.table(report)?;
    let upstream = table.optional("name", report, Value::parsed);
    let operations = table.optional("operations", report, operations);
    let capabilities = table.optional("capabilities", report, capabilities::read);
    let price = table.optional("price", report, price::read);
    let weights = table.optional("weights", report, Value::parsed);
    table.finish(report);
    let id = id?;
    let upstream = upstream?.map_or_else(|| (&id).into(), |name| name.value);
    Some(ServedModel {
        id,
        upstream,
        operations: operations?.unwrap_or(usual),
        capabilities: capabilities?.unwrap_or_default(),
        price: price?,
        weights: weights?.map(|name| name.value),
    })
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
