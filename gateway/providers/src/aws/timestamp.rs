//! Instants as signatures spell them.

use std::time::SystemTime;

use time::OffsetDateTime;

/// An instant as `YYYYMMDDTHHMMSSZ`; its first eight characters are the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timestamp([u8; 16]);

impl Timestamp {
    pub(super) fn of(now: SystemTime) -> Self {
        let now = OffsetDateTime::from(now);
        let mut text = *b"00000000T000000Z";
        let year = u32::try_from(now.year()).unwrap_or_default();
        let fields = [
            (0, 4, year),
            (4, 2, u32::from(u8::from(now.month()))),
            (6, 2, u32::from(now.day())),
            (9, 2, u32::from(now.hour())),
            (11, 2, u32::from(now.minute())),
            (13, 2, u32::from(now.second())),
        ];
        for (start, length, value) in fields {
            let mut value = value;
            for digit in text.iter_mut().skip(start).take(length).rev() {
                *digit = b'0' + u8::try_from(value % 10).unwrap_or_default();
                value /= 10;
            }
        }
        Self(text)
    }

    /// The whole.
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// `YYYYMMDD`.
    pub(super) fn day(&self) -> &str {
        self.as_str().get(..8).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn spells_instants() {
        let at = |seconds| Timestamp::of(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(0).as_str(), "19700101T000000Z");
        assert_eq!(at(1_440_938_160).as_str(), "20150830T123600Z");
        assert_eq!(at(1_709_164_799).as_str(), "20240228T235959Z");
        assert_eq!(at(1_709_164_800).day(), "20240229");
    }
}
