//! Days and moments, written as dates of TOML's own.

use toml::de::DeValue;
use toml::value::{Datetime, Offset};

use super::{Located, Value};
use crate::calendar::Day;
use crate::decision::Moment;
use crate::fault::Report;

impl Value<'_> {
    /// A day, written as a date of TOML's own.
    pub(in crate::read) fn date(self, report: &mut Report<'_>) -> Option<Day> {
        let DeValue::Datetime(written) = self.tree else {
            return self.mistyped("a date such as `2026-10-20`, without quotes", "", report);
        };
        let date = written.date.filter(|_| written.time.is_none());
        let day = date.and_then(|date| Day::new(date.year, date.month, date.day));
        if day.is_none() {
            report.fault(self.at, self.key, "this is no day; accepted: a date such as `2026-10-20`");
        }
        day
    }

    /// A moment, written as a date with a time and an offset of TOML's own.
    pub(in crate::read) fn moment(self, report: &mut Report<'_>) -> Option<Located<Moment>> {
        const ACCEPTED: &str = "a date with a time and an offset, such as `2026-12-01T22:00:00Z` or `2026-12-01T23:00:00+01:00`";
        let DeValue::Datetime(written) = self.tree else {
            return self.mistyped(&format!("{ACCEPTED}, without quotes"), "", report);
        };
        let moment = of(written);
        match moment {
            Some(moment) => Some(self.located(moment)),
            None => {
                report.fault(self.at, self.key, format!("`{written}` is no moment; accepted: {ACCEPTED}"));
                None
            }
        }
    }
}

/// The moment that a date with a time and an offset says; none if one of them is missing, or it is before 1970.
fn of(written: &Datetime) -> Option<Moment> {
    let (date, time) = (written.date.filter(|date| date.year >= 1970)?, written.time?);
    let ahead = match written.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes) * 60,
    };
    let midnight = Day::new(date.year, date.month, date.day)?.begin().as_secs();
    let second = time.second.unwrap_or_default();
    let of_day = (u64::from(time.hour) * 60 + u64::from(time.minute)) * 60 + u64::from(second);
    let seconds = i64::try_from(midnight + of_day).ok()?.checked_sub(ahead)?;
    Some(Moment::from_micros(u64::try_from(seconds).ok()?.checked_mul(1_000_000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_the_same_with_any_offset() {
        let read = |text: &str| of(&text.parse().unwrap()).map(|moment| moment.to_string());
        for text in ["2026-12-01T22:00:00Z", "2026-12-01T23:00:00+01:00", "2026-12-01T12:30:00-09:30", "2026-12-02 00:00+02:00"] {
            assert_eq!(read(text).as_deref(), Some("2026-12-01T22:00:00.000000Z"), "{text}");
        }
        for text in ["2026-12-01T22:00:00", "2026-12-01", "22:00:00", "1969-12-31T23:59:59Z"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
