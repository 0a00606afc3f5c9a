//! Stop strings in streamed text.
//!
//! A stop string may come in pieces, so text that could be the beginning of one is held back until it is known to be
//! something else: what was sent cannot be called back.

/// Watches the text of one answer for its stop strings.
#[derive(Debug)]
pub(super) struct StopMatcher {
    stops: Vec<String>,
    held: String,
}

/// What became of a piece of text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Matched {
    /// No stop string so far; this text cannot be part of one.
    Pass(String),
    /// A stop string came up; this text came before it and is the last.
    Stop(String),
}

impl StopMatcher {
    pub(super) fn new(mut stops: Vec<String>) -> Self {
        stops.retain(|stop| !stop.is_empty());
        Self { stops, held: String::new() }
    }

    /// Takes the next piece of the answer.
    pub(super) fn push(&mut self, piece: &str) -> Matched {
        self.held.push_str(piece);
        let earliest = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min();
        if let Some(at) = earliest {
            self.held.truncate(at);
            return Matched::Stop(std::mem::take(&mut self.held));
        }
        let suspect = self.held.split_off(self.suspicious_from());
        Matched::Pass(std::mem::replace(&mut self.held, suspect))
    }

    /// The text held back, when the answer ended otherwise.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Where the longest ending begins that a stop string could continue.
    fn suspicious_from(&self) -> usize {
        self.held
            .char_indices()
            .map(|(at, _)| at)
            .find(|at| self.held.get(*at..).is_some_and(|ending| self.stops.iter().any(|stop| stop.starts_with(ending))))
            .unwrap_or(self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(stops: &[&str]) -> StopMatcher {
        StopMatcher::new(stops.iter().map(|stop| (*stop).to_owned()).collect())
    }

    fn pass(text: &str) -> Matched {
        Matched::Pass(text.to_owned())
    }

    #[test]
    fn a_stop_string_in_pieces_never_leaks() {
        let mut matcher = matcher(&["END"]);
        assert_eq!(matcher.push("text E"), pass("text "));
        assert_eq!(matcher.push("N"), pass(""));
        assert_eq!(matcher.push("D and more"), Matched::Stop(String::new()));
    }

    #[test]
    fn a_false_alarm_is_released() {
        let mut matcher = matcher(&["END"]);
        assert_eq!(matcher.push("EN"), pass(""));
        assert_eq!(matcher.push("EEN"), pass("ENE"));
        assert_eq!(matcher.push("."), pass("EN."));
    }

    #[test]
    fn the_earliest_of_several_stop_strings_wins() {
        let mut matcher = matcher(&["xyz", "b"]);
        assert_eq!(matcher.push("a b xyz"), Matched::Stop("a ".to_owned()));
    }

    #[test]
    fn an_answer_that_ends_otherwise_keeps_what_was_held_back() {
        let mut matcher = matcher(&["\n\n"]);
        assert_eq!(matcher.push("line\n"), pass("line"));
        assert_eq!(matcher.finish(), "\n");
    }

    #[test]
    fn stop_strings_may_hold_long_characters() {
        let mut matcher = matcher(&["é🌱"]);
        assert_eq!(matcher.push("aé"), pass("a"));
        assert_eq!(matcher.push("🌲é🌱"), Matched::Stop("é🌲".to_owned()));
    }

    #[test]
    fn without_stop_strings_everything_passes() {
        assert_eq!(matcher(&[""]).push("text"), pass("text"));
    }
}
