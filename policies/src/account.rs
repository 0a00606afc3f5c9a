//! What a tenant has spent, and whether it may spend more.

use std::time::Duration;

use crate::calendar::{Day, Month};
use crate::spec::{Budget, NanoUsd};

/// What one tenant has spent in the day and the month, in UTC, and what its requests under way may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    day: Day,
    of_day: NanoUsd,
    month: Month,
    of_month: NanoUsd,
    reserved: NanoUsd,
}

/// What was spent, as it is kept over a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// The day of the last request.
    pub day: Day,
    /// What was spent in it.
    pub of_day: NanoUsd,
    /// What was spent in its month, that day included.
    pub of_month: NanoUsd,
}

/// A request would cost more than is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverBudget {
    /// Of which budget.
    pub period: Period,
    /// What is left of it, beside what requests under way may cost.
    pub left: NanoUsd,
    /// How long it is until the next begins.
    pub ends_in: Duration,
}

/// What a budget is for, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// A month.
    Month,
}

impl Period {
    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

impl Account {
    /// Of one who has spent nothing in the day that holds this moment, counted from the beginning of 1970, as all moments are here.
    pub fn new(now: Duration) -> Self {
        let day = Day::of(now);
        let nothing = NanoUsd::ZERO;
        Self { day, of_day: nothing, month: day.month(), of_month: nothing, reserved: nothing }
    }

    /// Of one who had spent so much.
    pub fn of(spent: Spent) -> Self {
        let Spent { day, of_day, of_month } = spent;
        Self { day, of_day, month: day.month(), of_month, reserved: NanoUsd::ZERO }
    }

    /// What was spent.
    pub const fn spent(&self) -> Spent {
        Spent { day: self.day, of_day: self.of_day, of_month: self.of_month }
    }

    /// Sets aside what a request is predicted to cost.
    ///
    /// # Errors
    /// That is more than is left, beside what requests under way may cost.
    pub fn reserve(&mut self, now: Duration, budget: Budget, predicted: NanoUsd) -> Result<(), OverBudget> {
        self.turn_to(now);
        for (period, ends) in [(Period::Month, self.month.end()), (Period::Day, self.day.end())] {
            // A request without a price is refused as well where nothing is left at all: who knows what it costs.
            let fits = |left: NanoUsd| left > NanoUsd::ZERO && predicted <= left;
            if let Some(left) = self.left(budget, period).filter(|left| !fits(*left)) {
                return Err(OverBudget { period, left, ends_in: ends.saturating_sub(now) });
            }
        }
        self.reserved = self.reserved.and(predicted);
        Ok(())
    }

    /// The request has ended: what was set aside for it is free again, and what it cost is spent, in the day in which it ended.
    pub fn settle(&mut self, now: Duration, predicted: NanoUsd, paid: NanoUsd) {
        self.turn_to(now);
        self.reserved = self.reserved.less(predicted);
        self.of_day = self.of_day.and(paid);
        self.of_month = self.of_month.and(paid);
    }

    /// What is left of a budget, if there is one for that period.
    pub fn left(&self, budget: Budget, period: Period) -> Option<NanoUsd> {
        let (limit, spent) = match period {
            Period::Day => (budget.per_day?, self.of_day),
            Period::Month => (budget.per_month?, self.of_month),
        };
        Some(limit.less(spent).less(self.reserved))
    }

    /// A new day, or month, begins with nothing spent. A clock that goes back takes nothing back.
    fn turn_to(&mut self, now: Duration) {
        let day = Day::of(now).max(self.day);
        if day > self.day {
            (self.day, self.of_day) = (day, NanoUsd::ZERO);
        }
        if day.month() > self.month {
            (self.month, self.of_month) = (day.month(), NanoUsd::ZERO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);
    /// What is left where a budget is used up.
    const ZERO: NanoUsd = NanoUsd::ZERO;

    /// The first of November 2026, at noon.
    fn noon() -> Duration {
        Duration::from_secs(1_793_534_400)
    }

    fn budget(per_day: u64, per_month: u64) -> Budget {
        Budget { per_day: Some(NanoUsd(per_day)), per_month: Some(NanoUsd(per_month)) }
    }

    fn refused(period: Period, left: u64, ends_in: Duration) -> Result<(), OverBudget> {
        Err(OverBudget { period, left: NanoUsd(left), ends_in })
    }

    #[test]
    fn what_is_under_way_counts_until_it_is_settled() {
        let (mut account, budget) = (Account::new(noon()), budget(100, 1000));
        account.reserve(noon(), budget, NanoUsd(60)).unwrap();
        assert_eq!(account.reserve(noon(), budget, NanoUsd(60)), refused(Period::Day, 40, DAY / 2));
        account.settle(noon(), NanoUsd(60), NanoUsd(10));
        assert_eq!(account.left(budget, Period::Day), Some(NanoUsd(90)));
        account.reserve(noon(), budget, NanoUsd(90)).unwrap();
        // It may cost more than was predicted; then nothing is left.
        account.settle(noon(), NanoUsd(90), NanoUsd(95));
        assert_eq!(account.left(budget, Period::Day), Some(ZERO));
        assert_eq!(account.reserve(noon(), budget, ZERO), refused(Period::Day, 0, DAY / 2));
    }

    #[test]
    fn a_new_day_has_a_budget_of_its_own_and_the_month_goes_on() {
        let (mut account, budget) = (Account::new(noon()), budget(100, 150));
        account.settle(noon(), ZERO, NanoUsd(100));
        let tomorrow = noon() + DAY;
        account.reserve(tomorrow, budget, NanoUsd(50)).unwrap();
        assert_eq!(account.reserve(tomorrow, budget, NanoUsd(1)), refused(Period::Month, 0, 28 * DAY + DAY / 2));
        account.settle(tomorrow, NanoUsd(50), NanoUsd(50));
        let december = noon() + 30 * DAY;
        account.reserve(december, budget, NanoUsd(100)).unwrap();
        assert_eq!(account.left(budget, Period::Month), Some(NanoUsd(50)));
    }

    #[test]
    fn what_was_spent_is_known_after_a_restart_and_a_clock_that_goes_back_gives_nothing_back() {
        let (mut account, budget) = (Account::new(noon()), budget(100, 1000));
        account.settle(noon(), ZERO, NanoUsd(70));
        let mut again = Account::of(account.spent());
        assert_eq!(again.left(budget, Period::Day), Some(NanoUsd(30)));
        assert_eq!(again.reserve(noon() - DAY, budget, NanoUsd(31)).unwrap_err().period, Period::Day);
    }

    #[test]
    fn without_a_budget_all_is_granted() {
        let mut account = Account::new(noon());
        account.settle(noon(), ZERO, NanoUsd(u64::MAX));
        assert_eq!(account.reserve(noon(), Budget::default(), NanoUsd(u64::MAX)), Ok(()));
    }
}
