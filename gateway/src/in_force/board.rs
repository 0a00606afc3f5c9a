//! What the running gateway tells operators of its policy.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};
use tradewind_policies::{Fault, PolicyHash};

use super::{
    history::{Damaged, Kept, Past, Why},
    moment::Moment,
};
use crate::telemetry::names;

/// Which policy is in force, and what became of the last attempt to replace it.
#[derive(Debug, Clone)]
pub struct Status {
    /// The policy in force.
    pub hash: PolicyHash,
    /// Since when, by the system's clock.
    pub since: Moment,
    /// The same by a clock that nobody sets.
    pub from: Instant,
    /// Why it came.
    pub why: Why,
    /// Why what the files say now is not in force.
    pub refused: Option<Refusal>,
    /// What was in force, the newest first.
    pub history: Vec<Past>,
    /// What of that cannot be read.
    pub damaged: Vec<Damaged>,
}

/// Why a policy was not put in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// When it was tried first.
    pub at: Moment,
    /// Its hash, if its files could be read.
    pub hash: Option<String>,
    /// The first line of what is wrong.
    pub error: String,
    /// All that is wrong.
    pub faults: Vec<FaultReport>,
}

/// One thing that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultReport {
    /// The file, if it is about one.
    pub file: Option<String>,
    /// The line, from 1.
    pub line: Option<usize>,
    /// The column in characters, from 1.
    pub column: Option<usize>,
    /// The path of the key; empty for a file as a whole.
    pub key: String,
    /// What is wrong.
    pub message: String,
}

impl From<&Fault> for FaultReport {
    fn from(fault: &Fault) -> Self {
        let place = fault.place.as_ref();
        Self {
            file: place.map(|place| place.file.clone()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            key: fault.key.clone(),
            message: fault.message.clone(),
        }
    }
}

impl FaultReport {
    /// One that is about no place in particular.
    #[must_use]
    pub fn anywhere(message: String) -> Self {
        Self { file: None, line: None, column: None, key: String::new(), message }
    }
}

/// What `GET /policy` answers.
#[derive(Debug, Clone, Serialize)]
pub struct Report<'b> {
    /// The hash of the policy in force.
    hash: String,
    /// Since when.
    since: Moment,
    /// Seconds since then.
    age_seconds: f64,
    /// Why it came.
    why: Why,
    /// Where it is; `null` for the built-in policy.
    source: Option<&'b Path>,
    /// Why what is there now is not in force; `null` where it is.
    refused: Option<Refusal>,
    /// What was in force, the newest first.
    history: Vec<Past>,
    /// What of that cannot be read.
    damaged: Vec<Damaged>,
}

/// Where that is written up for all to see.
#[derive(Debug)]
pub struct Board {
    source: Option<PathBuf>,
    status: watch::Sender<Status>,
}

impl Board {
    /// The policy that the gateway starts with, from `source`.
    #[must_use]
    pub fn new(hash: PolicyHash, source: Option<&Path>) -> Self {
        let source = source.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf()));
        let (history, damaged) = (Vec::new(), Vec::new());
        let status =
            Status { hash, since: Moment::now(), from: Instant::now(), why: Why::Start, refused: None, history, damaged };
        Self { source, status: watch::Sender::new(status) }
    }

    /// Tells of every change from now on.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// The policy of this hash has come into force.
    pub fn in_force(&self, hash: PolicyHash) {
        self.status.send_modify(|status| {
            (status.hash, status.why) = (hash, Why::Change);
            (status.since, status.from) = (Moment::now(), Instant::now());
            status.refused = None;
        });
    }

    /// Why it has, and what was before it.
    pub fn explained(&self, why: Why, kept: Kept) {
        self.status.send_modify(|status| {
            status.why = why;
            status.history = kept.entries.into_iter().map(|entry| entry.past).collect();
            status.damaged = kept.damaged;
        });
    }

    /// What the files say is not in force.
    pub fn refuse(&self, refusal: Refusal) {
        self.status.send_modify(|status| status.refused = Some(refusal));
    }

    /// What the files say is in force already.
    pub fn agree(&self) {
        self.status.send_if_modified(|status| status.refused.take().is_some());
    }

    /// All of it.
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        let Status { hash, since, from, why, refused, history, damaged } = self.status.borrow().clone();
        let (hash, age_seconds) = (hash.to_string(), from.elapsed().as_secs_f64());
        Report { hash, since, age_seconds, why, source: self.source.as_deref(), refused, history, damaged }
    }

    /// What metrics tell of it, in Prometheus' text format. It is written here because a recorder never forgets a series, and the hash of
    /// a policy that is in force no more must not be among them.
    #[must_use]
    pub fn metrics(&self) -> String {
        let status = self.status.borrow();
        let mut text = String::new();
        let (info, age) = (names::POLICY_INFO, names::POLICY_AGE);
        // Writing to a string cannot fail.
        let _infallible = write!(
            text,
            "# HELP {info} The policy in force, by the beginning of its hash.\n# TYPE {info} gauge\n{info}{{{}=\"{}\"}} 1\n\n\
             # HELP {age} For how long it has been in force.\n# TYPE {age} gauge\n{age} {}\n",
            names::POLICY,
            status.hash.short(),
            status.from.elapsed().as_secs_f64()
        );
        text
    }
}
