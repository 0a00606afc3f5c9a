//! Reads a `[backend.NAME]`.

use super::cursor::{Located, Table, Value};
use super::draft::RawBackend;
use super::timeouts;
use crate::fault::{Report, accepted};
use crate::name::ModelId;
use crate::operation::Operations;
use crate::spec::{
    Api, BaseUrl, CapabilityOverrides, Connection, Credential, HttpVersion, InvalidBaseUrl, OpenAiHost, Provider, Remote,
    SecretRef, ServedModel,
};
use tradewind_protocol::Operation;

/// The provider of a server with OpenAI's API.
const OPENAI: &str = "openai";
/// The provider that is this process.
const LOCAL: &str = "local";

/// The backend, as far as it can be read.
pub(super) fn read(entry: Value<'_>, report: &mut Report<'_>) -> RawBackend {
    let Some(mut table) = entry.table(report) else {
        return RawBackend { provider: None, timeouts: Default::default(), models: None };
    };
    let provider = provider(&mut table, report);
    let timeouts =
        table.take("timeouts").map(|value| timeouts::read(value, timeouts::Scope::Backends, report)).unwrap_or_default();
    let models = table.require("models", report).and_then(|value| models(value, report));
    table.finish(report);
    RawBackend { provider, timeouts, models }
}

fn provider(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Provider> {
    let written = table.require("provider", report).and_then(|value| value.string(report));
    match written.as_ref().map(|written| written.value) {
        // The keys of a server are not asked for, and so reported as unknown where they stand.
        Some(LOCAL) => return Some(Provider::Local),
        Some(OPENAI) | None => {}
        Some(other) => {
            let hint = accepted([OPENAI, LOCAL]);
            let (at, key) = written.map(|Located { at, key, .. }| (at, key))?;
            report.fault(at, key, format!("unknown provider `{other}`{hint}"));
        }
    }
    openai(table, report).map(Provider::Remote)
}

fn openai(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Remote> {
    let base_url = match table.take("base_url") {
        Some(value) => base_url(value, report),
        None => "https://api.openai.com/v1".parse().ok(),
    };
    let secret = table.take("secret").and_then(|value| secret(value, report));
    let ca_file = table.take("ca_file").and_then(|value| value.string(report));
    if let Some(Located { at, key, .. }) = ca_file.as_ref().filter(|path| path.value.is_empty()) {
        report.fault(*at, key.as_str(), "the path is empty; accepted: the path of a PEM file");
    }
    let http = table.take("http").map(|value| {
        let versions = [("auto", HttpVersion::Auto), ("h1", HttpVersion::Http1), ("h2", HttpVersion::Http2)];
        value.choice(&versions, report)
    });
    let connection = Connection {
        ca_file: ca_file.map(|path| path.value.into()),
        http: http.flatten().unwrap_or_default(),
        ..Connection::default()
    };
    let api = Api::OpenAi { host: OpenAiHost::OpenAi, base_url: base_url? };
    Some(Remote { api, credential: secret.map_or(Credential::None, Credential::Key), connection })
}

fn base_url(value: Value<'_>, report: &mut Report<'_>) -> Option<BaseUrl> {
    let Located { value: written, at, key } = value.string(report)?;
    match written.parse() {
        Ok(url) => Some(url),
        Err(error) => {
            if matches!(error, InvalidBaseUrl::Credentials | InvalidBaseUrl::Query) {
                report.conceal(at);
            }
            report.fault(at, key, error.to_string());
            None
        }
    }
}

/// Whatever is written where a secret's reference should be, it is not shown unless it is one.
fn secret(value: Value<'_>, report: &mut Report<'_>) -> Option<SecretRef> {
    let at = value.at;
    let reference = value.parsed(report);
    if reference.is_none() {
        report.conceal(at);
    }
    reference.map(|reference| reference.value)
}

/// The models of a backend; `None` if any of them could not be read.
fn models(value: Value<'_>, report: &mut Report<'_>) -> Option<Vec<ServedModel>> {
    let table = value.table(report)?;
    let (at, key) = (table.at, table.key.clone());
    let entries = table.into_entries();
    if entries.is_empty() {
        report.fault(at, key, "a backend has to serve at least one model; accepted: `MODEL = {}`");
        return None;
    }
    // Collected before it is judged, so that one fault does not hide the next.
    let models: Vec<_> = entries.into_iter().map(|entry| model(entry, report)).collect();
    models.into_iter().collect()
}

fn model(entry: Value<'_>, report: &mut Report<'_>) -> Option<ServedModel> {
    let id = match entry.name.parse::<ModelId>() {
        Ok(id) => Some(id),
        Err(error) => {
            report.fault(entry.name_at, entry.key.as_str(), error.to_string());
            None
        }
    };
    let mut table = entry.table(report)?;
    let upstream = table.take("name").map(|value| value.parsed(report));
    let operations = table.take("operations").map(|value| operations(value, report));
    table.finish(report);
    let id = id?;
    let upstream = match upstream {
        None => (&id).into(),
        Some(name) => name?.value,
    };
    let operations = operations.unwrap_or(Some(Operation::Chat.into()))?;
    Some(ServedModel { id, upstream, operations, capabilities: CapabilityOverrides::default() })
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
