//! Reads where tokens of Microsoft Entra ID come from.

use super::super::super::cursor::{Table, Value};
use super::super::api::Spoken;
use super::super::field::{self, IDENTIFIER, VISIBLE};
use crate::fault::Report;
use crate::spec::{AnthropicHost, Api, EntraCredential, EntraSource, OpenAiHost};

/// The resource that stands for every Azure Databricks workspace in Entra ID.
const DATABRICKS_SCOPE: &str = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d/.default";

/// The sources, by their words.
#[derive(Clone, Copy)]
enum Word {
    ClientSecret,
    WorkloadIdentity,
    ManagedIdentity,
}

const WORDS: [(&str, Word); 3] = [
    ("client-secret", Word::ClientSecret),
    ("workload-identity", Word::WorkloadIdentity),
    ("managed-identity", Word::ManagedIdentity),
];

pub(super) fn read(spoken: Option<&Spoken>, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<EntraCredential> {
    let Some(word) = table.required("source", report, |value, report| value.choice(&WORDS, report)) else {
        table.abandon(report);
        return None;
    };
    let source = source(word, table, report);
    let scope = table.optional("scope", report, |value, report| VISIBLE.read_beside_secrets(value, report));
    let authority = table.optional("authority", report, field::base_url);
    let scope = scope?.or_else(|| usual_scope(spoken).map(Into::into));
    Some(EntraCredential { source: source?, scope, authority: authority? })
}

/// What the token is for, where the provider's own scope would be the wrong one.
fn usual_scope(spoken: Option<&Spoken>) -> Option<&'static str> {
    match spoken?.api {
        Api::OpenAi { host: OpenAiHost::Databricks, .. } | Api::Anthropic { host: AnthropicHost::Databricks, .. } => {
            Some(DATABRICKS_SCOPE)
        }
        _ => None,
    }
}

fn source(word: Word, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<EntraSource> {
    let client_id = table.optional("client_id", report, id);
    Some(match word {
        Word::ClientSecret => {
            let tenant_id = table.optional("tenant_id", report, id);
            let client_secret = table.required("client_secret", report, field::secret);
            EntraSource::ClientSecret { tenant_id: tenant_id?, client_id: client_id?, client_secret: client_secret? }
        }
        Word::WorkloadIdentity => {
            let tenant_id = table.optional("tenant_id", report, id);
            let token_file = table.optional("token_file", report, field::path);
            EntraSource::WorkloadIdentity { tenant_id: tenant_id?, client_id: client_id?, token_file: token_file? }
        }
        Word::ManagedIdentity => EntraSource::ManagedIdentity { client_id: client_id? },
    })
}

/// The id of a directory or an application; a directory may be named by its domain.
fn id(value: Value<'_>, report: &mut Report<'_>) -> Option<String> {
    IDENTIFIER.read_beside_secrets(value, report)
}
