//! What a policy says, resolved: the typed values that the gateway builds its backends from.

mod backend;
mod base_url;
mod canary;
mod capability;
mod ceiling;
mod concurrency;
mod conditions;
mod credential;
mod device;
mod drained;
mod expression;
mod known;
mod lane;
mod literals;
mod money;
mod poll;
mod price;
mod price_table;
mod pricing;
mod provider;
mod requirement;
mod route;
mod routing;
mod secret;
mod shadow;
mod share;
mod slo;
mod split;
mod tenant;
mod timeouts;

pub use backend::{BackendIndex, BackendSpec, InProcess, ServedModel};
pub use base_url::{BaseUrl, InvalidBaseUrl};
pub use canary::Canary;
pub(crate) use canary::CanaryLane;
pub use capability::CapabilityOverrides;
pub(crate) use capability::Feature;
pub use ceiling::Ceiling;
pub use concurrency::Concurrency;
pub(crate) use conditions::{Conditions, Want, Wanted};
pub use credential::{
    AssumeRole, AwsCredential, AwsSource, Credential, EntraCredential, EntraSource, GoogleCredential, GoogleSource,
    IbmCredential, OAuthCredential, SnowflakeKeyPair,
};
pub use device::{Device, InvalidDevice};
pub use drained::{Drained, Window};
pub(crate) use expression::Expression;
pub(crate) use known::{Known, Lacking};
pub use lane::Target;
pub(crate) use lane::{Floor, Lane, LaneParts, MOST_TARGETS, Places, Targets, usage};
pub(crate) use literals::{MAX_OUTPUT_TOKENS, Mentioned, PROMPT_TOKENS};
pub use money::{InvalidAmount, NanoUsd};
pub(crate) use poll::Pages;
pub use poll::Poll;
pub use price::{Above, Consumption, Haste, Price, Rate, Rates};
pub(crate) use price_table::Catalogues;
pub use price_table::{PriceTable, StalePrices};
pub use pricing::{Origin, Pricing};
pub use provider::{
    AnthropicHost, AnthropicVersion, Api, AzureSurface, BedrockChat, ClientCertificate, Connection, HttpVersion, OpenAiHost,
    Provider, Remote, SageMakerContainer, VertexChat, WatsonxScope,
};
pub(crate) use requirement::Demand;
pub use requirement::{DataTerms, Requirement, Residency};
pub(crate) use route::{Larger, RouteParts, RouteSpec};
pub use routing::{MaxAttempts, Midstream, Objective, Routing};
pub use secret::{InvalidSecretRef, SecretRef};
pub use shadow::Shadow;
pub(crate) use shadow::{ShadowParts, ShadowSpec};
pub use share::{InvalidShare, Share};
pub use slo::{Slo, Spill};
pub(crate) use split::{MOST_WEIGHT, Split};
pub use tenant::{Budget, TenantLimits, TenantSpec, Who};
pub(crate) use timeouts::{RateOverride, TimeoutOverrides};
pub use timeouts::{Timeouts, TokenRate};
