//! Sizes as an operator types them: `16MiB`, `64 KiB`, `4096`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// Not a whole number with an optional unit, or more than fits in 64 bits.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{typed:?} is not a size; write a whole number with B, KiB, MiB or GiB, for example 16MiB")]
pub struct InvalidByteSize {
    typed: String,
}

/// Largest first, so that `Display` finds the unit that keeps the number short. Only binary units: with both kinds
/// accepted, `MB` would mean something else to half of the readers.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl ByteSize {
    /// `count` times 1024 bytes.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// `count` times 1024 x 1024 bytes.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }
}

impl FromStr for ByteSize {
    type Err = InvalidByteSize;

    fn from_str(typed: &str) -> Result<Self, InvalidByteSize> {
        let digits = typed.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let (_, unit) = typed.split_at(digits.len());
        let scale = match unit {
            "" => Some(1),
            unit => UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, scale)| *scale),
        };
        let count = digits.trim().parse::<u64>().ok();
        count
            .zip(scale)
            .and_then(|(count, scale)| count.checked_mul(scale))
            .map(Self)
            .ok_or_else(|| InvalidByteSize { typed: typed.to_owned() })
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, scale) =
            UNITS.into_iter().find(|(_, scale)| self.0 >= *scale && self.0.is_multiple_of(*scale)).unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit_and_prints_the_shortest_form() {
        for (typed, bytes, shown) in [
            ("4096", 4096, "4KiB"),
            ("64 KiB", 65_536, "64KiB"),
            ("16mib", 16 << 20, "16MiB"),
            ("1GiB", 1 << 30, "1GiB"),
            ("1025B", 1025, "1025B"),
            ("0", 0, "0B"),
        ] {
            let size: ByteSize = typed.parse().unwrap();
            assert_eq!((size.0, size.to_string().as_str()), (bytes, shown), "{typed}");
        }
    }

    #[test]
    fn refuses_fractions_decimal_units_and_overflow() {
        for typed in ["", "MiB", "1.5MiB", "16MB", "-1", "99999999999GiB", "1 M iB"] {
            assert!(typed.parse::<ByteSize>().is_err(), "{typed}");
        }
    }
}
