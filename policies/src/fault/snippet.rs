//! Draws the line of a fault with carets below it.

use std::ops::Range;

/// Stands for each character that may belong to a secret.
const BLANK: char = '*';

/// The line of `text` at the start of `span`, numbered `line`, with carets below the part of `span` on it. What lies
/// in `concealed` is blanked out.
pub(super) fn draw(text: &str, span: Range<usize>, line: usize, concealed: &[Range<usize>]) -> String {
    let start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1);
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

    let number = line.to_string();
    let margin = " ".repeat(number.len());
    format!("{margin} |\n{number} | {}\n{margin} | {}", shown.trim_end(), below.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_below_the_span_whatever_the_width_of_its_bytes() {
        let text = "a = 1\nkey = \"é\" # x\n";
        let start = text.find("# x").unwrap();
        assert_eq!(draw(text, start..start + 3, 2, &[]), "  |\n2 | key = \"é\" # x\n  |           ^^^");
    }

    #[test]
    fn a_span_over_several_lines_is_marked_on_its_first() {
        assert_eq!(draw("a = [\n1,\n]\n", 4..10, 1, &[]), "  |\n1 | a = [\n  |     ^");
    }

    #[test]
    fn a_span_at_the_end_of_a_line_still_has_a_caret() {
        assert_eq!(draw("a =\n", 3..4, 1, &[]), "  |\n1 | a =\n  |    ^");
    }

    #[test]
    fn concealed_text_is_blanked_out() {
        let drawn = draw("key = \"hunter2\"", 0..3, 1, std::slice::from_ref(&(6..15)));
        assert_eq!(drawn, "  |\n1 | key = *********\n  | ^^^");
    }
}
