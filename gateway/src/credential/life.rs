//! How long a credential lasts, and when to get the next one.

use std::time::Duration;

/// A token is renewed this long before its end. Metadata servers hand out the token that they hold until about then, so that an
/// earlier request brings nothing new.
const TOKEN_LEAD: Duration = Duration::from_secs(5 * 60);
/// AWS's own clients begin to renew this long before the end.
const AWS_LEAD: Duration = Duration::from_secs(15 * 60);
/// A credential that is on its way to the upstream must not end there: it counts as ended this much earlier.
const MARGIN: Duration = Duration::from_secs(10);
/// Never more often than this, however short the life that an endpoint grants.
const SHORTEST: Duration = Duration::from_secs(1);

/// A credential as its source gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fresh<T> {
    /// The credential.
    pub value: T,
    /// How long it lasts, from now.
    pub life: Life,
}

/// How long a credential lasts, counted from when it was had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// After so long a fresh one is fetched, while this one serves. `None`: a fresh one would be the same.
    pub refresh: Option<Duration>,
    /// After so long it serves no more. `None`: until its successor is there.
    pub end: Option<Duration>,
}

impl Life {
    /// It does not change as long as the process runs.
    pub const FIXED: Self = Self { refresh: None, end: None };

    /// It has no known end, and may be replaced at any time: it is read anew after each `period`.
    #[must_use]
    pub fn reread(period: Duration) -> Self {
        Self { refresh: Some(period), end: None }
    }

    /// A token that is accepted for `lifetime`: renewed five minutes before its end, or, where it is short, after four fifths.
    #[must_use]
    pub fn token(lifetime: Duration) -> Self {
        Self::ahead(lifetime, lifetime.saturating_sub(TOKEN_LEAD).max(lifetime.mul_f64(0.8)))
    }

    /// AWS credentials that are accepted for `lifetime`: renewed a quarter of an hour before their end, or, where they are short,
    /// after three quarters.
    #[must_use]
    pub fn aws(lifetime: Duration) -> Self {
        Self::ahead(lifetime, lifetime.saturating_sub(AWS_LEAD).max(lifetime.mul_f64(0.75)))
    }

    fn ahead(lifetime: Duration, refresh: Duration) -> Self {
        let end = lifetime.saturating_sub(MARGIN).max(lifetime / 2);
        Self { refresh: Some(refresh.min(end).max(SHORTEST)), end: Some(end.max(SHORTEST)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_token_is_renewed_five_minutes_before_its_end() {
        assert_eq!(Life::token(seconds(3600)), Life { refresh: Some(seconds(3300)), end: Some(seconds(3590)) });
    }

    #[test]
    fn a_short_token_is_renewed_after_four_fifths_of_its_life() {
        assert_eq!(Life::token(seconds(300)).refresh, Some(seconds(240)));
    }

    #[test]
    fn aws_credentials_are_renewed_a_quarter_of_an_hour_before_their_end() {
        assert_eq!(Life::aws(seconds(6 * 3600)).refresh, Some(seconds(6 * 3600 - 900)));
        assert_eq!(Life::aws(seconds(900)).refresh, Some(seconds(675)));
    }

    #[test]
    fn a_life_of_nothing_does_not_lead_to_a_fetch_for_every_request() {
        assert_eq!(Life::token(Duration::ZERO), Life { refresh: Some(SHORTEST), end: Some(SHORTEST) });
    }
}
