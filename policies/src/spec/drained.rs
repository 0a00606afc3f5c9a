//! When a backend takes no new request: never, always, or in windows of time by the wall clock, which whoever asks has to bring.

use std::fmt;
use std::time::SystemTime;

use crate::decision::Moment;

/// When a backend takes no new request. Those under way go on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Drained {
    /// It takes them.
    #[default]
    Never,
    /// As long as the policy says so.
    Always,
    /// In these windows, in the order in which they are written. They may overlap.
    In(Vec<Window>),
}

/// A time in which a backend takes no new request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its beginning.
    pub from: Moment,
    /// Its end, which is outside of it; it has none where this is absent.
    pub until: Option<Moment>,
}

impl Window {
    /// Whether a moment lies in it.
    pub fn holds(&self, moment: Moment) -> bool {
        self.from <= moment && self.until.is_none_or(|until| moment < until)
    }
}

impl Drained {
    /// Whether it takes no new request at `now`.
    pub fn at(&self, now: Moment) -> bool {
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::In(windows) => windows.iter().any(|window| window.holds(now)),
        }
    }

    /// Whether that is so whatever the time.
    pub fn is_always(&self) -> bool {
        *self == Self::Always
    }

    /// The windows, in the order in which they are written.
    pub fn windows(&self) -> &[Window] {
        match self {
            Self::Never | Self::Always => &[],
            Self::In(windows) => windows,
        }
    }

    /// When the next window begins; none if none is to come.
    pub fn next_after(&self, now: Moment) -> Option<Moment> {
        self.windows().iter().map(|window| window.from).filter(|from| *from > now).min()
    }
}

impl fmt::Display for Drained {
    /// As it is written in a policy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("false"),
            Self::Always => f.write_str("true"),
            Self::In(windows) => {
                let windows: Vec<_> = windows.iter().map(ToString::to_string).collect();
                write!(f, "[{}]", windows.join(", "))
            }
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = |moment: Moment| humantime::format_rfc3339_seconds(SystemTime::from(moment));
        write!(f, "{{ from = {}", second(self.from))?;
        if let Some(until) = self.until {
            write!(f, ", until = {}", second(until))?;
        }
        f.write_str(" }")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: u8) -> Moment {
        format!("2026-12-01T{hour:02}:00:00Z").parse().unwrap()
    }

    #[test]
    fn a_window_begins_with_its_first_moment_and_ends_before_its_last() {
        let windows = vec![Window { from: at(2), until: Some(at(4)) }, Window { from: at(8), until: None }];
        let drained = Drained::In(windows);
        let hours: Vec<_> = (0..24).filter(|hour| drained.at(at(*hour))).collect();
        assert_eq!(hours, [2, 3].into_iter().chain(8..24).collect::<Vec<_>>());
        let next: Vec<_> = [0, 2, 7, 8].map(|hour| drained.next_after(at(hour))).into();
        assert_eq!(next, [Some(at(2)), Some(at(8)), Some(at(8)), None]);
        let written = "[{ from = 2026-12-01T02:00:00Z, until = 2026-12-01T04:00:00Z }, { from = 2026-12-01T08:00:00Z }]";
        assert_eq!(drained.to_string(), written);
        assert!(!Drained::Never.at(at(2)) && Drained::Always.at(at(2)) && Drained::Always.is_always() && !drained.is_always());
    }
}
