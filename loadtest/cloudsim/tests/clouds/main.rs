//! The simulated clouds, each seen by a client that speaks its dialect.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod anthropic;
mod aws;
mod azure;
mod cohere;
mod databricks;
mod faults;
mod google;
mod hosts;
mod identity;
mod snowflake;
mod support;
mod tei;
mod watsonx;
