//! The JSON Schema of policy files, by which editors complete and check them while they are being written.
//!
//! The reader walks the files by hand, so that it can tell of every fault at once. What it knows stands once more in `described`, as types with
//! descriptions, and the schema is generated from those. **Whoever teaches the reader a key adds it to the type of its table there**, with a
//! sentence of what it says: a test compares both, key by key and word by word, and names what is missing on either side. Then
//! `UPDATE_EXPECTED=1 cargo test --release -p tradewind-policies --lib schema` writes `policy.schema.json` anew.

/// The schema of a policy file: JSON Schema, draft 7, which editors for TOML know best.
pub const SCHEMA: &str = include_str!("../../policy.schema.json");

#[cfg(test)]
mod described;
#[cfg(test)]
mod generate;
#[cfg(test)]
mod locate;
#[cfg(test)]
pub(crate) mod recorded;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod validate;
