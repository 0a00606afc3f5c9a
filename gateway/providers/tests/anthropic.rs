//! What the adapter for Anthropic's Messages API makes of requests, answers, streams and errors.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on says where and why")]

mod golden;

use golden::Golden;
use tradewind_protocol::anthropic::Version;
use tradewind_providers::{
    Adapter,
    anthropic::{Anthropic, Host},
};

#[test]
fn anthropic_golden_files() {
    Golden { provider: "anthropic", adapter, frames: None }.check();
}

fn adapter(variant: &str) -> Box<dyn Adapter> {
    let (base, host, version, betas): (_, _, _, &[&str]) = match variant {
        "" => ("https://api.anthropic.com", Host::Anthropic, Version::V2023_06_01, &[]),
        "2026-10-21" => ("https://api.anthropic.com", Host::Anthropic, Version::V2026_10_21, &[]),
        "betas" => (
            "https://api.anthropic.com",
            Host::Anthropic,
            Version::V2023_06_01,
            &["context-1m-2025-08-07", "files-api-2025-04-14"],
        ),
        "foundry" => ("https://resource.services.ai.azure.com", Host::Foundry, Version::V2023_06_01, &[]),
        "databricks" => ("https://workspace.cloud.databricks.com", Host::Databricks, Version::V2023_06_01, &[]),
        "snowflake" => ("https://account.snowflakecomputing.com", Host::Snowflake, Version::V2023_06_01, &[]),
        other => panic!("unknown variant {other}"),
    };
    let betas: Vec<String> = betas.iter().map(|beta| (*beta).to_owned()).collect();
    Box::new(Anthropic::new(&base.parse().unwrap(), host, version, &betas).unwrap())
}
