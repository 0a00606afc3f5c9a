//! Days and months in UTC, as the Gregorian calendar counts them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const DAY: Duration = Duration::from_hours(24);
/// Of days from the first of March of the year 0, where leap days are at the end of their years, to 1970.
const EPOCH: i64 = 719_468;
/// Days in 400 years, after which the calendar repeats.
const ERA: i64 = 146_097;

/// A day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

/// A month in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i64,
    month: i64,
}

impl Day {
    /// The day that holds the moment so long after the beginning of 1970.
    pub fn of(since_1970: Duration) -> Self {
        Self((since_1970.as_secs() / DAY.as_secs()).try_into().unwrap_or(i64::MAX))
    }

    /// The day of this date; `None` if there is none.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        // As H. Hinnant derives it in "chrono-Compatible Low-Level Date Algorithms": months from March on have 153 days in five.
        let (year, month, day) = (i64::from(year), i64::from(month), i64::from(day));
        let shifted = if month > 2 { month - 3 } else { month + 9 };
        let year = year - i64::from(month <= 2);
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let of_year = (153 * shifted + 2) / 5 + day - 1;
        let days = Self(era * ERA + of_era * 365 + of_era / 4 - of_era / 100 + of_year - EPOCH);
        // A date that does not exist, such as the 30th of February, comes back as another.
        let (year, month, day) = (year + i64::from(month <= 2), month, day);
        (days.date() == (year, month, day)).then_some(days)
    }

    /// Year, month and day.
    fn date(self) -> (i64, i64, i64) {
        let days = self.0.saturating_add(EPOCH);
        let (era, of_era) = (days.div_euclid(ERA), days.rem_euclid(ERA));
        let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        (year + era * 400 + i64::from(month <= 2), month, day)
    }

    /// Its month.
    pub fn month(self) -> Month {
        let (year, month, _) = self.date();
        Month { year, month }
    }

    /// How many days it is after `earlier`; none if it is not.
    pub fn days_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0).try_into().unwrap_or(0)
    }

    /// Its beginning, as the time since the beginning of 1970.
    pub fn begin(self) -> Duration {
        DAY.saturating_mul(u32::try_from(self.0).unwrap_or(0))
    }

    /// Its end, as the time since the beginning of 1970.
    pub fn end(self) -> Duration {
        DAY.saturating_mul(u32::try_from(self.0.saturating_add(1)).unwrap_or(0))
    }
}

impl Month {
    /// Its end, as the time since the beginning of 1970.
    pub fn end(self) -> Duration {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        let next = u16::try_from(year).ok().zip(u8::try_from(month).ok()).and_then(|(year, month)| Day::new(year, month, 1));
        next.map_or(Duration::MAX, |first| Day(first.0 - 1).end())
    }
}

/// A text that is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no day; accepted: one such as 2026-10-20")]
pub struct InvalidDay;

impl FromStr for Day {
    type Err = InvalidDay;

    fn from_str(text: &str) -> Result<Self, InvalidDay> {
        let mut parts = text.splitn(3, '-').filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        let mut next = || parts.next().and_then(|part| part.parse::<u16>().ok()).ok_or(InvalidDay);
        let (year, month, day) = (next()?, next()?, next()?);
        let small = |part: u16| u8::try_from(part).map_err(|_| InvalidDay);
        Self::new(year, small(month)?, small(day)?).ok_or(InvalidDay)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates_and_dates_their_days() {
        for (year, month, day, days) in
            [(1970, 1, 1, 0), (2000, 2, 29, 11_016), (2000, 3, 1, 11_017), (2026, 11, 22, 20_779), (2100, 3, 1, 47_541)]
        {
            let found = Day::new(year, month, day).unwrap();
            assert_eq!(found, Day(days));
            let written = format!("{year:04}-{month:02}-{day:02}");
            assert_eq!((found.to_string(), written.parse()), (written.clone(), Ok(found)));
            assert_eq!(Day::of(Duration::from_secs(days as u64 * 86_400 + 86_399)), found);
        }
        for (year, month, day) in [(2026, 2, 29), (2100, 2, 29), (2026, 4, 31), (2026, 13, 1), (2026, 0, 1), (2026, 1, 0)] {
            assert_eq!(Day::new(year, month, day), None, "{year}-{month}-{day}");
        }
        for bad in ["", "2026-1", "20-10-2026", "2026-10-20T00", "+2026-1-1", "2026-02-30"] {
            assert_eq!(bad.parse::<Day>(), Err(InvalidDay), "{bad}");
        }
    }

    #[test]
    fn a_day_and_a_month_end_where_the_next_begins() {
        let day = Day::new(2028, 2, 28).unwrap();
        assert_eq!(Day::of(day.end()), Day::new(2028, 2, 29).unwrap());
        assert_eq!(Day::of(day.month().end()), Day::new(2028, 3, 1).unwrap());
        let last = Day::new(2026, 12, 31).unwrap();
        assert_eq!((Day::of(last.month().end()), last.month().to_string()), (Day::new(2027, 1, 1).unwrap(), "2026-12".into()));
        assert_eq!((last.days_since(day), day.days_since(last)), (0, 424));
    }
}
