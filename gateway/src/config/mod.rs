//! What the operator asked for, as typed values.
//!
//! Three sources are read, later ones winning: the built-in defaults, `tradewind.toml`, and the flags of `tradewind
//! serve` (for the home folder and the log filter, also an environment variable, between file and flag). The
//! result is one [`Settings`]; it has no `validate()`, because a value that is not acceptable never gets into it.
//!
//! The file is read by walking the parsed table with its spans instead of by `serde`'s `deny_unknown_fields`: serde
//! stops at the first fault, and an operator with three typing errors should not need three starts to find them.
//! [`Settings::load`] therefore reports *all* faults at once, each with file, line, column, key, what was wrong and
//! what is accepted. Nothing here is reloaded at run time; what changes while serving is the policy.

mod address;
mod args;
mod environment;
mod fault;
mod load;
mod log;
mod quantity;
mod reader;
mod resolve;
mod settings;
#[cfg(test)]
mod tests;
mod values;
mod weights;

pub use self::address::{InvalidAddress, ListenAddress};
pub use self::args::ServeArgs;
pub use self::environment::Environment;
pub use self::fault::{ConfigErrors, Fault, Place};
pub use self::log::{InvalidLogFilter, LogFilter, LogFormat};
pub use self::quantity::{ByteSize, InvalidByteSize};
pub use self::settings::{
    AuditSettings, AuthSettings, Certificate, ConnectionSettings, DecisionSettings, IdempotencySettings, IssuerKeys,
    IssuerSettings, LocalSettings, LogSettings, RequestSettings, Settings,
};
pub use self::weights::{Attention, DenseWeights, InvalidAttention, InvalidDenseWeights};
