//! Amounts of money.

use std::fmt;
use std::str::FromStr;

use crate::decimal;

/// An amount of money, in billionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(pub u64);

/// A text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no amount of money; accepted: US dollars such as `$0.25` or `$400`, with at most 9 digits after the point")]
pub struct InvalidAmount;

impl NanoUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The digits that an amount in dollars may have after its point.
    pub(crate) const PLACES: usize = 9;

    /// In US dollars, for what is weighed rather than billed.
    #[expect(clippy::cast_precision_loss, reason = "an amount that is compared with others may lose its last digits")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 * 1e-9
    }

    /// Both together; the most there is, if that is too little.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// What is left after `other`; nothing, if that is more.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl FromStr for NanoUsd {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let dollars = text.strip_prefix('$').filter(|dollars| !dollars.starts_with('+')).ok_or(InvalidAmount)?;
        decimal::scaled(dollars, Self::PLACES).map(Self).ok_or(InvalidAmount)
    }
}

impl fmt::Display for NanoUsd {
    /// In dollars, with as many digits as it takes, and two at least.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, part) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        let digits = format!("{part:09}");
        let needed = digits.trim_end_matches('0').len().max(2);
        write!(f, "${dollars}.{}", digits.get(..needed).unwrap_or(&digits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_in_dollars() {
        for (text, amount, shown) in [
            ("$0.25", 250_000_000, "$0.25"),
            ("$400", 400_000_000_000, "$400.00"),
            ("$0.000000001", 1, "$0.000000001"),
            ("$1.10", 1_100_000_000, "$1.10"),
        ] {
            assert_eq!(text.parse(), Ok(NanoUsd(amount)), "{text}");
            assert_eq!(NanoUsd(amount).to_string(), shown);
        }
        for bad in ["0.25", "$", "$-1", "$+1", "$ 1", "1$", "$1e3", "$0.0000000001", "€1", "$1,000"] {
            assert_eq!(bad.parse::<NanoUsd>(), Err(InvalidAmount), "{bad}");
        }
    }
}
