//! How a backend's requests are authorised. Only places of secrets are named here; the gateway reads them.

use std::path::PathBuf;

use super::{BaseUrl, SecretRef};

/// What a backend is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    #[default]
    None,
    /// A key that does not change by itself, sent as the provider wants it: `Authorization: Bearer`, `x-api-key`, `api-key`…
    Key(SecretRef),
    /// A signature of each request with AWS credentials.
    Aws(AwsCredential),
    /// A token of Microsoft Entra ID.
    Entra(EntraCredential),
    /// A token of Google Cloud.
    Google(GoogleCredential),
    /// A token of IBM Cloud IAM, for an API key.
    Ibm(IbmCredential),
    /// A token of an OAuth 2 token endpoint, by the client credentials grant (RFC 6749, section 4.4): Databricks and others.
    OAuth(OAuthCredential),
    /// A JWT that the gateway signs itself with a key pair: Snowflake.
    SnowflakeKeyPair(SnowflakeKeyPair),
}

/// Where AWS credentials come from, and which role is assumed with them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsCredential {
    /// The first source.
    pub source: AwsSource,
    /// A role to assume with what the source gives.
    pub assume_role: Option<AssumeRole>,
    /// The region that is signed for and whose STS is asked, where the API itself names none: the OpenAI endpoints of AWS.
    pub region: Option<String>,
    /// The address of STS, in place of the region's.
    pub sts_url: Option<BaseUrl>,
}

/// Where AWS credentials come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AwsSource {
    /// The first that is there of environment, profile `default`, web identity, container, instance.
    #[default]
    Chain,
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`.
    Environment,
    /// A profile of the shared configuration files.
    Profile(String),
    /// A pair of keys.
    Keys {
        /// The access key id; no secret.
        access_key_id: String,
        /// The secret access key.
        secret_access_key: SecretRef,
        /// The session token of temporary credentials.
        session_token: Option<SecretRef>,
    },
    /// A token file exchanged for credentials of a role (IRSA). What is absent comes from `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`.
    WebIdentity {
        /// The file, read anew for every exchange.
        token_file: Option<PathBuf>,
        /// The role.
        role_arn: Option<String>,
    },
    /// The container endpoint of ECS, or of EKS Pod Identity.
    Container,
    /// The instance metadata service, version 2.
    Instance,
}

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumeRole {
    /// Its ARN.
    pub role_arn: String,
    /// The name of the session in AWS's own logs.
    pub session_name: Option<String>,
    /// What the role's trust policy may ask for.
    pub external_id: Option<String>,
}

/// Where tokens of Microsoft Entra ID come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraCredential {
    /// The way to a token.
    pub source: EntraSource,
    /// What the token is for; without one, what the provider asks for.
    pub scope: Option<String>,
    /// The authority, in place of `https://login.microsoftonline.com` (or `AZURE_AUTHORITY_HOST`).
    pub authority: Option<BaseUrl>,
}

/// The ways to a token of Microsoft Entra ID. What is absent comes from `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and
/// `AZURE_FEDERATED_TOKEN_FILE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntraSource {
    /// The client credentials grant with a secret.
    ClientSecret {
        /// The directory.
        tenant_id: Option<String>,
        /// The application.
        client_id: Option<String>,
        /// Its secret.
        client_secret: SecretRef,
    },
    /// Workload identity federation: a token file in place of the secret.
    WorkloadIdentity {
        /// The directory.
        tenant_id: Option<String>,
        /// The application.
        client_id: Option<String>,
        /// The file, read anew for every token.
        token_file: Option<PathBuf>,
    },
    /// The identity of the machine or the App Service.
    ManagedIdentity {
        /// Which, where it has several.
        client_id: Option<String>,
    },
}

/// Where tokens of Google Cloud come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GoogleCredential {
    /// The way to a token.
    pub source: GoogleSource,
    /// The project that is billed, sent as `x-goog-user-project`.
    pub quota_project: Option<String>,
}

/// The ways to a token of Google Cloud.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GoogleSource {
    /// Application default credentials: the file that `GOOGLE_APPLICATION_CREDENTIALS` names, the well-known file, the metadata server.
    #[default]
    Default,
    /// A credentials file: a service account, an authorised user, or workload identity federation (`external_account`).
    File(PathBuf),
    /// The same, as the value of a secret.
    Json(SecretRef),
    /// The metadata server.
    Metadata,
}

/// Where tokens of IBM Cloud come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IbmCredential {
    /// The API key.
    pub api_key: SecretRef,
    /// The address of IAM, in place of `https://iam.cloud.ibm.com`.
    pub iam_url: Option<BaseUrl>,
}

/// A client of an OAuth 2 token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthCredential {
    /// The token endpoint.
    pub token_url: BaseUrl,
    /// The client.
    pub client_id: String,
    /// Its secret, sent by HTTP Basic.
    pub client_secret: SecretRef,
    /// What is asked for.
    pub scope: Option<String>,
}

/// What a Snowflake key-pair JWT is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnowflakeKeyPair {
    /// The account identifier.
    pub account: String,
    /// The user.
    pub user: String,
    /// The RSA private key, PEM, PKCS#8, not encrypted.
    pub private_key: SecretRef,
}
