//! Reads how a backend's requests are authorised: `secret` for a key that does not change by itself, `credential` for all else.

use super::super::cursor::{Table, Value};
use super::api::Spoken;
use super::field;
use super::kind::Kind;
use super::way::{StaticKey, Way};
use crate::fault::{Report, accepted};
use crate::spec::{Api, Credential, OpenAiHost};

mod aws;
mod client;
mod entra;
mod google;

/// The credential of a backend that speaks `spoken`, as far as that could be read.
pub(super) fn read(kind: &Kind, spoken: Option<&Spoken>, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Credential> {
    let credential = match (table.take("secret"), table.take("credential")) {
        (None, None) => otherwise(kind, spoken),
        (Some(secret), None) => key(kind, secret, report),
        (None, Some(credential)) => chosen(kind, spoken, credential, report),
        (Some(secret), Some(credential)) => {
            let message = "`secret` and `credential` exclude each other; keep one";
            report.fault(credential.name_at, credential.key.as_str(), message);
            let (_key, _chosen) = (key(kind, secret, report), chosen(kind, spoken, credential, report));
            None
        }
    };
    if let (Some(Credential::Aws(_)), Some(spoken)) = (&credential, spoken)
        && spoken.region.is_none()
        && let Api::OpenAi { host: OpenAiHost::BedrockOpenAi | OpenAiHost::SageMakerOpenAi, .. } = spoken.api
    {
        report.fault(table.at, table.key.as_str(), "missing key `region`, which requests are signed for");
    }
    credential
}

/// What is shown where the policy does not say.
fn otherwise(kind: &Kind, spoken: Option<&Spoken>) -> Option<Credential> {
    match kind.shown.otherwise {
        Way::Aws => Some(Credential::Aws(aws::chain(spoken))),
        Way::Google => Some(Credential::Google(Default::default())),
        _ => Some(Credential::None),
    }
}

/// `secret`, if the provider takes a static key.
fn key(kind: &Kind, secret: Value<'_>, report: &mut Report<'_>) -> Option<Credential> {
    let (at, key) = (secret.name_at, secret.key.clone());
    let secret = field::secret(secret, report);
    if kind.shown.key == StaticKey::Taken {
        return secret.map(Credential::Key);
    }
    let hint = accepted(kind.shown.words());
    report.fault(at, key, format!("provider `{}` takes no `secret`, only a `credential` of some `kind`{hint}", kind.word));
    None
}

/// `credential`, if the provider takes its kind.
fn chosen(kind: &Kind, spoken: Option<&Spoken>, credential: Value<'_>, report: &mut Report<'_>) -> Option<Credential> {
    let mut table = credential.table(report)?;
    let Some(way) = way(kind, &mut table, report) else {
        table.abandon(report);
        return None;
    };
    let credential = match way {
        Way::None => Some(Credential::None),
        Way::Aws => aws::read(spoken, &mut table, report).map(Credential::Aws),
        Way::Entra => entra::read(spoken, &mut table, report).map(Credential::Entra),
        Way::Google => google::read(&mut table, report).map(Credential::Google),
        Way::Ibm => client::ibm(&mut table, report).map(Credential::Ibm),
        Way::OAuth => client::oauth(spoken, &mut table, report).map(Credential::OAuth),
        Way::SnowflakeKeyPair => client::snowflake(spoken, &mut table, report).map(Credential::SnowflakeKeyPair),
    };
    table.finish(report);
    credential
}

/// The `kind` of a credential, if it is one and the provider takes it.
fn way(kind: &Kind, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Way> {
    let value = table.require("kind", report)?;
    let (at, key) = (value.at, value.key.clone());
    let way = value.choice(&Way::WORDS, report)?;
    if kind.shown.takes(way) {
        return Some(way);
    }
    let mut hint = accepted(kind.shown.words());
    if kind.shown.key == StaticKey::Taken {
        hint.push_str(", or `secret` in place of `credential`");
    }
    report.fault(at, key, format!("provider `{}` takes no such credential{hint}", kind.word));
    None
}
