//! Numbers, of which each place says which it takes.

use toml::de::DeValue;

use super::{Located, Value};
use crate::decimal;
use crate::fault::Report;

impl Value<'_> {
    /// Whether it was written as a whole number.
    pub(in crate::read) fn is_integer(&self) -> bool {
        matches!(self.tree, DeValue::Integer(_))
    }

    /// An integer that `accept` takes; `accepted` says which it does.
    pub(crate) fn integer<T>(
        self,
        accepted: &str,
        accept: impl FnOnce(i64) -> Option<T>,
        report: &mut Report<'_>,
    ) -> Option<Located<T>> {
        let DeValue::Integer(digits) = self.tree else {
            return self.mistyped("an integer", &format!("; accepted: {accepted}"), report);
        };
        match i64::from_str_radix(digits.as_str(), digits.radix()).ok().and_then(accept) {
            Some(value) => Some(self.located(value)),
            None => {
                let message = format!("`{}` is out of range; accepted: {accepted}", digits.as_str());
                report.fault(self.at, self.key, message);
                None
            }
        }
    }

    /// What `accept` makes of a number times ten to the power of `places`, which is read exactly, as a float is not; `accepted` says which
    /// numbers it takes.
    pub(in crate::read) fn decimal<T>(
        self,
        places: usize,
        accepted: &str,
        accept: impl FnOnce(u64) -> Option<T>,
        report: &mut Report<'_>,
    ) -> Option<Located<T>> {
        let scaled = match self.tree {
            DeValue::Integer(digits) => u64::from_str_radix(digits.as_str(), digits.radix())
                .ok()
                .and_then(|whole| whole.checked_mul(10_u64.checked_pow(u32::try_from(places).ok()?)?)),
            DeValue::Float(digits) => decimal::scaled(digits.as_str(), places),
            _ => return self.mistyped("a number", &format!("; accepted: {accepted}"), report),
        };
        match scaled.and_then(accept) {
            Some(value) => Some(self.located(value)),
            None => {
                report.fault(
                    self.at,
                    self.key,
                    format!("this number is not taken; accepted: {accepted}, with at most {places} digits after the point"),
                );
                None
            }
        }
    }

    /// A number, with or without a decimal point, that `accept` takes; `accepted` says which it does.
    pub(crate) fn number<T>(
        self,
        accepted: &str,
        accept: impl FnOnce(f64) -> Option<T>,
        report: &mut Report<'_>,
    ) -> Option<Located<T>> {
        let digits = match self.tree {
            DeValue::Integer(digits) => digits.as_str(),
            DeValue::Float(digits) => digits.as_str(),
            _ => return self.mistyped("a number", &format!("; accepted: {accepted}"), report),
        };
        match digits.parse().ok().filter(|number: &f64| number.is_finite()).and_then(accept) {
            Some(value) => Some(self.located(value)),
            None => {
                let message = format!("`{digits}` is out of range; accepted: {accepted}");
                report.fault(self.at, self.key, message);
                None
            }
        }
    }

    /// Whether it was written as a number.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.tree, DeValue::Integer(_) | DeValue::Float(_))
    }
}
