//! What a policy says, resolved: the typed values that the gateway builds its backends from.

mod backend;
mod base_url;
mod capability;
mod credential;
mod provider;
mod route;
mod secret;
mod timeouts;

pub use backend::{BackendIndex, BackendSpec, ServedModel};
pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use capability::CapabilityOverrides;
pub use credential::{
    AssumeRole, AwsCredential, AwsSource, Credential, EntraCredential, EntraSource, GoogleCredential, GoogleSource,
    IbmCredential, OAuthCredential, SnowflakeKeyPair,
};
pub use provider::{
    AnthropicHost, AnthropicVersion, Api, AzureSurface, BedrockChat, ClientCertificate, Connection, HttpVersion, OpenAiHost,
    Provider, Remote, SageMakerContainer, VertexChat, WatsonxScope,
};
pub use route::{MaxAttempts, Target};
pub(crate) use route::{RouteParts, RouteSpec};
pub use secret::{InvalidSecretRef, SecretRef};
pub(crate) use timeouts::TimeoutOverrides;
pub use timeouts::Timeouts;
