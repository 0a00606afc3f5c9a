//! A part of a whole, such as `5%`.

use std::fmt;
use std::str::FromStr;

use crate::decimal;

/// A part of a whole, from nothing to all of it, in hundredths of a percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u64);

/// A text that is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no share; accepted: one such as `5%` or `2.5%`, in steps of `0.01%`, from `0%` to `100%`")]
pub struct InvalidShare;

impl Share {
    /// Nothing.
    pub const NONE: Self = Self(0);

    /// All of it.
    pub const WHOLE: Self = Self(10_000);

    /// So many percent; all of it for more than a hundred.
    pub(crate) const fn percent(percent: u64) -> Self {
        Self(if percent > 100 { 10_000 } else { percent * 100 })
    }

    /// In hundredths of a percent, of which ten thousand are all of it.
    pub const fn hundredths(self) -> u64 {
        self.0
    }

    /// As a number from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "at most ten thousand")]
    pub fn get(self) -> f64 {
        self.0 as f64 / 10_000.0
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        let share = text.strip_suffix('%').and_then(|percent| decimal::scaled(percent, 2)).map(Self);
        share.filter(|share| *share <= Self::percent(100)).ok_or(InvalidShare)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.get() * 100.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_written_in_percent() {
        for (text, share) in [("5%", 0.05), ("2.5%", 0.025), ("0%", 0.0), ("100%", 1.0), ("0.01%", 0.0001)] {
            let parsed: Share = text.parse().unwrap();
            assert!((parsed.get() - share).abs() < f64::EPSILON, "{text}");
            assert_eq!(parsed.to_string(), text);
        }
        for bad in ["5", "0.05", "101%", "-5%", "%", "5 %", "1e1%", "0.001%"] {
            assert_eq!(bad.parse::<Share>(), Err(InvalidShare), "{bad}");
        }
    }
}
