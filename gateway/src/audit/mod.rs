//! The audit log: one hash-chained JSON line a request, granted or denied.
//!
//! # The format, for whoever checks it without us
//!
//! The log is a folder of segments, `audit-000001.jsonl`, `audit-000002.jsonl` …, each a file of lines ending in `\n`. A
//! line is a JSON object whose first member is `seq` and whose last two are `prev` and `hash`:
//!
//! ```text
//! {"seq":7,"ts":"2026-01-31T12:00:00.000Z","event":"request",…,"prev":"<64 hex>","hash":"<64 hex>"}
//! ```
//!
//! * `seq` counts from 1 without gaps, across segments.
//! * `prev` is the `hash` of the line before, in the same or the previous segment; 64 zeros for the first line of all.
//! * `hash` is SHA-256, in lower-case hex, of the 32 bytes that `prev` spells, followed by the bytes of the line without
//!   its member `hash`: that is the line up to `,"hash":"`, followed by `}`.
//! * `head.json` holds `seq` and `hash` of the last line that was made durable, padded with spaces to 256
//!   bytes. The log contains at least that line; a running gateway may have written more.
//!
//! `tests/audit_verify.py` is a complete verifier in a screen of Python.
//!
//! # What this proves, and what it does not
//!
//! Any edited, removed, inserted or reordered line breaks the chain; lines cut off the end contradict `head.json`.
//! Whoever may write the whole folder can compute a new chain and a new head: against that, heads have to be signed and
//! kept elsewhere, which this version does not do.
//!
//! # Writing
//!
//! [`Audit::record`] hands the record to one writer thread and returns: no lock, no serialisation, no I/O on the request's
//! path. The writer drains what is queued, appends it in one write, makes it durable with one `fdatasync`, then moves the
//! head. The busier the gateway, the more requests share a flush.
//!
//! # When the disk fails
//!
//! Nothing is dropped. Records in hand stay in memory, [`Audit::admit`] refuses new requests (so that memory stays bounded
//! by the requests already running), and the writer opens the segment anew, checks that it still ends where it should,
//! and writes again. It never repeats an `fdatasync` on the same descriptor: after a failure the kernel may have dropped
//! the pages and report success. The refused requests are counted in the next line that can be written.
//!
//! # Starting
//!
//! The last segment is checked, and bytes of an unfinished write behind the head are cut off; the cut is itself a
//! record. Anything else that is wrong is not a crash's doing: the gateway does not start. One process writes at a time.

mod chain;
mod disk;
mod error;
mod head;
mod journal;
mod layer;
mod log;
mod record;
mod recover;
mod scan;
mod segment;
mod verify;
mod writer;

pub use error::AuditError;
pub use layer::{AuditLayer, Audited};
pub use log::{Audit, AuditOptions, Unwritable};
pub use record::{Attempt, Decision, Outcome, Record};
pub use scan::Flaw;
pub use verify::{Fault, Problem, Verdict, verify};

#[cfg(test)]
mod tests;
