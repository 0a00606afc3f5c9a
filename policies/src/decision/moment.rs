//! A moment by the wall clock.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A moment, in microseconds since 1970. It is written as RFC 3339 in UTC, always as long, so that moments sort as text:
/// `2026-01-31T08:00:00.000000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    micros: u64,
}

/// A text that is no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no moment; accepted is RFC 3339 in UTC, such as 2026-01-31T08:00:00Z: {reason}")]
pub struct InvalidMoment {
    text: String,
    reason: String,
}

impl Moment {
    /// The last that can be written: the end of the year 9999.
    const LAST: u64 = 253_402_300_799_999_999;

    /// So many microseconds after the beginning of 1970.
    pub fn from_micros(micros: u64) -> Self {
        Self { micros: micros.min(Self::LAST) }
    }

    /// The microseconds since the beginning of 1970.
    pub const fn micros(self) -> u64 {
        self.micros
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.micros.saturating_sub(earlier.micros))
    }
}

impl From<SystemTime> for Moment {
    /// A clock before 1970 is wrong, and counts as that.
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}

impl From<Moment> for SystemTime {
    fn from(moment: Moment) -> Self {
        UNIX_EPOCH + Duration::from_micros(moment.micros)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&humantime::format_rfc3339_micros((*self).into()), f)
    }
}

impl FromStr for Moment {
    type Err = InvalidMoment;

    fn from_str(text: &str) -> Result<Self, InvalidMoment> {
        let invalid = |error: humantime::TimestampError| InvalidMoment { text: text.into(), reason: error.to_string() };
        humantime::parse_rfc3339(text).map(Self::from).map_err(invalid)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        std::borrow::Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_as_it_is_read_and_sorts_as_text() {
        let early = Moment::from_micros(1_800_000_000_000_001);
        assert_eq!(early.to_string(), "2027-01-15T08:00:00.000001Z");
        assert_eq!(early.to_string().parse(), Ok(early));
        assert!(early.to_string() < Moment::from_micros(1_800_000_000_100_000).to_string());
        assert_eq!(Moment::from_micros(u64::MAX).to_string(), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn what_is_no_moment_is_told_with_what_is_accepted() {
        let error = "yesterday".parse::<Moment>().unwrap_err().to_string();
        assert!(error.contains("`yesterday` is no moment; accepted is RFC 3339 in UTC"), "{error}");
    }
}
