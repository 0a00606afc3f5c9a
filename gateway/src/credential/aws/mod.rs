//! Credentials of AWS: where they come from, and the signatures made with them.

mod bearer;
mod chain;
mod container;
mod environment;
mod instance;
mod issued;
mod process;
mod profile;
mod signer;
mod sts;

pub(super) use self::{bearer::BearerToken, chain::Chain, environment::region, signer::Signer};
