//! Who serves the API: where it lives below their address, and what they take.

use http::HeaderName;
use tradewind_protocol::Support;

use crate::Authentication;

/// Who serves Anthropic's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Anthropic.
    Anthropic,
    /// Azure AI Foundry.
    Foundry,
    /// Databricks.
    Databricks,
    /// Snowflake Cortex.
    Snowflake,
}

impl Host {
    /// What stands between the host's address and `/v1/messages`.
    pub(super) const fn prefix(self) -> &'static str {
        match self {
            Self::Anthropic => "",
            Self::Foundry => "/anthropic",
            Self::Databricks => "/serving-endpoints/anthropic",
            Self::Snowflake => "/api/v2/cortex",
        }
    }

    /// How requests are authorised. Anthropic and Foundry take keys in a header of their own.
    pub(super) const fn authentication(self) -> Authentication {
        match self {
            Self::Anthropic | Self::Foundry => Authentication::Header(HeaderName::from_static("x-api-key")),
            Self::Databricks | Self::Snowflake => Authentication::Bearer,
        }
    }

    /// Whether it fetches images and documents from addresses.
    pub(super) const fn urls(self) -> Support {
        match self {
            Self::Anthropic | Self::Foundry | Self::Databricks => Support::Yes,
            Self::Snowflake => Support::No,
        }
    }

    /// OpenTelemetry's `gen_ai.provider.name`, where it has one for the host.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Foundry => "azure.ai.inference",
            Self::Databricks => "databricks",
            Self::Snowflake => "snowflake",
        }
    }
}
