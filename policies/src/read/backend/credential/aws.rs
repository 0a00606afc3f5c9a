//! Reads where AWS credentials come from.

use super::super::super::cursor::{Table, Value};
use super::super::api::Spoken;
use super::super::field::{self, ARN, PHRASE, VISIBLE};
use crate::fault::Report;
use crate::spec::{AssumeRole, AwsCredential, AwsSource};

/// The sources, by their words.
#[derive(Clone, Copy)]
enum Word {
    Chain,
    Environment,
    Profile,
    Keys,
    WebIdentity,
    Container,
    Instance,
}

const WORDS: [(&str, Word); 7] = [
    ("chain", Word::Chain),
    ("environment", Word::Environment),
    ("profile", Word::Profile),
    ("keys", Word::Keys),
    ("web-identity", Word::WebIdentity),
    ("container", Word::Container),
    ("instance", Word::Instance),
];

/// Whatever the surroundings offer.
pub(super) fn chain(spoken: Option<&Spoken>) -> AwsCredential {
    AwsCredential { region: region(spoken), ..AwsCredential::default() }
}

pub(super) fn read(spoken: Option<&Spoken>, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<AwsCredential> {
    let Some(word) = table.optional("source", report, |value, report| value.choice(&WORDS, report)) else {
        table.abandon(report);
        return None;
    };
    let source = source(word.unwrap_or(Word::Chain), table, report);
    let assume_role = table.optional("assume_role", report, assume_role);
    let sts_url = table.optional("sts_url", report, field::base_url);
    Some(AwsCredential { source: source?, assume_role: assume_role?, region: region(spoken), sts_url: sts_url? })
}

/// Where the API does not tell its region to whoever signs, the credential does.
fn region(spoken: Option<&Spoken>) -> Option<String> {
    spoken.and_then(|spoken| spoken.region.clone())
}

fn source(word: Word, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<AwsSource> {
    Some(match word {
        Word::Chain => AwsSource::Chain,
        Word::Environment => AwsSource::Environment,
        Word::Profile => {
            AwsSource::Profile(table.required("profile", report, |value, report| PHRASE.read_beside_secrets(value, report))?)
        }
        Word::Keys => return keys(table, report),
        Word::WebIdentity => {
            let token_file = table.optional("token_file", report, field::path);
            let role_arn = table.optional("role_arn", report, arn);
            AwsSource::WebIdentity { token_file: token_file?, role_arn: role_arn? }
        }
        Word::Container => AwsSource::Container,
        Word::Instance => AwsSource::Instance,
    })
}

fn keys(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<AwsSource> {
    let access_key_id = table.required("access_key_id", report, |value, report| VISIBLE.read_beside_secrets(value, report));
    let secret_access_key = table.required("secret_access_key", report, field::secret);
    let session_token = table.optional("session_token", report, field::secret);
    Some(AwsSource::Keys { access_key_id: access_key_id?, secret_access_key: secret_access_key?, session_token: session_token? })
}

fn assume_role(value: Value<'_>, report: &mut Report<'_>) -> Option<AssumeRole> {
    let mut table = value.table(report)?;
    let role_arn = table.required("role_arn", report, arn);
    let session_name = table.optional("session_name", report, |value, report| VISIBLE.read(value, report));
    let external_id = table.optional("external_id", report, |value, report| PHRASE.read_beside_secrets(value, report));
    table.finish(report);
    Some(AssumeRole { role_arn: role_arn?, session_name: session_name?, external_id: external_id? })
}

/// The ARN of a role.
fn arn(value: Value<'_>, report: &mut Report<'_>) -> Option<String> {
    let (at, key) = (value.at, value.key.clone());
    let arn = ARN.read(value, report)?;
    let is_role = arn.starts_with("arn:") && arn.contains(":role/");
    if !is_role {
        report.fault(at, key, format!("`{arn}` is no role; accepted: one such as `arn:aws:iam::123456789012:role/NAME`"));
    }
    is_role.then_some(arn)
}
