//! The decision log: why each request went where it went.
//!
//! One [`Decision`](tradewind_policies::decision::Decision) a request, as a line of JSON in the state folder, for `tradewind policy explain`, for replays
//! under another policy, and for whatever the operator's own tools make of it.
//!
//! # Not the audit log
//!
//! The audit log proves who was given what: it is chained, durable, and nothing is served that it could not take. This one explains and teaches: it
//! is sampled if the operator likes, limited in size and age, and where the disk is slow or full, records are dropped and counted. No
//! request ever waits for it.
//!
//! # What it costs a request
//!
//! On its way, a request copies the numbers it is decided by ([`Trace`](crate::context::Trace)), and the headers that are to be recorded. At its end, its context is handed to a thread of
//! its own, which asks the policy once more why each backend was left out, and writes.

mod asked;
mod columns;
mod explain;
mod export;
mod files;
mod find;
mod header;
mod kept;
mod layer;
mod log;
mod parts;
mod read;
mod record;
mod show;
mod told;
mod writer;

pub use self::{
    asked::{Described, DescribedError},
    explain::{Copied, Explanation, Means, explain},
    export::{ExportError, export},
    files::{Limits, Segment, segments},
    find::{FindError, find},
    header::{DECISION, TellTo},
    kept::KeptNames,
    layer::{DecisionLayer, OpenDecision, Recorded},
    log::{DecisionOptions, Decisions},
    read::{BadLine, Period, Problem, Reader},
    show::{show_decision, show_explanation, show_line},
};
