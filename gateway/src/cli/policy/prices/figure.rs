//! Prices as decimal digits: read from JSON and written to TOML without a float in between, which would change their last digits.

/// The number `text` of JSON times ten to the power of `places`, rounded to the nearest. `None` if it is negative, absurdly large or no number.
pub(super) fn scaled(text: &str, places: i32) -> Option<u64> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: u128 = format!("{whole}{part}").parse().ok()?;
    let shift = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(part.len()).ok()?)?.checked_add(places)?;
    let power = 10_u128.checked_pow(shift.unsigned_abs());
    let scaled = match (shift >= 0, power) {
        (true, power) => digits.checked_mul(power?)?,
        (false, Some(power)) => (digits + power / 2) / power,
        // So many digits behind the point that nothing is left of them.
        (false, None) => 0,
    };
    scaled.try_into().ok()
}

/// An amount in billionths, as a decimal of TOML.
pub(super) fn decimal(billionths: u64) -> String {
    let (whole, part) = (billionths / 1_000_000_000, billionths % 1_000_000_000);
    if part == 0 { whole.to_string() } else { format!("{whole}.{}", format!("{part:09}").trim_end_matches('0')) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_token_costs_is_what_a_million_cost_to_the_last_digit() {
        for (text, expected) in [
            ("2.5e-06", "2.5"),
            ("1e-05", "10"),
            ("3.75E-8", "0.0375"),
            ("0.0000025", "2.5"),
            ("0", "0"),
            ("0.0", "0"),
            ("8.000000000000001e-08", "0.08"),
            ("1.4285714e-07", "0.14285714"),
            ("1e-40", "0"),
        ] {
            assert_eq!(scaled(text, 15).map(decimal).as_deref(), Some(expected), "{text}");
        }
        for bad in ["-1e-06", "1e40", "\"free\"", "null", "", "1e", "1.2.3"] {
            assert_eq!(scaled(bad, 15), None, "{bad}");
        }
    }
}
