//! From a byte of a text to its line.

/// Where the lines of a text begin, so that a place is looked up rather than counted each time.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(place, _)| place + 1);
        Self(std::iter::once(0).chain(after_breaks).collect())
    }

    /// The number of the line that holds the byte, from 1, and where that line begins.
    pub(super) fn at(&self, byte: usize) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= byte);
        (line, line.checked_sub(1).and_then(|line| self.0.get(line)).copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_its_break_and_the_next_begins_behind_it() {
        let lines = Lines::of("ab\n\nc\r\nd");
        let expected = [(0, (1, 0)), (1, (1, 0)), (2, (1, 0)), (3, (2, 3)), (4, (3, 4)), (6, (3, 4)), (7, (4, 7)), (99, (4, 7))];
        for (byte, line) in expected {
            assert_eq!(lines.at(byte), line, "{byte}");
        }
    }
}
