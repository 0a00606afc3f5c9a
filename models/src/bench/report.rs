//! What an engine should be able to do.

use serde::Serialize;

use super::Report;

/// What was measured against what should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bar {
    /// What.
    pub what: &'static str,
    /// What was measured.
    pub measured: f64,
    /// Where the bar is.
    pub bar: f64,
    /// Whether it is cleared.
    pub holds: bool,
}

impl Bar {
    fn at_least(what: &'static str, bar: f64, measured: f64) -> Self {
        Self { what, measured, bar, holds: measured >= bar }
    }

    fn at_most(what: &'static str, bar: f64, measured: f64) -> Self {
        Self { what, measured, bar, holds: measured <= bar }
    }
}

impl Report {
    /// All bars. A measurement that is no number clears none.
    pub fn bars(&self) -> Vec<Bar> {
        // Where nobody was refused, nothing was seen of how refusals are told.
        let untold = match (self.overload.refused, self.overload.is_told_when) {
            (0, _) => f64::NAN,
            (_, true) => 0.0,
            (_, false) => 1.0,
        };
        vec![
            Bar::at_least("eight answers together, times the tokens a second of one", 2.5, self.batching.gain()),
            Bar::at_least("a shared prompt, part of the first token's time that is saved", 0.8, self.shared_prefix.saving()),
            Bar::at_most("while a long prompt is read, longest gap in times the median", 2.0, self.intrusion.unevenness()),
            Bar::at_least("twice the load, part of the peak that is kept", 0.95, self.overload.kept()),
            Bar::at_most("twice the load, refusals that do not say when to come back", 0.0, untold),
            Bar::at_most("forecasts of the first token, median |ln(forecast / actual)|", 0.25, self.forecasts.median_error),
            Bar::at_most("readers who leave, blocks that are not free again", 0.0, self.departures.lost as f64),
            Bar::at_most("readers who leave, steps until all blocks are free", 1.0, self.departures.steps as f64),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_clears_no_bar() {
        assert!(!Bar::at_least("", 0.0, f64::NAN).holds && !Bar::at_most("", 0.0, f64::NAN).holds);
        assert!(Bar::at_least("", 1.0, 1.0).holds && Bar::at_most("", 1.0, 1.0).holds);
        assert!(!Bar::at_least("", 1.0, 0.9).holds && !Bar::at_most("", 1.0, 1.1).holds);
    }
}
