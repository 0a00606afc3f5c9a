//! `credential` of a backend.

use schemars::JsonSchema;

use super::value::{Path, Secret, Text, Url};

/// How requests are authorised.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Credential {
    /// The way.
    kind: Kind,
    /// Where the credential comes from.
    source: Option<Source>,
    /// A role of AWS to assume.
    assume_role: Option<AssumeRole>,
    /// The address of STS, in place of the region's.
    sts_url: Option<Url>,
    /// The profile of AWS's shared configuration files.
    profile: Option<Text>,
    /// The access key id of AWS.
    access_key_id: Option<Text>,
    /// Where the secret access key lies.
    secret_access_key: Option<Secret>,
    /// Where the session token lies.
    session_token: Option<Secret>,
    /// A file with a token that is exchanged.
    token_file: Option<Path>,
    /// The role that the token is exchanged for.
    role_arn: Option<Text>,
    /// The directory of Entra ID.
    tenant_id: Option<Text>,
    /// The application.
    client_id: Option<Text>,
    /// Where its secret lies.
    client_secret: Option<Secret>,
    /// What the token is for.
    scope: Option<Text>,
    /// The authority, in place of `https://login.microsoftonline.com`.
    authority: Option<Url>,
    /// A file with a credential of Google Cloud.
    file: Option<Path>,
    /// Where a credential of Google Cloud lies, as JSON.
    json: Option<Secret>,
    /// The project whose quota is used.
    quota_project: Option<Text>,
    /// Where the API key of IBM Cloud lies.
    api_key: Option<Secret>,
    /// The address of IBM's IAM.
    iam_url: Option<Url>,
    /// The token endpoint.
    token_url: Option<Url>,
    /// The Snowflake account.
    account: Option<Text>,
    /// The Snowflake user.
    user: Option<Text>,
    /// Where the private key of the user lies: PEM, PKCS#8.
    private_key: Option<Secret>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Kind {
    /// Nothing is shown.
    None,
    /// Signatures with AWS credentials.
    Aws,
    /// Tokens of Microsoft Entra ID.
    Entra,
    /// Tokens of Google Cloud.
    Google,
    /// Tokens of IBM Cloud IAM.
    Ibm,
    /// Tokens of an OAuth 2 token endpoint.
    #[schemars(rename = "oauth")]
    OAuth,
    /// JWTs signed with a key pair of a Snowflake user.
    SnowflakeKeyPair,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case")]
enum Source {
    /// AWS: the first that is there.
    Chain,
    /// AWS: environment variables.
    Environment,
    /// AWS: a profile of the shared configuration files.
    Profile,
    /// AWS: a pair of keys.
    Keys,
    /// AWS: a token file that is exchanged.
    WebIdentity,
    /// AWS: the endpoint of ECS or EKS.
    Container,
    /// AWS: the metadata service of the machine.
    Instance,
    /// Entra: the secret of an application.
    ClientSecret,
    /// Entra: a token file in place of the secret.
    WorkloadIdentity,
    /// Entra: the identity of the machine.
    ManagedIdentity,
    /// Google: application default credentials.
    Default,
    /// Google: a file.
    File,
    /// Google: JSON in a secret.
    Json,
    /// Google: the metadata service of the machine.
    Metadata,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct AssumeRole {
    /// The role's ARN.
    role_arn: Text,
    /// The name of the session in AWS's own logs.
    session_name: Option<Text>,
    /// What the role's trust policy may ask for.
    external_id: Option<Text>,
}
