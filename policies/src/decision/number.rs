//! Numbers as they are written: short, and never one that JSON does not have.

use serde::Serializer;

/// What is beyond measure is written as this: thirty years, if it is a time.
const MOST: f64 = 1e9;
/// To the microsecond, if it is a time.
const FINEST: f64 = 1e6;

fn round(number: f64) -> f64 {
    // That leaves out NaN too.
    let number = if number < MOST { number.max(-MOST) } else { MOST };
    (number * FINEST).round() / FINEST
}

/// Six digits after the point.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
pub(super) fn rounded<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(round(*number))
}

/// The same, where there is one.
#[expect(clippy::ref_option, reason = "serde hands over references")]
pub(super) fn rounded_if_any<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => rounded(number, serializer),
        None => serializer.serialize_none(),
    }
}

/// Whether there is nothing to write.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
pub(super) fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_does_not_have_is_beyond_measure() {
        for (number, written) in [(0.123_456_789, 0.123_457), (f64::NAN, MOST), (f64::INFINITY, MOST), (f64::NEG_INFINITY, -MOST)]
        {
            assert_eq!(round(number), written, "{number}");
        }
    }
}
