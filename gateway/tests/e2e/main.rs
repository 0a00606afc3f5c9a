//! The gateway from end to end: real sockets on loopback, real TLS and tokens, a simulated cloud behind it.
//!
//! One binary for all topics, because linking a gateway takes longer than all of these tests together. Each test runs a
//! gateway of its own on the test's thread, so that its metrics are its own too, and waits for events, never for time.
//! Where a time limit is what is tested, the limit is a setting and the test waits for what follows from it.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a helper that panics fails its test"
)]

mod audit;
mod bad_answers;
mod canaries;
mod client_leaves;
mod continuation;
mod cost;
mod deadline;
mod decisions;
mod drains;
mod failover;
mod faults;
mod idempotency;
mod interruption;
mod larger;
mod local_models;
mod matching;
mod matrix;
mod open_inference;
mod operators;
mod order;
mod outage;
mod passthrough;
mod policy_commands;
mod refusals;
mod reload;
mod residency;
mod sessions;
mod shadow;
mod shutdown;
mod slo;
mod support;
mod upkeep;
