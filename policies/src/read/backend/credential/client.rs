//! Reads what a client of IBM, of an OAuth 2 token endpoint or of Snowflake is known by.

use super::super::super::cursor::Table;
use super::super::api::Spoken;
use super::super::field::{self, HOST, PHRASE, VISIBLE};
use crate::fault::Report;
use crate::spec::{AnthropicHost, Api, BaseUrl, IbmCredential, OAuthCredential, OpenAiHost, SnowflakeKeyPair};

/// What Databricks is asked for where the policy does not say.
const DATABRICKS_SCOPE: &str = "all-apis";
/// What follows the account in the address of Snowflake.
const SNOWFLAKE_DOMAIN: &str = ".snowflakecomputing.com";

pub(super) fn ibm(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<IbmCredential> {
    let api_key = table.required("api_key", report, field::secret);
    let iam_url = table.optional("iam_url", report, field::base_url);
    Some(IbmCredential { api_key: api_key?, iam_url: iam_url? })
}

/// A client of a token endpoint; Databricks has one in each workspace.
pub(super) fn oauth(spoken: Option<&Spoken>, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<OAuthCredential> {
    let workspace = spoken.and_then(workspace);
    let token_url = table.optional("token_url", report, field::base_url);
    let client_id = table.required("client_id", report, |value, report| VISIBLE.read_beside_secrets(value, report));
    let client_secret = table.required("client_secret", report, field::secret);
    let scope = table.optional("scope", report, |value, report| PHRASE.read_beside_secrets(value, report));
    let usual = workspace.as_ref().map(|_| DATABRICKS_SCOPE.to_owned());
    let token_url = token_url?.or(workspace);
    // Where the backend itself could not be read, nobody knows whether it would have told.
    if token_url.is_none() && spoken.is_some() {
        report.fault(table.at, table.key.as_str(), "missing key `token_url`");
    }
    Some(OAuthCredential { token_url: token_url?, client_id: client_id?, client_secret: client_secret?, scope: scope?.or(usual) })
}

/// The token endpoint of a Databricks workspace.
fn workspace(spoken: &Spoken) -> Option<BaseUrl> {
    let (Api::OpenAi { host: OpenAiHost::Databricks, base_url }
    | Api::Anthropic { host: AnthropicHost::Databricks, base_url, .. }) = &spoken.api
    else {
        return None;
    };
    let (scheme, authority) = (base_url.uri().scheme_str()?, base_url.uri().authority()?);
    format!("{scheme}://{authority}/oidc/v1/token").parse().ok()
}

/// A key pair of a Snowflake user. The account is the one that the address names, unless another way of writing it is needed.
pub(super) fn snowflake(spoken: Option<&Spoken>, table: &mut Table<'_>, report: &mut Report<'_>) -> Option<SnowflakeKeyPair> {
    let account = table.optional("account", report, |value, report| HOST.read_beside_secrets(value, report));
    let user = table.required("user", report, |value, report| PHRASE.read_beside_secrets(value, report));
    let private_key = table.required("private_key", report, field::secret);
    let account = account?.or_else(|| spoken.and_then(self::account));
    if account.is_none() && spoken.is_some() {
        report.fault(table.at, table.key.as_str(), "missing key `account`");
    }
    Some(SnowflakeKeyPair { account: account?, user: user?, private_key: private_key? })
}

/// The account in the address of a Snowflake backend.
fn account(spoken: &Spoken) -> Option<String> {
    let (Api::OpenAi { base_url, .. } | Api::Anthropic { base_url, .. }) = &spoken.api else {
        return None;
    };
    base_url.uri().host()?.strip_suffix(SNOWFLAKE_DOMAIN).map(Into::into)
}
