//! Draws the line of a fault with carets below it.

use std::ops::Range;

/// Stands for each character that may belong to a secret.
const BLANK: char = '*';

/// How many characters of a line are shown: a little more than a wide terminal has.
const WIDEST: usize = 160;
/// How many of them stand before the mark where the line does not fit.
const BEFORE: usize = 40;
/// Stands for what is left out.
const CUT: char = '…';

/// A line of a file, and what is marked on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snippet {
    /// Its number, from 1.
    pub(super) number: usize,
    /// The line, without what is concealed.
    pub(super) line: String,
    /// Carets below the marked part.
    pub(super) below: String,
}

/// The line of `text` that begins at `line_start` and has `number`, with carets below the part of `span` on it. What lies
/// in `concealed` is blanked out.
pub(super) fn draw(text: &str, span: Range<usize>, (number, line_start): (usize, usize), concealed: &[Range<usize>]) -> Snippet {
    let start = line_start;
    let rest = text.get(start..).unwrap_or("");
    let written = rest.lines().next().unwrap_or("");

    let hidden = |at: usize| concealed.iter().any(|range| range.contains(&at));
    let mut shown = String::with_capacity(written.len());
    let mut below = String::with_capacity(written.len());
    for (offset, character) in written.char_indices() {
        let at = start + offset;
        // A tab would shift the carets by a width that only the terminal knows.
        let character = if character.is_control() { ' ' } else { character };
        shown.push(if hidden(at) { BLANK } else { character });
        below.push(if span.contains(&at) { '^' } else { ' ' });
    }
    if !below.contains('^') {
        below.push('^');
    }

    let (shown, below) = window(shown.trim_end(), below.trim_end());
    Snippet { number, line: shown, below }
}

/// As much of a line as fits a terminal, with the beginning of what is marked on it.
fn window(shown: &str, below: &str) -> (String, String) {
    let mark = below.chars().take_while(|character| *character == ' ').count();
    let first = if mark < WIDEST { 0 } else { mark - BEFORE };
    let cut = |text: &str| text.chars().skip(first).take(WIDEST).collect::<String>();
    let (mut line, mut marks) = (cut(shown), cut(below));
    if first > 0 {
        line.insert(0, CUT);
        marks.insert(0, ' ');
    }
    if shown.chars().count() > first + WIDEST {
        line.push(CUT);
    }
    (line, marks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(text: &str, span: Range<usize>, line: (usize, usize), concealed: &[Range<usize>]) -> (String, String) {
        let Snippet { number, line: shown, below } = draw(text, span, line, concealed);
        assert_eq!(number, line.0);
        (shown, below)
    }

    fn lines(line: &str, below: &str) -> (String, String) {
        (line.to_owned(), below.to_owned())
    }

    #[test]
    fn carets_stand_below_the_span_whatever_the_width_of_its_bytes() {
        let text = "a = 1\nkey = \"é\" # x\n";
        let start = text.find("# x").unwrap();
        assert_eq!(drawn(text, start..start + 3, (2, 6), &[]), lines("key = \"é\" # x", "          ^^^"));
    }

    #[test]
    fn a_span_over_several_lines_is_marked_on_its_first() {
        assert_eq!(drawn("a = [\n1,\n]\n", 4..10, (1, 0), &[]), lines("a = [", "    ^"));
    }

    #[test]
    fn a_span_at_the_end_of_a_line_still_has_a_caret() {
        assert_eq!(drawn("a =\n", 3..4, (1, 0), &[]), lines("a =", "   ^"));
    }

    #[test]
    fn of_a_long_line_the_part_around_the_mark_is_shown() {
        let text = format!("{}x{}", "a".repeat(1000), "b".repeat(1000));
        let (line, below) = drawn(&text, 1000..1001, (1, 0), &[]);
        assert_eq!(line, format!("…{}x{}…", "a".repeat(40), "b".repeat(119)));
        assert_eq!(below, format!("{}^", " ".repeat(41)));
    }

    #[test]
    fn concealed_text_is_blanked_out() {
        let drawn = drawn("key = \"hunter2\"", 0..3, (1, 0), std::slice::from_ref(&(6..15)));
        assert_eq!(drawn, lines("key = *********", "^^^"));
    }
}
