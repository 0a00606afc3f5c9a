//! The policies that were in force, kept whole in the state folder, one file each.
//!
//! One that is damaged says so and costs only itself. The texts hold no secrets, only where those lie; they are kept from other users all
//! the same, for they tell who may use what.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tradewind_policies::PolicyHash;

use super::{
    moment::Moment,
    read::{PolicyFile, PolicyFiles, Shape, is_policy},
};
use crate::home::{Home, HomeError};

/// How many are kept.
pub const KEPT: usize = 20;
/// What the files are written as. A later format has another number, and is not guessed at.
const VERSION: u32 = 1;
/// Where a command says what it is about to bring into force.
const INTENT: &str = "intent.json";

/// Why a policy came into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The gateway started with it.
    Start,
    /// Its files were changed.
    Change,
    /// `tradewind policy apply`.
    Apply,
    /// `tradewind policy rollback`.
    Rollback,
}

impl Why {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Change => "change",
            Self::Apply => "apply",
            Self::Rollback => "rollback",
        }
    }
}

/// That a policy was in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Past {
    /// Counts up from 1.
    pub number: u64,
    /// The policy's hash, 64 hexadecimal digits.
    pub hash: String,
    /// When it came into force.
    pub at: Moment,
    /// Why it did.
    pub why: Why,
    /// The names of its files.
    pub files: Vec<String>,
}

/// A policy that was in force, with its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When and why.
    pub past: Past,
    /// What it said.
    pub files: PolicyFiles,
}

/// A file of the history that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub problem: String,
}

/// What is kept.
#[derive(Debug, Default)]
pub struct Kept {
    /// The newest first.
    pub entries: Vec<Entry>,
    /// What is not among them.
    pub damaged: Vec<Damaged>,
}

/// The history in one state folder.
#[derive(Debug, Clone)]
pub struct History {
    home: Home,
}

/// Why a policy was not added to the history.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The state folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// It cannot be written as JSON.
    #[error("cannot write an entry: {0}")]
    Json(#[from] serde_json::Error),
}

/// A file of the history.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    version: u32,
    number: u64,
    hash: String,
    at: Moment,
    why: Why,
    shape: Shape,
    files: Vec<PolicyFile>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Intent {
    hash: String,
    why: Why,
}

impl History {
    /// The one in this state folder.
    #[must_use]
    pub const fn of(home: Home) -> Self {
        Self { home }
    }

    /// All of it that can be read.
    ///
    /// # Errors
    /// The folder is there and cannot be listed.
    pub fn read(&self) -> Result<Kept, HomeError> {
        let mut kept = Kept::default();
        for name in self.home.kept_policies()? {
            let Some(number) = number(&name) else { continue };
            match self.entry(&name, number) {
                Ok(entry) => kept.entries.push(entry),
                Err(problem) => kept.damaged.push(Damaged { file: self.home.policies_dir().join(&name), problem }),
            }
        }
        kept.entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.past.number));
        Ok(kept)
    }

    /// Adds a policy that came into force, and forgets the oldest. One that came last already is not added again.
    ///
    /// # Errors
    /// The file system says no.
    pub fn add(&self, files: &PolicyFiles, at: Moment, why: Why) -> Result<Kept, HistoryError> {
        let kept = self.read()?;
        let hash = files.hash().to_string();
        if kept.entries.first().is_some_and(|last| last.past.hash == hash) {
            return Ok(kept);
        }
        let mut numbers: Vec<_> = self.home.kept_policies()?.iter().filter_map(|name| number(name)).collect();
        numbers.sort_unstable();
        let number = numbers.last().map_or(1, |last| last.saturating_add(1));
        let PolicyFiles { shape, files } = files.clone();
        let line = Line { version: VERSION, number, hash, at, why, shape, files };
        self.home.keep_policy(&file_name(number), &serde_json::to_string_pretty(&line)?)?;
        numbers.push(number);
        for old in numbers.iter().take(numbers.len().saturating_sub(KEPT)) {
            self.home.forget_policy(&file_name(*old))?;
        }
        Ok(self.read()?)
    }

    /// Says why the policy of this hash is about to come into force, if it does.
    ///
    /// # Errors
    /// The file system says no.
    pub fn intend(&self, hash: PolicyHash, why: Why) -> Result<(), HistoryError> {
        let intent = Intent { hash: hash.to_string(), why };
        Ok(self.home.keep_policy(INTENT, &serde_json::to_string(&intent)?)?)
    }

    /// Why the policy of this hash came: for what a command said, else because its files were changed. What was said counts once.
    ///
    /// # Errors
    /// It was said and cannot be read.
    pub fn intended(&self, hash: &str) -> Result<Why, HistoryError> {
        let Some(text) = self.home.kept_policy(INTENT)? else { return Ok(Why::Change) };
        self.home.forget_policy(INTENT)?;
        let intent: Intent = serde_json::from_str(&text)?;
        Ok(if intent.hash == hash { intent.why } else { Why::Change })
    }

    fn entry(&self, name: &str, number: u64) -> Result<Entry, String> {
        let text = self.home.kept_policy(name).map_err(|error| error.to_string())?.ok_or("it is gone")?;
        let line: Line = serde_json::from_str(&text).map_err(|error| format!("it is not an entry: {error}"))?;
        let Line { version, number: said, hash, at, why, shape, files } = line;
        if version != VERSION {
            return Err(format!("it is of version {version}; known is {VERSION}"));
        }
        if said != number {
            return Err(format!("it is number {said} by its text"));
        }
        if let Some(file) = files.iter().find(|file| !is_name(&file.name, shape)) {
            return Err(format!("`{}` is not the name of a policy file", file.name));
        }
        let files = PolicyFiles { shape, files };
        if files.hash().to_string() != hash {
            return Err("its texts are not those of its hash".to_owned());
        }
        Ok(Entry { past: Past { number, hash, at, why, files: files.names() }, files })
    }
}

/// What leads into another folder, or is hidden, was never a policy's.
fn is_name(name: &str, shape: Shape) -> bool {
    !name.contains('/') && !matches!(name, "" | "." | "..") && (shape == Shape::File || is_policy(name))
}

/// Six digits, so that they sort as they count; a million policies later there is one more.
fn file_name(number: u64) -> String {
    format!("{number:06}.json")
}

fn number(name: &str) -> Option<u64> {
    name.strip_suffix(".json")?.parse().ok().filter(|number| file_name(*number) == name)
}
