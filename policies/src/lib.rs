//! The decisions of the gateway, without the gateway: what a policy says, who may use what, and which backend
//! should be tried first.
//!
//! Everything here is a function of its arguments. There is no clock, no socket, no file and no `async` in this
//! crate, so that the same code decides in production, in a test, in a replay of yesterday's log and in a
//! simulation that runs in virtual time. The caller brings the text of the policy files, the time
//! ([`select::Monotonic`]) and the random numbers.
//!
//! From text to decision:
//!
//! 1. [`Policy::parse`] reads the files (`read`), checks every reference between them (`resolve`) and returns
//!    either one immutable [`Policy`] or all the faults it found ([`PolicyErrors`]), never a part of a policy. Tests that the
//!    files bring along are run at once: a policy that fails its own tests is faulty. [`Policy::check`] also tells what is
//!    no fault but likely a mistake.
//! 2. [`Policy::authorize`] says whether a tenant may ask for a model; [`Policy::eligible`] says which backends
//!    may then serve the [`Request`], in tiers. Both are look-ups in tables compiled at load.
//!    [`Policy::consider`] tells the same of every backend, with the reason and the line that left it out.
//! 3. [`select::choose`] picks one of the eligible backends by what [`select::Health`] has learnt about each.
//!
//! A promise of the policy (who may use what, which backends may see it) is decided in step 2 and nothing in step
//! 3 can widen it: `choose` only picks and leaves out.

#![forbid(unsafe_code)]

mod account;
mod calendar;
mod check;
mod decimal;
mod fault;
mod grant;
mod hex;
mod name;
mod occupancy;
mod operation;
mod pattern;
mod plan_hash;
mod policy;
mod quota;
mod read;
mod request;
mod residency;
mod resolve;
mod schema;
mod session;

pub mod canary;
pub mod decision;
pub mod plan;
pub mod replay;
pub mod select;
pub mod simulate;
mod source;
pub mod spec;

pub use account::{Account, OverBudget, Period, Spent};
pub use calendar::{Day, InvalidDay, Month};
pub use check::Checked;
pub use fault::{Fault, Note, Outside, Paint, Place, PolicyErrors, Reference, Severity};
pub use grant::Grants;
pub use hex::{HashPrefix, InvalidHash, InvalidPrefix};
pub use name::{BackendName, FailureDomain, InvalidName, ModelAlias, ModelId, RouteName, TenantId, UpstreamModel, Weights};
pub use occupancy::{Entered, Occupancy};
pub use operation::Operations;
pub use pattern::{InvalidPattern, Pattern};
pub use plan_hash::PlanHash;
pub use policy::{
    Considered, Considering, Denied, Eligible, Excluded, Grantor, NoRoute, NoTenant, Outgrown, Policy, Reasons, Stage, Stays,
    TenantClass, VisibleModel,
};
pub use quota::Quota;
pub use request::{Attributes, Caller, Needs, Request};
pub use residency::{DeploymentType, InvalidJurisdiction, Jurisdictions};
pub use schema::SCHEMA;
pub use session::{InvalidSession, Session};
pub use source::{PolicyHash, SourceFile};
pub use tradewind_protocol::Operation;
