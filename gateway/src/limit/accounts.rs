//! Accounts by the names of their owners, and the lines in which they are kept over a restart.

use std::{
    collections::BTreeMap,
    fmt::Display,
    str::FromStr,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use tradewind_policies::{
    Account, Day, OverBudget, Spent,
    spec::{Budget, NanoUsd},
};

/// What was spent by whom. Held for a few additions, of requests that somebody has granted a budget for.
#[derive(Debug)]
pub(super) struct Accounts<K>(Mutex<BTreeMap<K, Account>>);

/// An account as it is kept; amounts are in billionths of a US dollar.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    day: String,
    spent_in_day: u64,
    spent_in_month: u64,
}

impl<K> Default for Accounts<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Ord + Clone + Display> Accounts<K> {
    /// Those of these lines, by the names of their owners; else what is wrong with one.
    pub(super) fn read(lines: BTreeMap<String, Line>) -> Result<Self, String>
    where
        K: FromStr<Err: Display>,
    {
        let account = |(owner, line): (String, Line)| {
            let owner: K = owner.parse().map_err(|error| format!("has a name that nobody can have ({error})"))?;
            let day: Day = line.day.parse().map_err(|error| format!("has no day in `{}` ({error})", line.day))?;
            let spent = Spent { day, of_day: NanoUsd(line.spent_in_day), of_month: NanoUsd(line.spent_in_month) };
            Ok((owner, Account::of(spent)))
        };
        lines.into_iter().map(account).collect::<Result<_, String>>().map(|accounts| Self(Mutex::new(accounts)))
    }

    /// As they are now, to be kept.
    pub(super) fn lines(&self) -> BTreeMap<String, Line> {
        let line = |account: &Account| {
            let Spent { day, of_day, of_month } = account.spent();
            Line { day: day.to_string(), spent_in_day: of_day.0, spent_in_month: of_month.0 }
        };
        self.with(|accounts| accounts.iter().map(|(owner, account)| (owner.to_string(), line(account))).collect())
    }

    /// Sets aside what a request is predicted to cost, and tells of the account then.
    pub(super) fn reserve(
        &self,
        owner: &K,
        budget: Budget,
        predicted: NanoUsd,
        tell: impl FnOnce(&Account),
    ) -> Result<(), OverBudget> {
        let now = now();
        self.with(|accounts| {
            let account = accounts.entry(owner.clone()).or_insert_with(|| Account::new(now));
            let reserved = account.reserve(now, budget, predicted);
            tell(account);
            reserved
        })
    }

    /// Takes what the request did cost, and tells of the account then.
    pub(super) fn settle(&self, owner: &K, predicted: NanoUsd, paid: NanoUsd, tell: impl FnOnce(&Account)) {
        let now = now();
        self.with(|accounts| {
            let account = accounts.entry(owner.clone()).or_insert_with(|| Account::new(now));
            account.settle(now, predicted, paid);
            tell(account);
        });
    }

    /// What was spent in the day that it is now.
    pub(super) fn of_day(&self, owner: &K) -> NanoUsd {
        let spent = self.with(|accounts| accounts.get(owner).map(Account::spent));
        spent.filter(|spent| spent.day == Day::of(now())).map(|spent| spent.of_day).unwrap_or_default()
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<K, Account>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// By the wall clock: budgets are for days.
fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
